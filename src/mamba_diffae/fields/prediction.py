"""What comes back from a model: the field at the targets, with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from mamba_diffae.fields.cf.datasets import prediction_dataset
from mamba_diffae.fields.errors import FieldError, ShapeError, ValuesError
from mamba_diffae.fields.functional import (
    Functional,
    check_level,
    functional,
    order_statistics,
    tails,
)
from mamba_diffae.fields.grid import Grid
from mamba_diffae.fields.variable import Variable

if TYPE_CHECKING:
    from xarray import Dataset

_SAME_LEVEL = 1e-9
"""Difference of two probabilities that are one."""


@final
@dataclass(frozen=True, eq=False)
class Prediction:
    """Fields at the targets, in the units of the variables.

    Attributes:
        mean: Posterior mean, shape (B, *shape, C) on a grid, or (B, N, C) at given places.
        draws: Draws from the posterior, shape (n_draws, *mean.shape); none if none were asked.
        stated_std: Standard deviation that a method states itself, of the mean's shape, or None.
        evaluations: Evaluations of the network in each draw.
        grid: That of the targets, or None at given places.
        familiarity: How probably a field of the training fields' kind is as unlike them as this
            one, at its number of observations: a p-value, shape (B,); None where a model does not
            know it. Of fields of that kind 5 % are below 0.05.
        weights: Share of each component of the model's prior in its mean, the first one kriging,
            shape (B, K), or None.
        quantiles: Quantiles of each value, shape (Q, *mean.shape); None: none are stored.
        levels: Their probabilities, ascending, Q of them, in (0, 1).
        variables: Names and units of the C variables; none: they are not known.

    Raises:
        ShapeError: If there are quantiles of another shape, or other levels than quantiles.
        ValuesError: If the levels do not ascend within (0, 1).
    """

    mean: np.ndarray
    draws: np.ndarray
    stated_std: np.ndarray | None = None
    evaluations: int = 0
    grid: Grid | None = None
    familiarity: np.ndarray | None = None
    weights: np.ndarray | None = None
    quantiles: np.ndarray | None = None
    levels: tuple[float, ...] = ()
    variables: tuple[Variable, ...] = ()

    def __post_init__(self) -> None:
        given = () if self.quantiles is None else self.quantiles.shape
        expected = (len(self.levels), *self.mean.shape) if self.levels else ()
        if given != expected:
            raise ShapeError(
                f"A prediction of the shape {self.mean.shape} was given quantiles of the shape "
                f"{given} and {len(self.levels)} levels; expected (Q, "
                f"{', '.join(map(str, self.mean.shape))}) and Q levels, or neither."
            )
        if not (np.diff([0.0, *self.levels, 1.0]) > 0).all():
            raise ValuesError(
                f"levels are {_listed(self.levels)}; expected ascending probabilities between 0 "
                "and 1."
            )

    def __repr__(self) -> str:
        names = ", ".join(v.name for v in self.variables) or f"{self.mean.shape[-1]} variables"
        where = f"places: {self.mean.shape[1]:,}" if self.grid is None else repr(self.grid)
        return f"Prediction({names}; fields: {len(self.mean):,}, draws: {len(self.draws)}; {where})"

    @property
    def std(self) -> np.ndarray:
        """Standard deviation, of the mean's shape: stated, or of the draws around their own mean.

        Raises:
            FieldError: If there are fewer than two draws and none is stated.
        """
        if self.stated_std is not None:
            return self.stated_std
        if len(self.draws) > 1:
            return self.draws.std(axis=0, ddof=1)
        raise FieldError(
            f"A standard deviation needs at least 2 draws, and there are {len(self.draws)}; "
            "predict with n_draws=16, for one."
        )

    def quantile(self, level: float) -> np.ndarray:
        """The value that is not exceeded with a probability, of the mean's shape.

        Args:
            level: The probability: one of `levels`, or, if no quantiles are stored, any one that
                the draws are enough for.

        Raises:
            ValuesError: If it is not in (0, 1).
            FieldError: If quantiles are stored, and not this one; or there are too few draws.
        """
        check_level(level)
        return self._quantiles((level,), f"The quantile of {100 * level:g} %")[0]

    def interval(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the central interval of each value, each of the mean's shape.

        >>> Prediction(np.zeros((1, 1)), np.array([1.0, 2, 4]).reshape(3, 1, 1)).interval(0.5)
        (array([[1.]]), array([[4.]]))

        Args:
            level: Probability that the interval holds the true value, in (0, 1).

        Raises:
            ValuesError: If it is not in (0, 1).
            FieldError: See `quantile`.
        """
        low, high = self._quantiles(tails(level), f"An interval of {100 * level:g} %")
        return low, high

    def functional(self, weights: np.ndarray) -> Functional:
        """A linear functional of each field, Σ w f, with its uncertainty.

        >>> found = Prediction(np.full((1, 4, 1), 3.0), np.full((19, 1, 4, 1), 3.0))
        >>> found.functional(np.full((4, 1), 0.25)).mean.tolist()
        [3.0]

        Args:
            weights: Of one field: shape (*shape, C), or (N, C) at given places, or one that
                broadcasts to it. `grid.weights()[..., None]` gives the mean of a single variable,
                0 outside a region that of the region if it is divided by its sum.

        Raises:
            ShapeError: If the weights have another shape.
            ValuesError: If one is not finite, or a value is not that has a weight (land).
        """
        return functional(self.mean, self.draws, weights)

    def to_xarray(self) -> Dataset:
        """A data set of xarray with CF metadata.

        Returns:
            For a variable "sst": `sst`, the mean; `sst_std`, where it is known; `sst_quantiles`
            along `quantile` and `sst_draws` along `realization`, where there are some. Fields lie
            along `snapshot`, then follow the axes of the grid, or `point`. Land is NaN.

        Raises:
            MissingExtraError: If a package of the extra `fields` is missing.
        """
        return prediction_dataset(self)

    def _quantiles(self, levels: tuple[float, ...], what: str) -> np.ndarray:
        """Shape (len(levels), *mean.shape)."""
        if self.quantiles is None:
            return order_statistics(self.draws, levels, what)
        found = np.abs(np.subtract.outer(levels, self.levels)) < _SAME_LEVEL
        if not found.any(axis=1).all():
            raise FieldError(
                f"{what} was asked, but the quantiles that are stored are those of "
                f"{_listed(self.levels)}; take one of them, or predict with "
                f"quantiles=({_listed(levels)},)."
            )
        return self.quantiles[found.argmax(axis=1)]

    @classmethod
    def of_mean(
        cls, mean: np.ndarray, std: np.ndarray | None = None, grid: Grid | None = None
    ) -> Prediction:
        """A prediction without draws.

        >>> Prediction.of_mean(np.zeros((1, 5, 1)), np.ones((1, 5, 1))).std.sum().item()
        5.0
        """
        return cls(mean, np.zeros((0, *mean.shape), mean.dtype), std, grid=grid)


def _listed(levels: tuple[float, ...]) -> str:
    return ", ".join(f"{level:g}" for level in levels)
