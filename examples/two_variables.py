"""Two variables: what sea level, measured everywhere, tells of the temperature at 200 m depth.

    python examples/two_variables.py two_variables.png

Satellites see the sea level in every cell; twelve floats read the temperature at depth, which goes
with the level where eddies lift or lower the warm water, and in part does not. Both are generated.
One sees level and temperature as they are, then the temperature by the floats alone and with the
level as well: mean, and stated deviation. The level lowers the error by a third; the deviation
stated beside it is somewhat too small, as the coverage that is printed tells. About 40 s on a core.
"""

from __future__ import annotations

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter
from shared import ENDS, PHASES, draw_maps, small_model

import mamba_diffae as mda
from mamba_diffae.evaluation import Kriging
from mamba_diffae.sources import from_array

CELLS, SIDE = 20, 500.0
"""Cells and kilometres along each side."""


def eddies(count: int, rng: np.random.Generator) -> mda.FieldData:
    """Sea level in cm and temperature in °C, which correlate at 0.85 in each cell."""
    noise = rng.standard_normal((2, count, CELLS, CELLS))
    first, second = (part / part.std() for part in gaussian_filter(noise, (0, 0, 2, 2)))
    temperature = 13 + 1.5 * (0.85 * first + np.sqrt(1 - 0.85**2) * second)
    edges = np.linspace(0, SIDE, CELLS + 1)
    return from_array(
        np.stack([12 * first, temperature], axis=-1),
        variables=["level", "T200"],
        axes={"y": edges, "x": edges},
        units=["cm", "degC", "km", "km"],
    )


def readings(data: mda.FieldData, floats: int, level: bool) -> mda.Observations:
    """Temperature in so many cells, the same in all snapshots; the level in all cells, or none."""
    cells = np.random.default_rng(1).permutation(data.grid.cells)
    values = data.values.reshape(len(data), -1, 2)[:, cells].copy()
    values[:, floats:, 1] = np.nan
    if not level:
        cells, values = cells[:floats], values[:, :floats] * [np.nan, 1]
    coords, support = data.grid.centres()[cells], data.grid.supports()[cells]
    snapshots = [mda.Observations.from_points(coords, v, support=support) for v in values]
    return mda.Observations.stack(snapshots)


def main(
    out: str = "two_variables.png", count: int = 120, floats: int = 12, steps: int = 60
) -> dict[str, float]:
    """RMSE of the temperature with the level and without it."""
    data = eddies(count, np.random.default_rng(0))
    model = small_model(steps).fit(data, phases=PHASES)
    test = data.split("test")
    alone, both = (readings(test, floats, level) for level in (False, True))
    told = {
        "kriging, floats alone": Kriging().fit(data.split("train")).predict(alone, data.grid),
        "floats alone": model.predict(alone, n_draws=2, quantiles=ENDS),
        "floats and level": model.predict(both, n_draws=2, quantiles=ENDS),
    }
    found, scores = {}, {name: mda.evaluate(field, test) for name, field in told.items()}
    for name, score in scores.items():
        found[name] = score["rmse"]["T200"]
        print(f"{name}: RMSE of the temperature {found[name]:.2f} °C")
    low, high = told["floats and level"].interval(0.9)
    found["coverage"] = float(((low <= test.values) & (test.values <= high))[..., 1].mean())
    print(f"With the level the intervals of 90 % hold {found['coverage']:.0%}.")
    draw(out, test, list(told.values())[1:], alone)
    return found


def draw(
    out: str, test: mda.FieldData, told: list[mda.Prediction], alone: mda.Observations
) -> None:
    """The first snapshot: truth on the left, then without the level, then with it."""
    figure, axes = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
    names, place = ("floats alone", "floats and level"), alone.coords[0]
    level = {"sea level, seen everywhere": test.values[0, ..., 0]}
    maps = {"temperature, and the floats": test.values[0, ..., 1]}
    maps |= {name: field.mean[0, ..., 1] for name, field in zip(names, told, strict=True)}
    spread = {name: field.std[0, ..., 1] for name, field in zip(names, told, strict=True)}
    draw_maps(axes[0], maps, test.grid, "temperature at 200 m [°C]", cmap="turbo")
    draw_maps(axes[1, :1], level, test.grid, "level [cm]", cmap="RdBu_r")
    draw_maps(axes[1, 1:], spread, test.grid, "stated deviation [°C]", (0, None), cmap="magma")
    for ax in (axes[0, 0], *axes[1, 1:]):
        ax.plot(place[:, 1], place[:, 0], "ko", ms=4, mec="w")
    figure.savefig(out, dpi=150)


if __name__ == "__main__":
    main(*sys.argv[1:2])
