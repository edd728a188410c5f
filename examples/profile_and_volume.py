"""
A profile and a volume
======================

One axis and three: a temperature profile over depth, and a warm plume in a room.

A profile is read at seven depths, a volume at 40 places. One sees the profile with the interval of
90 % beside the truth and kriging, and three levels of the room: truth, mean, deviation. About
70 s on one core:

.. code-block:: shell

    python examples/profile_and_volume.py profile_and_volume.png
"""

import matplotlib.pyplot as plt
import numpy as np
from shared import ENDS, PHASES, draw_maps, print_scores, save, size, small_model

import mamba_diffae as mda
from mamba_diffae.evaluation import Kriging
from mamba_diffae.sources import from_array

# %%
# Profiles
# --------
#
# Thermoclines of random depth, sharpness and strength, with internal waves. The cells grow with
# depth, from 5 to 10 m.

COUNT, STEPS = size(100, gallery=60, test=24), size(60, gallery=20, test=2)
DEPTH = np.concatenate([np.arange(2.5, 100, 5), np.arange(105, 300, 10)])

rng = np.random.default_rng(0)
centre, width = rng.uniform(30, 140, (COUNT, 1)), rng.uniform(8, 30, (COUNT, 1))
warm, phase = rng.uniform(6, 14, (COUNT, 1)), rng.uniform(0, 2 * np.pi, (COUNT, 1))
step = warm / (1 + np.exp((DEPTH - centre) / width))
waves = 0.5 * np.sin(DEPTH / 15 + phase) * np.exp(-(((DEPTH - centre) / 60) ** 2))
profiles = from_array(
    6 - DEPTH / 100 + step + waves,
    variables="T",
    units=["degC", "m"],
    axes={"depth": DEPTH},
)

# %%
# Volumes
# -------
#
# Warm air rises from a source on the floor and leans with a draught. Values are K above the room.

ROOM = {"z": np.linspace(0, 2.4, 9), "y": np.linspace(0, 4, 9), "x": np.linspace(0, 4, 9)}

z, y, x = np.meshgrid(*((edges[:-1] + edges[1:]) / 2 for edges in ROOM.values()), indexing="ij")
source, lean = rng.uniform(1, 3, (2, COUNT, 1, 1, 1)), rng.normal(0, 0.4, (2, COUNT, 1, 1, 1))
heat = rng.uniform(6, 12, (COUNT, 1, 1, 1))
away = (y - source[0] - lean[0] * z) ** 2 + (x - source[1] - lean[1] * z) ** 2
plumes = from_array(
    heat / (1 + z) * np.exp(-away / (2 * (0.45 + 0.25 * z) ** 2)) + 0.8 * z,
    variables="dT",
    axes=ROOM,
    units=dict.fromkeys(ROOM, "m") | {"dT": "K"},
)

# %%
# Seven depths
# ------------
#
# The same lines do for one axis and for three.

profile_model = small_model(STEPS)
profile_model.fit(profiles, phases=PHASES)
profile_test, profile_train = profiles.split("test"), profiles.split("train")
depths = mda.observe(profile_test, 7 / profiles.grid.cells, seed=1)
profile = {
    "model": profile_model.predict(depths, n_draws=2, quantiles=ENDS),
    "kriging": Kriging().fit(profile_train).predict(depths, profiles.grid),
}
print("7 readings along depth:")
of_profile = print_scores(profile, profile_test, depths)

# %%
# Forty places in the room
# ------------------------

volume_model = small_model(STEPS)
volume_model.fit(plumes, phases=PHASES)
volume_test, volume_train = plumes.split("test"), plumes.split("train")
places = mda.observe(volume_test, 40 / plumes.grid.cells, seed=1)
volume = {
    "model": volume_model.predict(places, n_draws=2, quantiles=ENDS),
    "kriging": Kriging().fit(volume_train).predict(places, plumes.grid),
}
print("40 readings along z, y, x:")
of_volume = print_scores(volume, volume_test, places)

scores = {f"profile {name}": score for name, score in of_profile.items()}
scores |= {f"volume {name}": score for name, score in of_volume.items()}

# %%
# One of each
# -----------
#
# The room is cut at three levels, from the floor upwards.

figure = plt.figure(figsize=(12, 6.6), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(1, 1.9))
ax = left.subplots()
low, high = (end[0, :, 0] for end in profile["model"].interval(0.9))
ax.fill_betweenx(DEPTH, low, high, alpha=0.3, label="interval of 90 %")
for (name, field), style in zip(profile.items(), ("-", "--"), strict=True):
    ax.plot(field.mean[0, :, 0], DEPTH, style, label=f"mean, {name}")
ax.plot(profile_test.values[0, :, 0], DEPTH, "k", lw=1, label="truth")
ax.plot(depths.values[0, :7, 0], depths.coords[0, :7, 0], "ko", label="read")
ax.set_title("a profile", fontsize=10)
ax.set(xlabel="temperature [°C]", ylabel="depth [m]")
ax.invert_yaxis()
ax.legend(frameon=False)

plane, height = mda.Grid(plumes.grid.axes[1:]), plumes.grid.axes[0].centres
limits = volume_test.values[0].min(), volume_test.values[0].max()
rows = {
    "truth": volume_test.values,
    "mean": volume["model"].mean,
    "deviation": volume["model"].std,
}
for line, (what, values) in zip(right.subplots(3, 3), rows.items(), strict=True):
    maps = {f"{what}, z = {height[k]:.1f} m": values[0, k, ..., 0] for k in (1, 3, 6)}
    style = {} if what == "deviation" else {"limits": limits, "cmap": "inferno"}
    draw_maps(line, maps, plane, "ΔT [K]", **style)
save(figure)
