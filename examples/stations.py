"""
Stations from a table
=====================

Stations from a CSV: a map of temperature with its uncertainty, verified station by station.

The script writes a CSV of 60 stations that read the embedded reanalysis (ERA5, a week, Europe) with
an error of 0.5 K and do not always report. The model learns from the rows of five days. For the
other two days every station is withheld in turn. One sees a map from the stations, the reanalysis,
the stated deviation, and the errors at withheld stations beside those of other methods. Needs the
extra ``fields``. About 70 s on one core:

.. code-block:: shell

    python examples/stations.py stations.png
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from shared import PHASES, draw_maps, output, save, size, small_model

import mamba_diffae as mda
from mamba_diffae.sources import weather_dataset

# %%
# A table
# -------
#
# A row for each station and time, as it might come from an archive.

STATIONS, FOLDS = size(60, gallery=60, test=12), size(5, gallery=2, test=2)
STEPS = size(60, gallery=20, test=2)
EUROPE = {"lat": slice(36, 60), "lon": slice(0, 30)}

rng = np.random.default_rng(0)
names = [f"S{k:02d}" for k in range(STATIONS)]
lat, lon = rng.uniform(36, 60, STATIONS).round(2), rng.uniform(0, 30, STATIONS).round(2)
places = pd.DataFrame({"lat": lat, "lon": lon}, index=pd.Index(names, name="station"))
readings = weather_dataset().t2m.interp(places.to_xarray()).to_dataframe().reset_index()
readings["t2m"] = (readings["t2m"] + rng.normal(0, 0.5, len(readings))).round(1)
with output("stations.csv") as path:
    table = path.with_suffix(".csv")
    readings[rng.random(len(readings)) < 0.9].to_csv(table, index=False)
    rows = pd.read_csv(table, parse_dates=["time"])
rows.head()

# %%
# A model of scattered readings
# -----------------------------
#
# No field is ever seen: the model learns from what the stations read before the 30th of March. It
# is told which columns are coordinates and values, and the error of a reading.

COLUMNS = {"lat": "lat", "lon": "lon", "values": ["t2m"], "noise": 0.5}

learned = rows["time"] < "2026-03-30"
europe = mda.open_field(weather_dataset()[["t2m"]].sel(EUROPE), snapshot_dim="time")
model = small_model(STEPS)
model.fit(rows[learned], grid=europe.grid, time="time", phases=PHASES, **COLUMNS)

# %%
# Every station withheld in turn
# ------------------------------

checked = mda.verify(
    model, rows[~learned], "station", FOLDS, show_progress=False, time="time", **COLUMNS
)
print(checked.findings()[0])
overall = {m.key: checked.score(m.key).overall for m in checked.methods}
for method in ("model", "kriging"):
    told = overall[method]
    print(f"{method}: RMSE {told.rmse:.2f} K, 90 % interval holds {told.coverage:.0%}")
scores = {name: told.rmse for name, told in overall.items()}
scores["coverage"] = overall["model"].coverage

# %%
# The last hour
# -------------

last = rows[rows["time"] == rows["time"].max()]
seen = mda.Observations.from_table(last, **COLUMNS)
field = model.predict(seen, targets=europe.grid, n_draws=40)

figure = plt.figure(figsize=(13, 6.6), layout="constrained")
upper, lower = figure.subfigures(2, 1, height_ratios=(1.7, 1))
axes = upper.subplots(1, 3)
maps = {
    "mean, and what the stations read": field.mean[0, ..., 0],
    "reanalysis (never given)": europe.values[-1, ..., 0],
}
limits = europe.values[-1].min(), europe.values[-1].max()
draw_maps(axes[:2], maps, europe.grid, "temperature at 2 m [K]", limits, cmap="turbo")
circles = {"c": last["t2m"], "cmap": "turbo", "vmin": limits[0], "vmax": limits[1]}
axes[0].scatter(last["lon"], last["lat"], 28, edgecolors="k", linewidths=0.8, **circles)
spread = {"stated deviation": field.std[0, ..., 0]}
draw_maps(axes[2:], spread, europe.grid, "deviation [K]", cmap="magma")
axes[2].plot(last["lon"], last["lat"], "w.", markersize=3)

ax, methods = lower.subplots(), checked.methods
colours = ["C0" if m.key == "model" else "0.7" for m in methods]
bars = ax.barh([str(m) for m in methods], [scores[m.key] for m in methods], color=colours)
ax.bar_label(bars, fmt="%.2f", padding=3)
ax.invert_yaxis()
ax.set_title("errors at withheld stations", fontsize=10)
ax.set_xlabel(f"RMSE at withheld stations [K], {checked.readings} readings")
ax.spines[["top", "right"]].set_visible(False)
ax.margins(x=0.15)
save(figure)
