"""How much each component counts, by how well it tells observations that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

COUNTS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Numbers of observed places at which what depends on them is learned; between them, linear in the
logarithm; beyond them constant."""
_FALL = 2.0
"""Log odds that learned components lose for each deviation beyond the first by which they are worse
at left-out observations, against kriging, than they are for training fields."""
_FLOOR = 1e-12
MISFITS = (1e-3, 1e3)
"""Misfits that are believed."""
_UNRELATED = 2.0
"""Mean square distance of two fields that have nothing to do with each other, in variances."""
NEGLIGIBLE = 1e-4
"""Weight below which a component counts nothing, so that it need not be computed."""
BESIDE = 30.0
"""Ratio of numbers of places, of all to a variable's own, beyond which no more is told apart."""


class ByCount(NamedTuple):
    """What is usual at each of `COUNTS`.

    Attributes:
        odds: Log odds of each component, shape (J, K).
        inflation: Mean square error of each variable as a ratio to the stated variance, shape
            (J, K, C).
        rough: The same for the variance of `Gaussians.roughly`.
        slope: How the logarithm of that ratio goes with that of a field's `Gaussians.misfit`, of
            the same shape.
        beside: Power of the number of places, as a ratio to that where a variable was read itself,
            by which that ratio is more, of the same shape.
        mean: Of the two statistics of `statistics`, shape (J, 2).
        deviation: The same.
    """

    odds: Tensor
    inflation: Tensor
    rough: Tensor
    slope: Tensor
    beside: Tensor
    mean: Tensor
    deviation: Tensor

    def at(self, count: float) -> ByCount:
        """At a number of places, without the first axis."""
        grid = torch.tensor(COUNTS, dtype=torch.float64).log()
        x = torch.tensor(float(count), dtype=torch.float64).log().clamp(grid[0], grid[-1])
        j = int(torch.searchsorted(grid, x).clamp(1, len(grid) - 1))
        f = (x - grid[j - 1]) / (grid[j] - grid[j - 1])
        return ByCount(*(torch.lerp(part[j - 1], part[j], f.to(part.dtype)) for part in self))

    def at_each(self, places: int, read: Sequence[int]) -> ByCount:
        """At a number of places, widths of each variable at the number where it was read itself.

        A variable that was read at few places, beside one that was read at many, has those of few
        places, and besides what was learned of such pairs: what the other one says of it is less
        sure than is stated.

        Args:
            places: Where anything was read.
            read: Where each variable was, C numbers; 0: nothing is known of it, as at all places.
        """
        here = self.at(places)
        if all(count in (0, places) for count in read):
            return here
        each = [self.at(count or places) for count in read]
        ratio = here.inflation.new_tensor([places / (count or places) for count in read])
        own = {
            name: torch.stack([getattr(at, name)[:, c] for c, at in enumerate(each)], dim=-1)
            for name in ("inflation", "rough", "slope", "beside")
        }
        wider = ratio.clamp(max=BESIDE).pow(own["beside"])
        own |= {name: own[name] * wider for name in ("inflation", "rough")}
        return here._replace(**own)

    def widths(self, misfit: Tensor) -> Tensor:
        """What the misfit (K, 1, F) of fields makes of their variances, shape (K, C, F).

        Of what `at` gives. See docs/concepts.md, eq. (44).
        """
        return misfit.clamp(*MISFITS).pow(self.slope[..., None])

    @classmethod
    def neutral(cls, components: int, variables: int) -> ByCount:
        """Nothing is known."""
        J = len(COUNTS)
        return cls(
            torch.zeros(J, components, dtype=torch.float64),
            torch.ones(J, components, variables, dtype=torch.float64),
            torch.ones(J, components, variables, dtype=torch.float64),
            torch.zeros(J, components, variables, dtype=torch.float64),
            torch.zeros(J, components, variables, dtype=torch.float64),
            torch.zeros(J, 2, dtype=torch.float64),
            torch.ones(J, 2, dtype=torch.float64),
        )


def weights(logs: Tensor) -> Tensor:
    """Weights of the components from their logarithms up to a constant, both (K, C, F)."""
    w = logs.softmax(dim=0)
    w = w.where(w >= NEGLIGIBLE, 0)
    return w / w.sum(dim=0)


def statistics(errors: Tensor, nearest: Tensor) -> Tensor:
    """How unlike the training fields fields are, shape (F, 2).

    The logarithm of the ratio of left-out errors, the better learned component to kriging, and
    that of the mean square distance from the nearest exemplar.

    Args:
        errors: Mean squares, shape (K, C, F).
        nearest: Mean square distance of the readings from the nearest exemplar, shape (F,); inf
            where none is known at any of them, which tells no more than any other field would.
    """
    nearest = nearest.masked_fill(nearest.isinf(), _UNRELATED)
    e = errors.mean(dim=1).clamp(min=_FLOOR).log()
    ratio = e[1:].amin(dim=0) - e[0]
    return torch.stack([ratio, nearest.clamp(min=_FLOOR).log()], dim=-1)


def log_weights(errors: Tensor, groups: int, usual: ByCount, told: Tensor | None) -> Tensor:
    """Logarithms of the weights of each component, up to a constant, shape (K, C, F).

    w ∝ odds · (mean e²)^(-√n), with n parts that were left out: less sure of itself than a
    likelihood, whose power is n / 2, and without its determinant, which redundant variables break.
    See docs/concepts.md, eq. (43).

    Args:
        errors: Mean squares, shape (K, C, F).
        groups: n.
        usual: At this number of places, from `ByCount.at`.
        told: `statistics`, shape (F, 2), or None.
    """
    logs = -(groups**0.5) * errors.clamp(min=_FLOOR).log() + usual.odds[:, None, None]
    if told is None:
        return logs
    z = (told[:, 0] - usual.mean[0]) / usual.deviation[0]
    logs[1:] -= _FALL * (z - 1).clamp(min=0)
    return logs
