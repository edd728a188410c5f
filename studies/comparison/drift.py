"""How much a value depends on what else is asked, and on the resolution: contracts 1 and 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData, Observations, Shape

STEPS = 8
"""Steps of Heun's solver, for the draws."""
DriftKind = Literal["added", "left out", "shuffled", "resolution"]


@final
@dataclass(frozen=True)
class Drift:
    """Change of the same values when something else is asked.

    Attributes:
        network: Label of the network.
        kind: What is asked otherwise: other places as well, half of them, all in another order, or
            a draw at three times the resolution.
        rms: Root mean square of the change, in millionths of the range of values.
        greatest: Its greatest, likewise.
    """

    network: str
    kind: DriftKind
    rms: float
    greatest: float


def measure_drift(
    network: str,
    model: FieldAutoencoder,
    data: FieldData,
    observations: Observations,
    shape: Shape,
    seed: int,
) -> list[Drift]:
    """The drift of a model, one of each kind.

    Args:
        network: Its label.
        model: Fitted.
        data: The fields.
        observations: What was seen of them.
        shape: Cells along each axis at whose centres the values are compared.
        seed: Of the other places, and of the draws.
    """
    rng = np.random.default_rng(seed)
    coords = data.grid.regrid(shape).centres()
    low, high = np.array([[axis.low, axis.high] for axis in data.grid.axes]).T
    others = low + (high - low) * rng.random(coords.shape)
    order = rng.permutation(len(coords))
    half = order[: len(order) // 2]

    def mean(places: np.ndarray) -> np.ndarray:
        return data.unit_interval(model.predict(observations, places).mean)

    def draw(times: int) -> np.ndarray:
        grid = data.grid.regrid([times * n for n in shape])
        drawn = model.predict(observations, grid.centres(), n_draws=1, seed=seed, steps=STEPS)
        return data.unit_interval(drawn.draws[0]).reshape(len(data), *grid.shape, -1)

    alone = mean(coords)
    # The centres of the coarse cells are those of every third fine one.
    fine = draw(3)[:, *[slice(1, None, 3)] * len(shape)]
    changes: dict[DriftKind, np.ndarray] = {
        "added": mean(np.concatenate([others, coords]))[:, len(others) :] - alone,
        "left out": mean(coords[half]) - alone[:, half],
        "shuffled": mean(coords[order]) - alone[:, order],
        "resolution": fine - draw(1),
    }
    return [
        Drift(network, kind, 1e6 * float(np.sqrt(np.square(c).mean())), 1e6 * float(abs(c).max()))
        for kind, c in changes.items()
    ]
