"""Quantiles of draws by their order statistics, and linear functionals of predicted fields."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.fields.errors import FieldError, ShapeError, ValuesError

_ROUNDING = 1e-9
"""What rounding leaves of a whole number of draws."""


def tails(level: float) -> tuple[float, float]:
    """Probabilities of the ends of a central interval.

    >>> tails(0.5)
    (0.25, 0.75)

    Raises:
        ValuesError: If the level is not in (0, 1).
    """
    check_level(level)
    return (1 - level) / 2, (1 + level) / 2


def check_level(level: float) -> None:
    """Refuse what is no probability between 0 and 1.

    Raises:
        ValuesError: As said.
    """
    if not 0 < level < 1:
        raise ValuesError(
            f"level is {level:g}; expected a probability between 0 and 1, such as 0.9."
        )


def draws_needed(levels: tuple[float, ...]) -> int:
    """Least number of draws of which all these quantiles can be made; see `order_statistics`.

    Args:
        levels: Probabilities in (0, 1), one at least.
    """
    return max(math.ceil(1 / min(p, 1 - p) - 1 - _ROUNDING) for p in levels)


def order_statistics(draws: np.ndarray, levels: tuple[float, ...], what: str) -> np.ndarray:
    """Quantiles of draws, at ranks (K + 1) level, interpolated linearly between two ranks.

    Were another value a draw like the K others, it would lie below the quantile with probability
    `level`. So ranks below 1 and above K do not exist, and a level near 0 or 1 needs many draws.

    Args:
        draws: Shape (K, ...).
        levels: Probabilities in (0, 1).
        what: The name to use in messages.

    Returns:
        One for each level, shape (len(levels), ...); NaN where a draw is.

    Raises:
        FieldError: If there are too few draws; it says how many are needed.

    Reference:
        Hyndman & Fan (1996), Sample quantiles in statistical packages, definition 6 (Weibull's).
        https://doi.org/10.1080/00031305.1996.10473566
    """
    needed = draws_needed(levels)
    if len(draws) < needed:
        raise FieldError(
            f"{what} needs at least {needed} draws, and there are {len(draws)}; predict with "
            f"n_draws={needed}."
        )
    return np.quantile(draws, levels, axis=0, method="weibull")


@final
@dataclass(frozen=True, eq=False)
class Functional:
    """A weighted sum over each of B fields: a regional mean, a flux, a lift coefficient.

    Errors of neighbouring cells are alike, so its deviation does not follow from those of the
    cells. It is that of the same sum over draws.

    >>> regional = Functional(np.array([2.0]), np.array([[1.0], [2.0], [4.0]]))
    >>> [end.tolist() for end in regional.interval(0.5)]
    [[1.0], [4.0]]

    Attributes:
        mean: Of the posterior mean, shape (B,).
        draws: Of each draw, shape (K, B); K may be 0.
    """

    mean: np.ndarray
    draws: np.ndarray

    @property
    def std(self) -> np.ndarray:
        """Standard deviation of the draws around their own mean, shape (B,).

        Raises:
            FieldError: If there are fewer than two draws.
        """
        if len(self.draws) < 2:
            raise FieldError(
                f"The standard deviation of a functional needs at least 2 draws, and there are "
                f"{len(self.draws)}; predict with n_draws=16, for one."
            )
        return self.draws.std(axis=0, ddof=1)

    def interval(self, level: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the central interval, each of shape (B,), by `order_statistics` of the draws.

        Args:
            level: Probability that the interval holds the true value, in (0, 1).

        Raises:
            ValuesError: If the level is not in (0, 1).
            FieldError: If there are too few draws; it says how many are needed.
        """
        what = f"An interval of {100 * level:g} %"
        low, high = order_statistics(self.draws, tails(level), what)
        return low, high


def functional(mean: np.ndarray, draws: np.ndarray, weights: np.ndarray) -> Functional:
    """Σ w f of fields f; see `Prediction.functional`.

    Args:
        mean: Shape (B, ...).
        draws: Shape (K, B, ...).
        weights: Broadcast to the shape of one field.
    """
    shape = mean.shape[1:]
    w = np.asarray(weights, dtype=np.float64)
    try:
        w = np.broadcast_to(w, shape).ravel()
    except ValueError:
        raise ShapeError(
            f"Weights of shape {w.shape} were given for fields of shape {shape}; expected that "
            "shape, or one that broadcasts to it: the last axis is that of the variables, as in "
            "grid.weights()[..., None]."
        ) from None
    if not np.isfinite(w).all():
        raise ValuesError(
            f"{int((~np.isfinite(w)).sum())} of {w.size} weights are NaN or infinite; give 0 where "
            "a value does not count."
        )
    used = np.flatnonzero(w)
    sums = [_sum(f, w, used, "the mean") for f in mean]
    drawn = [_sum(f, w, used, "a draw") for draw in draws for f in draw]
    return Functional(np.array(sums), np.reshape(drawn, (len(draws), len(mean))))


def _sum(field: np.ndarray, weights: np.ndarray, used: np.ndarray, what: str) -> float:
    """Σ w f of one field over the values that are used."""
    values = field.ravel()[used]
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise ValuesError(
            f"{bad} of {len(used)} values of {what} that have a weight are NaN or infinite, as on "
            "land; give those cells the weight 0."
        )
    return float(values.astype(np.float64) @ weights[used])
