"""
Rain that is never negative
===========================

Rain from gauges: a variable that is never negative, and often exactly 0.

Forty gauges on 100 × 100 km read rain. With the transform "bounded" mean, draws and quantiles stay
at or above 0, which kriging does not know. One sees truth, kriging, mean, the quantiles of 5 and
95 %, and a cut through them. About 40 s on one core:

.. code-block:: shell

    python examples/rain.py rain.png
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter
from shared import ENDS, PHASES, draw_maps, print_scores, save, size, small_model

import mamba_diffae as mda
from mamba_diffae.evaluation import Kriging
from mamba_diffae.sources import from_array

# %%
# Showers
# -------
#
# Rain falls where a random field is above a threshold, so that about half of the cells are dry. The
# transform of the variable says what is possible: "bounded" means never below 0.

COUNT, STEPS = size(100, gallery=60, test=24), size(60, gallery=20, test=2)
CELLS, SIDE = 28, 100.0  # along each side, and in kilometres

rng = np.random.default_rng(0)
rough = gaussian_filter(rng.standard_normal((COUNT, CELLS, CELLS)), (0, 3, 3))
wet = np.maximum(rough / rough.std() - 0.3, 0) ** 1.5
edges = np.linspace(0, SIDE, CELLS + 1)
data = from_array(
    5 * wet,
    variables="rain",
    axes={"y": edges, "x": edges},
    units={"rain": "mm h-1", "y": "km", "x": "km"},
    transforms={"rain": "bounded"},
)

# %%
# Model and gauges
# ----------------
#
# The gauges of every test shower stand elsewhere. Kriging is given the same readings.

model = small_model(STEPS)
model.fit(data, phases=PHASES)

test, train = data.split("test"), data.split("train")
seen = mda.observe(test, 40 / CELLS**2, pattern="scattered", seed=0)
field = model.predict(seen, n_draws=2, quantiles=ENDS)
kriging = Kriging().fit(train).predict(seen, data.grid)

# %%
# No quantile of the model is below 0; the mean of kriging is.

scores = print_scores({"model": field, "kriging": kriging}, test, seen)
least = {"model": field.quantiles.min(), "kriging": kriging.mean.min()}
text = ", ".join(f"{name} {value:.2f}" for name, value in least.items())
print(f"least quantile of the model and least mean of kriging, mm h-1: {text}")
scores |= {f"{name} least": float(value) for name, value in least.items()}

# %%
# The wettest shower
# ------------------

b = int(test.values.mean(axis=(1, 2, 3)).argmax())
low, high = field.quantiles[:, b, ..., 0]
maps = {
    "truth, and the gauges": test.values[b, ..., 0],
    "mean of the model": field.mean[b, ..., 0],
    "kriging (red: below 0)": kriging.mean[b, ..., 0],
    "quantile of 5 %": low,
    "quantile of 95 %": high,
}
figure, axes = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
colours = plt.get_cmap("YlGnBu").with_extremes(under="tab:red")
limits = (0, float(max(m.max() for m in maps.values())))
draw_maps(axes.ravel()[:5], maps, data.grid, "rain [mm h$^{-1}$]", limits, cmap=colours)
axes[0, 0].plot(seen.coords[b, :, 1], seen.coords[b, :, 0], "k.", ms=4)

row = int(test.values[b, ..., 0].max(axis=1).argmax())
truth, mean, kriged, low, high = (m[row] for m in maps.values())
cut, x = axes[1, 2], data.grid.axes[1].centres
cut.fill_between(x, low, high, alpha=0.3, label="5 to 95 %")
cut.plot(x, mean, label="mean of the model")
cut.plot(x, kriged, "C3--", label="kriging")
cut.plot(x, truth, "k", lw=1, label="truth")
cut.axhline(0, color="0.6", lw=0.8)
cut.set_title(f"cut at y = {data.grid.axes[0].centres[row]:.0f} km", fontsize=10)
cut.set(xlabel="x [km]", ylabel="rain [mm h$^{-1}$]")
cut.legend(frameon=False, fontsize=8)
save(figure)
