"""Features that are probed: latents, and principal components of true and of kriged pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from mamba_diffae.benchmark import OnProgress
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import Baseline
from mamba_diffae.evaluation.baselines.components import principal_components
from mamba_diffae.fields import FieldData, Observations

AT_ONCE = 32


@final
@dataclass(frozen=True)
class Feature:
    """One kind of features.

    Attributes:
        kind: Latents, principal components of true or of kriged pictures, or a part of the latent.
        unscaled: Whether principal components keep their own sizes, instead of each standardised.
        part: Name of the part of the latent; empty for all others.
    """

    kind: Literal["latent", "truth", "kriged", "part"]
    unscaled: bool = False
    part: str = ""

    @property
    def key(self) -> str:
        """Tells it from all others."""
        return f"{self.kind}{'/unscaled' if self.unscaled else ''}/{self.part}"

    @property
    def label(self) -> str:
        """As tables name it."""
        if self.kind == "part":
            return f"{self.part} alone"
        return _LABELS[self.kind] + (", unscaled" if self.unscaled else "")


_LABELS = {"latent": "latent", "truth": "PCA of the truth", "kriged": "PCA of kriging"}
LATENT, TRUTH, KRIGED = Feature("latent"), Feature("truth"), Feature("kriged")


@final
class FieldPCA:
    """Coordinates of fields along the principal components of native training fields.

    Cells count by their area. A gap has the mean of the training fields.

    Args:
        train: Fields.
        components: At most the number of fields and of native values.
    """

    def __init__(self, train: FieldData, components: int) -> None:
        X, known = _flat(train)
        grid = train.grid
        area = grid.weights().ravel() * grid.exists.sum()
        self.weight = np.sqrt(np.repeat(area, train.n_variables)).astype(np.float32)
        self.mean = (X * known).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        axes = principal_components(self._deviations(X, known), components)
        self.axes = axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-12)

    def __call__(self, data: FieldData) -> np.ndarray:
        """From fields on the native grid, S of them, to (S, components)."""
        return self._deviations(*_flat(data)) @ self.axes.T

    def _deviations(self, X: np.ndarray, known: np.ndarray) -> np.ndarray:
        return np.where(known, X - self.mean, np.float32(0)) * self.weight


def _flat(data: FieldData) -> tuple[np.ndarray, np.ndarray]:
    """Values on the scale [0, 1], and which are known, each of shape (S, P * C)."""
    count = len(data)
    unit = data.unit_interval(data.values)
    return unit.reshape(count, -1), data.valid_mask().reshape(count, -1)


def probe_features(
    model: FieldAutoencoder,
    scored: FieldData,
    seen: Mapping[str, Observations],
    kriging: Baseline,
    pca: Callable[[], FieldPCA],
    on_progress: OnProgress,
) -> dict[str, np.ndarray]:
    """All features of the scored fields.

    Args:
        model: Its latents.
        scored: Fields.
        seen: Observations of them by name.
        kriging: Fitted.
        pca: Learns from the training fields.
        on_progress: Told what is done.

    Returns:
        "truth", and "latent NAME" and "kriged NAME" for each observation, each of shape (S, F).
    """
    latents = {
        f"latent {name}": in_parts(model.encode, batch, f"latents {name}", on_progress)
        for name, batch in seen.items()
    }
    project = pca()
    on_progress("principal components")

    def kriged_components(part: Observations) -> np.ndarray:
        mean = kriging.predict(part, scored.grid).mean
        return project(FieldData(scored.variables, scored.grid, mean))

    kriged = {
        f"kriged {name}": in_parts(kriged_components, batch, f"kriging {name}", on_progress)
        for name, batch in seen.items()
    }
    return {"truth": project(scored), **latents, **kriged}


def in_parts(
    make: Callable[[Observations], np.ndarray],
    batch: Observations,
    what: str,
    on_progress: OnProgress,
) -> np.ndarray:
    """Rows that are made of some fields at a time, telling how many are done."""
    rows = []
    for start in range(0, len(batch), AT_ONCE):
        rows.append(make(batch[start : start + AT_ONCE]))
        on_progress(f"{what}: {min(start + AT_ONCE, len(batch))} of {len(batch)} fields")
    return np.concatenate(rows)
