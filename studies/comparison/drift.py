"""How much a value depends on what else is asked, and on the resolution: contracts 1 and 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldBatch, pixel_centres

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
    network: str, model: FieldAutoencoder, observations: FieldBatch, seed: int
) -> list[Drift]:
    """The drift of a model, one of each kind.

    Args:
        network: Its label.
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
        drawn = model.predict(observations, asked, n_samples=1, seed=seed, steps=STEPS)
        return model.scaling.unit(drawn.sample[0]).reshape(len(observations), size, size, -1)

    alone = mean(coords)
    # The centres of the coarse pixels are those of every third fine one.
    fine = draw(3 * cells)[:, 1::3, 1::3]
    changes: dict[DriftKind, np.ndarray] = {
        "added": mean(np.concatenate([others, coords]))[:, len(others) :] - alone,
        "left out": mean(coords[half]) - alone[:, half],
        "shuffled": mean(coords[order]) - alone[:, order],
        "resolution": fine - draw(cells),
    }
    return [
        Drift(network, kind, 1e6 * float(np.sqrt(np.square(c).mean())), 1e6 * float(abs(c).max()))
        for kind, c in changes.items()
    ]
