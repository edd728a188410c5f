"""
Two variables
=============

What sea level, measured everywhere, tells of the temperature at 200 m depth.

Satellites see the sea level in every cell; twelve floats read the temperature at depth, which goes
with the level where eddies lift or lower the warm water, and in part does not. Both are generated.
One sees level and temperature as they are, then the temperature by the floats alone and with the
level as well: mean, and stated deviation. About 40 s on one core:

.. code-block:: shell

    python examples/two_variables.py two_variables.png
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter
from shared import ENDS, PHASES, draw_maps, save, size, small_model

import mamba_diffae as mda
from mamba_diffae.evaluation import Kriging
from mamba_diffae.sources import from_array

# %%
# Level and temperature
# ---------------------
#
# In each cell the two correlate at 0.85.

COUNT, STEPS = size(120, gallery=80, test=24), size(60, gallery=20, test=2)
CELLS, SIDE = 20, 500.0  # along each side, and in kilometres
FLOATS = 12

noise = np.random.default_rng(0).standard_normal((2, COUNT, CELLS, CELLS))
first, second = (part / part.std() for part in gaussian_filter(noise, (0, 0, 2, 2)))
temperature = 13 + 1.5 * (0.85 * first + np.sqrt(1 - 0.85**2) * second)
edges = np.linspace(0, SIDE, CELLS + 1)
data = from_array(
    np.stack([12 * first, temperature], axis=-1),
    variables=["level", "T200"],
    axes={"y": edges, "x": edges},
    units=["cm", "degC", "km", "km"],
)

# %%
# A model of both
# ---------------

model = small_model(STEPS)
model.fit(data, phases=PHASES)

# %%
# Floats alone, floats and level
# ------------------------------
#
# A variable that was not observed at a place is NaN there: the level alone is known in most cells,
# and in the first case nowhere.

test, train = data.split("test"), data.split("train")
cells = np.random.default_rng(1).permutation(data.grid.cells)
coords, support = data.grid.centres()[cells], data.grid.supports()[cells]
values = test.values.reshape(len(test), -1, 2)[:, cells].copy()
values[:, FLOATS:, 1] = np.nan
both = mda.Observations.stack(
    [mda.Observations.from_points(coords, v, support=support) for v in values]
)
alone = mda.Observations.stack(
    [
        mda.Observations.from_points(coords[:FLOATS], v, support=support[:FLOATS])
        for v in values[:, :FLOATS] * [np.nan, 1]
    ]
)
told = {
    "kriging, floats alone": Kriging().fit(train).predict(alone, data.grid),
    "floats alone": model.predict(alone, n_draws=2, quantiles=ENDS),
    "floats and level": model.predict(both, n_draws=2, quantiles=ENDS),
}

# %%
# The level lowers the error by a third; the deviation stated beside it is somewhat too small, as
# the coverage tells.

scores = {name: mda.evaluate(field, test)["rmse"]["T200"] for name, field in told.items()}
for name, error in scores.items():
    print(f"{name}: RMSE of the temperature {error:.2f} °C")
low, high = told["floats and level"].interval(0.9)
scores["coverage"] = float(((low <= test.values) & (test.values <= high))[..., 1].mean())
print(f"With the level the intervals of 90 % hold {scores['coverage']:.0%}.")

# %%
# One snapshot
# ------------
#
# Truth on the left, then without the level, then with it.

figure, axes = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
names, place = ("floats alone", "floats and level"), alone.coords[0]
level = {"sea level, seen everywhere": test.values[0, ..., 0]}
maps = {"temperature, and the floats": test.values[0, ..., 1]}
maps |= {f"mean, {name}": told[name].mean[0, ..., 1] for name in names}
spread = {f"deviation, {name}": told[name].std[0, ..., 1] for name in names}
draw_maps(axes[0], maps, test.grid, "temperature at 200 m [°C]", cmap="turbo")
draw_maps(axes[1, :1], level, test.grid, "level [cm]", cmap="RdBu_r")
draw_maps(axes[1, 1:], spread, test.grid, "stated deviation [°C]", (0, None), cmap="magma")
for ax in (axes[0, 0], *axes[1, 1:]):
    ax.plot(place[:, 1], place[:, 0], "ko", ms=4, mec="w")
save(figure)
