"""What a method said of fields: warned of or not, worse than kriging or not, and shares of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, final

import numpy as np
from scipy.special import betaincinv

from mamba_diffae.fields.familiarity import THRESHOLD

MARGIN = 0.3
"""In dB: an answer that is worse than kriging's by more calls for a warning."""
MOST_MISSES = 0.05
"""Share of foreign fields that may be missed."""
_LEVEL = 0.95
_LEAST = 1e-30
"""Stands for a sum of squares that is 0."""


@final
@dataclass(frozen=True)
class Share:
    """A share of fields, with its exact interval.

    Attributes:
        count: Fields that count.
        total: Of all, at least one.
    """

    count: int
    total: int

    @classmethod
    def of(cls, *chosen: np.ndarray) -> Self:
        """From where fields count, bool, shape (S,) each."""
        return cls(sum(int(part.sum()) for part in chosen), sum(len(part) for part in chosen))

    @property
    def value(self) -> float:
        """The share, in [0, 1]."""
        return self.count / self.total

    @property
    def low(self) -> float:
        """Lower end of the 95 % interval; fields count as independent.

        Reference:
            Clopper & Pearson (1934). https://doi.org/10.1093/biomet/26.4.404
        """
        tail = (1 - _LEVEL) / 2
        return float(betaincinv(self.count, self.total - self.count + 1, tail) if self.count else 0)

    @property
    def high(self) -> float:
        """Its upper end."""
        return 1 - Share(self.total - self.count, self.total).low

    def contains(self, share: float) -> bool:
        """Whether a share lies within the interval."""
        return self.low <= share <= self.high


@final
@dataclass(frozen=True, eq=False)
class Outcome:
    """What a method said of S fields of one family, at one number of observations.

    Attributes:
        method: Its label.
        family: Name of the family.
        observed: How many cells were seen, in words.
        familiarity: P-values that the method stated, shape (S,).
        behind: How much worse than kriging's its answer is, in dB, shape (S,); None: not asked, as
            of fields of the training fields' kind.
    """

    method: str
    family: str
    observed: str
    familiarity: np.ndarray
    behind: np.ndarray | None = None

    @property
    def own(self) -> bool:
        """Whether the fields are of the training fields' kind."""
        return self.behind is None

    @property
    def warned(self) -> np.ndarray:
        """Of which fields a user is warned, shape (S,), bool."""
        return self.familiarity < THRESHOLD

    @property
    def worse(self) -> np.ndarray:
        """Where the answer is worse than kriging's by more than the margin, shape (S,), bool."""
        if self.behind is None:
            return np.zeros(len(self.familiarity), dtype=bool)
        return self.behind > MARGIN

    @property
    def missed(self) -> np.ndarray:
        """Where it is, without a warning, shape (S,), bool."""
        return self.worse & ~self.warned


@final
@dataclass(frozen=True)
class Misses:
    """The foreign fields of several families at one number of observations.

    Attributes:
        method: What was asked.
        observed: How many cells were seen, in words.
        warned: Fields that were warned of.
        worse: Fields whose answer is worse than kriging's by more than the margin.
        mean_behind: How much worse these are on average, in dB; None: there are none.
        missed: Those of them without a warning.
    """

    method: str
    observed: str
    warned: Share
    worse: Share
    mean_behind: float | None
    missed: Share

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Self:
        """From the outcomes of one method at one number of observations, all of foreign fields."""
        behind = [o.behind[o.worse] for o in outcomes if o.behind is not None]
        joined = np.concatenate(behind)
        return cls(
            outcomes[0].method,
            outcomes[0].observed,
            Share.of(*(o.warned for o in outcomes)),
            Share.of(*(o.worse for o in outcomes)),
            float(joined.mean()) if len(joined) else None,
            Share.of(*(o.missed for o in outcomes)),
        )

    @property
    def passed(self) -> bool:
        """Whether no more are missed than may be."""
        return self.missed.value <= MOST_MISSES


def decibels_behind(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """How much worse our squared errors are, in dB, of the shape of both; 0 where both are 0."""
    return 10 * np.log10(np.maximum(ours, _LEAST) / np.maximum(theirs, _LEAST))
