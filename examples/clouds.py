"""
Gaps under clouds
=================

Sea surface temperature where a satellite did not see the sea.

A front meanders between warm and cold water; two fifths of every day lie under clouds. The model
learns from the gappy days alone. On test days the clouds of another day are laid over what was
seen, so that what they hide is a known truth. One sees a day, what was given, mean, deviation and
error. About 60 s on one core:

.. code-block:: shell

    python examples/clouds.py clouds.png
"""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter
from shared import ENDS, PHASES, draw_maps, print_scores, save, size, small_model

import mamba_diffae as mda
from mamba_diffae.evaluation import GappyPOD, Kriging
from mamba_diffae.sources import from_array

# %%
# Days with gaps
# --------------
#
# The front is a smooth step that four waves bend; eddies of a few days drift over it. Clouds cover
# the highest two fifths of a random field that is new every day.

DAYS, STEPS = size(100, gallery=60, test=30), size(40, gallery=20, test=2)
LAT, LON = np.arange(36.15, 42, 0.3), np.arange(-69.85, -61, 0.3)


def sea(days: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Temperature in °C and where clouds are, shape (days, lat, lon) each."""
    waves = np.arange(1, 5)[:, None, None]
    phase = rng.uniform(0, 2 * np.pi, (4, 1, 1)) + rng.uniform(0.1, 0.3, (4, 1, 1)) * np.arange(
        days
    ).reshape(-1, 1)
    meander = (np.sin(2 * np.pi * waves * (LON - LON[0]) / 9 + phase) / waves).sum(axis=0)
    front = np.tanh((LAT[None, :, None] - 39.5 - meander[:, None, :]) / 0.6)
    noise = rng.standard_normal((2, days, len(LAT), len(LON)))
    eddies, clouds = (gaussian_filter(n, (s, 3, 3)) for n, s in zip(noise, (2, 0), strict=True))
    cover = np.quantile(clouds, 0.6, axis=(1, 2), keepdims=True)
    return 19 - 5 * front + 0.8 * eddies / eddies.std(), clouds > cover


temperature, cloudy = sea(DAYS, np.random.default_rng(0))
gappy = np.where(cloudy, np.nan, temperature)
data = from_array(gappy, variables="sst", units="degC", axes={"lat": LAT, "lon": LON})

# %%
# A model of them
# ---------------
#
# Gaps are NaN. They are neither learned from nor asked, so nothing need be filled before.

model = small_model(STEPS)
model.fit(data, phases=PHASES)

# %%
# Under the clouds of another day
# -------------------------------
#
# On test days more is taken away: what the clouds of another day would have hidden. From the rest
# the model gives the whole sea, with quantiles; so do kriging and EOF filling (gappy POD), which
# learn from the same days.

test, train = data.split("test"), data.split("train")
rows = [int(name) for name in test.names]
others = cloudy[np.roll(rows, 1)][..., None]
given = replace(test, valid=test.valid_mask() & ~others)
seen = mda.observe(given, fraction=1.0, shape=data.shape)
field = model.predict(seen, n_draws=2, quantiles=ENDS)
told = {"model": field}
for method in (Kriging(), GappyPOD()):
    told[method.name] = method.fit(train).predict(seen, data.grid)

# %%
# At full size, in so short a training, the model is better than kriging, not than EOF filling.

scores = print_scores(told, test, seen)

# %%
# One day
# -------

figure, axes = plt.subplots(2, 3, figsize=(12, 5.8), layout="constrained")
truth, mean = temperature[rows[0]], field.mean[0, ..., 0]
hidden = np.where(given.valid_mask()[0, ..., 0], truth, np.nan)
maps = {"truth": truth, "given": hidden, "mean of the model": mean}
draw_maps(axes[0], maps, data.grid, "temperature [°C]", cmap="turbo")
away = np.where(np.isnan(hidden), 1, np.nan)
error = {
    "error of EOF filling": np.abs(told["gappy POD"].mean[0, ..., 0] - truth) * away,
    "stated deviation": field.std[0, ..., 0] * away,
    "error of the model": np.abs(mean - truth) * away,
}
draw_maps(axes[1], error, data.grid, "under clouds [°C]", cmap="magma")
save(figure)
