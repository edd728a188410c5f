"""
Where to put the next sensors
=============================

Eight thermometers over Europe, each where it tells most.

Two stations exist; new ones keep 300 km apart. The law of the field is learned from four days of
the embedded reanalysis (ERA5). One sees the expected deviation before and after, the places in
their order, and the expected error against their number beside random places and QR with pivoting;
the crosses are measured on other days. Needs the extra ``fields``. About 20 s on one core:

.. code-block:: shell

    python examples/placement.py placement.png
"""

import matplotlib.pyplot as plt
from shared import draw_maps, save, size, small_model

import mamba_diffae as mda
from mamba_diffae.sources import weather_dataset

# %%
# A model of the field
# --------------------

SENSORS, STEPS = size(8, gallery=8, test=2), size(60, gallery=40, test=2)
EXISTING = [[50.0, 10.0], [41.0, 2.0]]

europe = weather_dataset()[["t2m"]].sel(lat=slice(36, 60), lon=slice(0, 30))
data = mda.open_field(europe, snapshot_dim="time")
model = small_model(STEPS)
model.fit(data, phases=["autoencoder"])

# %%
# One sensor after the other
# --------------------------
#
# Each is placed where the deviation that is expected of the whole field falls most.

found = mda.place_sensors(
    model, SENSORS, existing=EXISTING, min_distance=300, truth=data.split("test")
)
print(found.describe())
last = {"greedy": found.greedy, "random": found.random[0], "QR": found.qr}
scores = {f"{name} measured": float(each.actual[SENSORS][0]) for name, each in last.items()}
scores["expected"] = float(found.expected[-1, 0])

# %%
# Before, after, and by number
# ----------------------------

figure, axes = plt.subplots(1, 3, figsize=(14, 4), layout="constrained", width_ratios=(1, 1, 0.9))
maps = {
    "two stations": found.before[..., 0],
    f"and {SENSORS} more, in their order": found.greedy.std[..., 0],
}
draw_maps(axes[:2], maps, found.grid, "expected deviation [K]", cmap="magma")
for ax in axes[:2]:
    ax.plot(found.existing[:, 1], found.existing[:, 0], "w^", mec="k")
for k, (lat, lon) in enumerate(found.coords, start=1):
    axes[1].text(lon, lat, str(k), color="w", weight="bold", ha="center", va="center")

random, numbers, ax = found.random_curves(), range(len(found) + 1), axes[2]
ax.fill_between(numbers, random.min(axis=0), random.max(axis=0), color="0.85")
ax.plot(numbers, random.mean(axis=0), color="0.5", label=f"random, {len(random)} placements")
ax.plot(numbers, found.curve(found.qr), "C1--", label="QR with pivoting")
ax.plot(numbers, found.curve(found.greedy), "C0o-", ms=4, label="greedy (the maps)")
for arm, colour in zip(last.values(), ("C0", "0.5", "C1"), strict=True):
    ax.plot(list(arm.actual), [v[0] for v in arm.actual.values()], "x", color=colour, ms=8)
ax.set_title("error by the number of sensors", fontsize=10)
ax.set(xlabel="new sensors", ylabel="RMSE [K]: expected, and measured (×)")
ax.legend(frameon=False)
save(figure)
