"""
A window of space and time
==========================

What gauges read before and after tells of now.

The level along a coast of 96 km changes within a day or two. Eight gauges report one hour in three,
with an error of 0.1 m. A model of windows of time reads sixteen hours of reports; a model of single
hours knows the two or three that report just now. Both are asked for later days than they learned
on. About 90 s on one core:

.. code-block:: shell

    python examples/time_window.py time_window.png
"""

import matplotlib.pyplot as plt
import numpy as np
from shared import PHASES, save, size, small_model

import mamba_diffae as mda

# %%
# The level along a coast
# -----------------------
#
# Forty standing waves of 20 to 100 km come and go in days. The last two days are kept apart.

HOURS, STEPS = size(600, gallery=400, test=200), size(60, gallery=20, test=2)
LATER = 48
GAUGES = np.array([4, 15, 29, 40, 52, 63, 78, 91])  # the cells in which they stand


def sea(hours: int, rng: np.random.Generator) -> np.ndarray:
    """Level over time and place in metres, shape (hours, 96)."""
    t, x = np.arange(hours)[:, None], np.arange(96.0)
    level = np.zeros((hours, 96))
    for _ in range(40):
        length, period = rng.uniform(20, 100), rng.uniform(30, 120)
        place, time = 2 * np.pi * x / length, 2 * np.pi * t / period
        level += 0.12 * np.sin(place + rng.uniform(0, 6.28)) * np.sin(time + rng.uniform(0, 6.28))
    return level


levels = sea(HOURS, np.random.default_rng(0))
learned, truth = levels[:-LATER], levels[-LATER:]
coast = mda.Axis.regular("x", 0, 96, 96, "km")
past = mda.Axis.regular("time", 0, HOURS - LATER, HOURS - LATER, "h")
level = mda.Variable("level", "m")

# %%
# Time as an axis
# ---------------
#
# To the first model the series is one field of space and time, of which it learns windows of
# sixteen hours.

series = mda.FieldData([level], mda.Grid((past, coast)), learned[None, ..., None])
model = small_model(STEPS)
model.fit(series, window={"time": 16}, phases=PHASES)

# %%
# To the second one every hour is a snapshot of its own.

single = np.repeat(["train", "val"], [HOURS - LATER - 48, 48])
snapshots = mda.FieldData([level], mda.Grid((coast,)), learned[..., None], splits=single)
hourly = small_model(STEPS)
hourly.fit(snapshots, phases=PHASES)

# %%
# Reports of the last two days
# ----------------------------

rng = np.random.default_rng(1)
reports = rng.random((LATER, len(GAUGES))) < 1 / 3
reports[:, 0] |= ~reports.any(axis=1)
readings = truth[:, GAUGES] + 0.1 * rng.normal(size=reports.shape)
hour, gauge = np.nonzero(reports)
places = np.stack([HOURS - LATER + hour + 0.5, GAUGES[gauge] + 0.5], axis=1)
read = mda.Observations.from_points(places, readings[hour, gauge, None], noise=0.1)

# %%
# The model of windows answers on a grid of hours that it never saw.

days = mda.Grid((mda.Axis.regular("time", HOURS - LATER, HOURS, LATER, "h"), coast))
later = mda.on_grid(model, days)
told = later.predict(read, n_draws=40)
each = [
    mda.Observations.from_points(GAUGES[here, None] + 0.5, row[here, None], noise=0.1)
    for row, here in zip(readings, reports, strict=True)
]
alone = hourly.predict(each).mean[..., 0]
mean, (low, high) = told.mean[0, ..., 0], (end[0, ..., 0] for end in told.interval(0.9))

# %%
# Errors of both, and how often the interval of the first holds the truth:

scores = {
    "windows of time": float(np.sqrt(np.square(mean - truth).mean())),
    "single hours": float(np.sqrt(np.square(alone - truth).mean())),
}
for name, error in scores.items():
    print(f"{name}: RMSE {error:.3f} m")
scores["coverage"] = float(((truth >= low) & (truth <= high)).mean())
print(f"the 90 % interval holds {scores['coverage']:.0%}")

# %%
# Level over time and place
# -------------------------
#
# Dots are reports: where and when a gauge reported.

maps = {"truth, and the reports": truth, "windows of time": mean, "single hours": alone}
figure, axes = plt.subplots(1, len(maps), figsize=(12, 4.2), layout="constrained", sharey=True)
most = np.abs(truth).max()
style = {"origin": "lower", "aspect": "auto", "cmap": "RdBu_r", "vmin": -most, "vmax": most}
for ax, (name, shown) in zip(axes, maps.items(), strict=True):
    image = ax.imshow(shown, extent=(0, 96, 0, LATER), **style)
    ax.set_title(name)
    ax.set_xlabel("place [km]")
axes[0].plot(GAUGES[gauge] + 0.5, hour + 0.5, "k.", ms=3)
axes[0].set_ylabel("time [h]")
figure.colorbar(image, ax=axes, label="level [m]")
save(figure)
