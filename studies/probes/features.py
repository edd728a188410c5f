"""Features that are probed: latents, and principal components of true and of kriged pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from mamba_diffae.benchmark import OnProgress
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import kriging
from mamba_diffae.evaluation.classical.pod import principal_components
from mamba_diffae.fields import FieldBatch, GridField

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
class PicturePCA:
    """Coordinates of pictures along the principal components of native training pictures.

    Args:
        train: Complete fields.
        components: At most the number of fields and of native values.
    """

    def __init__(self, train: GridField, components: int) -> None:
        X = self._flat(train, train.values)
        self.train, self.mean = train, X.mean(axis=0)
        X -= self.mean
        axes = principal_components(X, components)
        self.axes = axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-12)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """From native pictures (S, n, n, C), in the unit of the field, to (S, components)."""
        return (self._flat(self.train, values) - self.mean) @ self.axes.T

    @staticmethod
    def _flat(train: GridField, values: np.ndarray) -> np.ndarray:
        return train.scaling.unit(values.reshape(len(values), -1).astype(np.float32))


def probe_features(
    model: FieldAutoencoder,
    judged: GridField,
    seen: Mapping[str, FieldBatch],
    pca: Callable[[], PicturePCA],
    on_progress: OnProgress,
) -> dict[str, np.ndarray]:
    """All features of the judged pictures.

    Args:
        model: Its latents.
        judged: Complete fields.
        seen: Observations of them by name.
        pca: Learns from the training pictures.
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
    kriged = {
        f"kriged {name}": in_parts(
            lambda part: project(kriging(part, judged.size)), batch, f"kriging {name}", on_progress
        )
        for name, batch in seen.items()
    }
    return {"truth": project(judged.values), **latents, **kriged}


def in_parts(
    make: Callable[[FieldBatch], np.ndarray],
    batch: FieldBatch,
    what: str,
    on_progress: OnProgress,
) -> np.ndarray:
    """Rows that are made of some fields at a time, telling how many are done."""
    rows = []
    for start in range(0, len(batch), AT_ONCE):
        rows.append(make(batch[start : start + AT_ONCE]))
        on_progress(f"{what}: {min(start + AT_ONCE, len(batch))} of {len(batch)} pictures")
    return np.concatenate(rows)
