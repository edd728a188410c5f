"""Gappy POD: the most probable combination of the principal components of the training fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self, final

import numpy as np

from mamba_diffae.fields import FieldBatch, GridField, Scaling, SparseField, area_average


@final
@dataclass(frozen=True, eq=False)
class GappyPOD:
    """A linear Gaussian model of native fields, seen through the area average.

    A field is mean + modesᵀ a with a ~ N(0, I); observations are its averages over their cells,
    plus noise. The most probable a is a ridge regression, weighted by the variance of each mode.

    Attributes:
        mean: Mean field on the [0, 1] scale, shape (n, n, C).
        modes: Principal components times their standard deviations, shape (M, n, n, C).
        noise_variance: Variance of the noise on the [0, 1] scale.
        scaling: Between the unit of the field and [0, 1].

    Reference:
        Everson & Sirovich (1995). https://doi.org/10.1364/JOSAA.12.001657
    """

    mean: np.ndarray
    modes: np.ndarray
    noise_variance: float
    scaling: Scaling
    _seen: dict[int, tuple[np.ndarray, np.ndarray]] = field(
        default_factory=dict, init=False, repr=False
    )

    @classmethod
    def fit(cls, train: GridField, modes: int = 1024, noise_variance: float = 1e-3) -> Self:
        """Learn the modes of the native training fields.

        Args:
            train: Complete fields.
            modes: How many, at most the number of fields and of native values.
            noise_variance: Variance of what the modes leave unexplained, on the [0, 1] scale.

        Raises:
            ValueError: If `modes` or `noise_variance` is not positive.
        """
        if modes < 1 or noise_variance <= 0:
            raise ValueError(
                f"GappyPOD.fit was given modes={modes} and noise_variance={noise_variance:g}; "
                "expected at least one mode and a variance above zero."
            )
        X = train.scaling.unit(train.values.reshape(len(train), -1).astype(np.float32))
        mean = X.mean(axis=0)
        shape = train.values.shape[1:]
        components = principal_components(X - mean, modes)
        return cls(
            mean.reshape(shape), components.reshape(-1, *shape), noise_variance, train.scaling
        )

    def __call__(self, observations: FieldBatch, scale: int) -> np.ndarray:
        """Predict native fields and average them to the scale; a `Predictor`.

        Values without a support are taken for averages over a native cell.

        Raises:
            ValueError: If `scale` or the observed cells are finer than the native fields, or the
                channels differ.
        """
        M, channels = len(self.modes), observations.values.shape[-1]
        if channels != self.mean.shape[-1]:
            raise ValueError(
                f"GappyPOD learned fields of {self.mean.shape[-1]} channels, but the observations "
                f"have {channels}; fit it on fields of their kind."
            )
        a = np.stack([self._coefficients(seen) for seen in observations.fields()]).astype(
            np.float32
        )
        native = self.mean + (a @ self.modes.reshape(M, -1)).reshape(-1, *self.mean.shape)
        return area_average(self.scaling.unscale(2 * native - 1), scale)

    def _coefficients(self, seen: SparseField) -> np.ndarray:
        """Most probable a of one field, shape (M,)."""
        from scipy.linalg import solve

        cells = seen.cells or self.mean.shape[0]
        mean, modes = self._at(cells)
        x, y = np.minimum((seen.coords * cells).astype(int), cells - 1).T
        A = modes[:, y, x].reshape(len(modes), -1).T.astype(np.float64)
        residual = (self.scaling.unit(seen.values) - mean[y, x]).ravel()
        # The dual form of the ridge: its matrix has the size of the observations, not of the modes.
        covariance = A @ A.T + self.noise_variance * np.eye(len(A))
        return A.T @ solve(covariance, residual, assume_a="pos")

    def _at(self, cells: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean and modes averaged over observed cells, computed once for each number of cells."""
        if cells not in self._seen:
            mean = area_average(self.mean[None], cells)[0]
            self._seen[cells] = mean, area_average(self.modes, cells)
        return self._seen[cells]


def principal_components(X: np.ndarray, count: int) -> np.ndarray:
    """Leading principal components times their standard deviations.

    Args:
        X: Centred data, shape (n, p).
        count: How many.

    Returns:
        Rows whose outer products sum to the covariance of X as nearly as their number allows, shape
        (min(count, n, p), p), the largest first, float32.
    """
    from scipy.linalg import eigh

    n, p = X.shape
    gram = (X @ X.T if n <= p else X.T @ X).astype(np.float64)
    size = len(gram)
    variance, vectors = eigh(gram / n, subset_by_index=[max(0, size - count), size - 1])
    if n <= p:
        components = vectors.T.astype(np.float32) @ X / np.float32(n**0.5)
    else:
        components = (vectors * np.sqrt(np.maximum(variance, 0))).T.astype(np.float32)
    return components[::-1]
