"""How much a value depends on what else is asked, and on the resolution: contracts 1 and 2."""

from __future__ import annotations

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.experiments.result import Table
from mamba_diffae.fields import FieldBatch, pixel_centres

Row = list[str | float | None]
_STEPS = 8
"""Steps of Heun's solver, for the draws."""


def drift_rows(
    name: str, model: FieldAutoencoder, observations: FieldBatch, seed: int
) -> list[Row]:
    """Root mean square and greatest change of the same values, in millionths of their range.

    Args:
        name: Of the model, for the rows.
        model: Fitted.
        observations: What was seen.
        seed: Of the other places, and of the draws.
    """
    cells = observations.cells or model.size
    rng = np.random.default_rng(seed)
    coords = pixel_centres(cells)
    others = rng.random(coords.shape, dtype=np.float32)
    order = rng.permutation(len(coords))
    half = order[: len(order) // 2]

    def mean(places: np.ndarray) -> np.ndarray:
        return model.scaling.unit(model.predict(observations, places).mean)

    def draw(size: int) -> np.ndarray:
        asked = pixel_centres(size)
        drawn = model.predict(observations, asked, n_samples=1, seed=seed, steps=_STEPS)
        return model.scaling.unit(drawn.sample[0]).reshape(len(observations), size, size, -1)

    alone = mean(coords)
    with_others = mean(np.concatenate([others, coords]))[:, len(others) :]
    # The centres of the coarse pixels are those of every third fine one.
    fine = draw(3 * cells)[:, 1::3, 1::3]
    changes = {
        f"{len(others)} other places asked as well": with_others - alone,
        "half of the places left out": mean(coords[half]) - alone[:, half],
        "the places shuffled": mean(coords[order]) - alone[:, order],
        f"the same draw at {cells}² and {3 * cells}²": fine - draw(cells),
    }
    return [
        [name, what, 1e6 * float(np.sqrt(np.square(c).mean())), 1e6 * float(np.abs(c).max())]
        for what, c in changes.items()
    ]


def drift_table(rows: list[Row], count: int, cells: int) -> Table:
    """The rows of several models, as a table.

    Args:
        rows: From `drift_rows`.
        count: Fields that were asked for.
        cells: Cells a side whose centres were asked.
    """
    return Table(
        "Drift: what else is asked should not matter",
        f"Change of the values at the centres of {cells}² cells, {count} fields, in millionths of "
        "the range of values: when other places are asked as well, fewer, or in another order, and "
        f"when one draw ({_STEPS} Heun steps, the same seed) is rendered at two resolutions.",
        ["network", "what is changed", "rms", "greatest"],
        rows,
        digits=[0, 0, 1, 1],
    )
