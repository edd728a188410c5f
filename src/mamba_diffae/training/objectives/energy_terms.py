"""Energy scores of two draws of a field: of cells, patches, neighbours, bands, the whole.

The energy score of a vector is ½(|x₁ − y| + |x₂ − y|) − ½ α |x₁ − x₂|, with |·| its Euclidean norm
and α = 1: its expectation is least where x and y have one law. A term takes many vectors out of
each field; a sum of terms of positive weights is a proper score as well. See docs/concepts.md, eq.
(48).

Reference:
    Gneiting & Raftery (2007), Strictly proper scoring rules, eq. 18 and 22.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Self, final

import torch
from torch import Tensor
from torch.nn import functional as F

PATCHES = (3, 8, 24)
"""Cells along each side of a patch."""
HALVINGS = 3
"""Bands between successive area averages, each over two cells of the last along each axis."""
_TINY = 1e-10
"""Added to squared norms, whose root has no slope at 0."""

Choose = Callable[[int, int, int], int]
"""From the side of a patch, an axis and a number n to a random whole number below n."""


class Norms(NamedTuple):
    """Mean norms over the vectors of each field, shape (B,).

    Attributes:
        error: ½(|x₁ − y| + |x₂ − y|).
        spread: ½|x₁ − x₂|.
    """

    error: Tensor
    spread: Tensor


@final
class Differences:
    """x₁ − y, x₂ − y and x₁ − x₂ of B fields on a lattice.

    Args:
        values: The three, shape (3, B, C, *shape).
        weight: What each value counts, shape (B, C, *shape): 0 in gaps.
        periodic: Whether each axis closes.
    """

    def __init__(self, values: Tensor, weight: Tensor, periodic: Sequence[bool]) -> None:
        self.values, self.weight, self.periodic = values, weight, tuple(periodic)
        self.shape = tuple(weight.shape[2:])

    @classmethod
    def of(
        cls,
        draws: tuple[Tensor, Tensor],
        truth: Tensor,
        weight: Tensor,
        shape: Sequence[int],
        periodic: Sequence[bool],
    ) -> Self:
        """Of values in C order.

        Args:
            draws: x₁ and x₂, each of shape (B, A, C), A = prod(shape).
            truth: y, of the same shape.
            weight: Of the same shape.
            shape: Cells along each axis.
            periodic: Whether each axis closes.
        """
        first, second = draws
        each = torch.stack([first - truth, second - truth, first - second]).movedim(-1, 2)
        weight = weight.movedim(-1, 1).contiguous().unflatten(2, list(shape))
        return cls(each.contiguous().unflatten(3, list(shape)), weight, periodic)

    def pixels(self) -> Norms:
        """All variables of a cell."""
        return self._norms(self._squares(), self.weight.sum(dim=1))

    def patches(self, side: int, choose: Choose) -> Norms:
        """All cells of overlapping patches, begun at random; across an open edge, those within.

        Args:
            side: Cells along each side of a patch, on shorter axes all of them.
            choose: Where they begin.
        """
        sides = [min(side, n) for n in self.shape]
        room = [offsets(*given) for given in zip(self.shape, sides, self.periodic, strict=True)]
        begin = [choose(side, axis, n) for axis, n in enumerate(room)]
        squares, weight = self._squares(), self.weight.sum(dim=1)
        given = sides, begin, self.periodic
        return self._norms(patch_means(squares, *given), patch_means(weight, *given))

    def neighbours(self) -> Norms:
        """What a cell's next ones along all axes differ from it."""
        weight = torch.zeros_like(self.weight[:, 0])
        squares = torch.zeros_like(self.values[:, :, 0])
        for axis, closes in enumerate(self.periodic):
            if self.shape[axis] < 2:
                continue
            difference = _next(self.values, 3 + axis, closes)
            known = _next_weight(self.weight, 2 + axis, closes)
            squares = squares + (known * difference.square()).sum(dim=2)
            weight = weight + known.sum(dim=1)
        return self._norms(squares, weight)

    def bands(self) -> list[Norms]:
        """What each average over two cells along each axis leaves out."""
        found, level = [], self
        for _ in range(HALVINGS):
            if max(level.shape) < 2:
                break
            coarse = level.halved()
            found.append(level.around(coarse).pixels())
            level = coarse
        return found

    def whole(self) -> Norms:
        """The field as one vector."""
        squares, weight = self._squares().flatten(2), self.weight.sum(dim=1).flatten(1)
        return self._norms(squares.mean(dim=-1, keepdim=True), weight.mean(dim=-1, keepdim=True))

    def halved(self) -> Differences:
        """Weighted averages over two cells along each axis, at its end over what is left."""
        mass = _halved(self.values * self.weight, self.shape)
        weight = _halved(self.weight, self.shape)
        return Differences(mass / weight.clamp(min=_TINY), weight, self.periodic)

    def around(self, coarse: Differences) -> Differences:
        """The same without the averages over the cells of a coarser lattice."""
        fine = coarse.values
        for axis, (n, m) in enumerate(zip(self.shape, coarse.shape, strict=True)):
            fine = fine.repeat_interleave(2, dim=3 + axis).narrow(3 + axis, 0, n) if m < n else fine
        return Differences(self.values - fine, self.weight, self.periodic)

    def _squares(self) -> Tensor:
        """Weighted squares summed over variables, (3, B, *shape)."""
        return (self.weight * self.values.square()).sum(dim=2)

    def _norms(self, squares: Tensor, weight: Tensor) -> Norms:
        """Of vectors with weighted squares (3, B, ...) and weights in all (B, ...).

        A vector of which nothing is known does not count.
        """
        squares, weight = squares.flatten(2), weight.flatten(1)
        norm = (squares + _TINY).sqrt()
        share = weight / weight.sum(dim=1, keepdim=True).clamp(min=_TINY)
        # A vector's norm is of the size of its values, however many they are.
        size = weight.clamp(min=_TINY).rsqrt()
        first, second, apart = (share * size * norm).sum(dim=-1)
        return Norms((first + second) / 2, apart / 2)


def offsets(cells: int, side: int, closes: bool) -> int:
    """How many offsets of patches `patch_means` takes along an axis: 0, 1, ... below it."""
    return cells if closes else _stride(side)


def patch_means(
    values: Tensor, sides: Sequence[int], begin: Sequence[int], periodic: Sequence[bool]
) -> Tensor:
    """Means over overlapping patches, half a side apart along each axis.

    Beyond an open edge all is 0: there patches hold fewer cells, so that those near the edge lie in
    as many patches as all others, on average over the offsets.

    Args:
        values: Shape (..., *shape).
        sides: Cells of a patch along each axis, at most those of the axis.
        begin: Offset along each axis, see `offsets`.
        periodic: Whether each axis closes.

    Returns:
        Shape (..., P).
    """
    first = values.ndim - len(sides)
    for s, offset, closes in zip(sides, begin, periodic, strict=True):
        # Each axis moves to the end, so that they stand in order after the last.
        line, stride = values.movedim(first, -1), _stride(s)
        if closes:
            line = line.roll(-offset, -1)
        else:
            # The first patch holds a cell at least, and so does the last.
            low = s - 1 - offset
            line = F.pad(line, (low, s - 1 - (low + line.shape[-1] - 1) % stride))
        values = F.avg_pool1d(line.flatten(0, -2), s, stride).unflatten(0, line.shape[:-1])
    return values.flatten(first)


def _stride(side: int) -> int:
    return max(1, side // 2)


def _next(values: Tensor, axis: int, closes: bool) -> Tensor:
    """Differences of neighbours along an axis, of the same shape: 0 at an open end."""
    if closes:
        return values.roll(-1, axis) - values
    return F.pad(values.diff(dim=axis).movedim(axis, -1), (0, 1)).movedim(-1, axis)


def _next_weight(weight: Tensor, axis: int, closes: bool) -> Tensor:
    """What such a difference counts: 0 where either is not known."""
    if closes:
        return torch.minimum(weight, weight.roll(-1, axis))
    n = weight.shape[axis] - 1
    both = torch.minimum(weight.narrow(axis, 0, n), weight.narrow(axis, 1, n))
    return F.pad(both.movedim(axis, -1), (0, 1)).movedim(-1, axis)


def _halved(values: Tensor, shape: Sequence[int]) -> Tensor:
    """Sums over two cells along each axis of (..., *shape)."""
    first = values.ndim - len(shape)
    for axis, n in enumerate(shape, start=first):
        if n < 2:
            continue
        if n % 2:
            values = F.pad(values.movedim(axis, -1), (0, 1)).movedim(-1, axis)
        values = values.unflatten(axis, (-1, 2)).sum(dim=axis + 1)
    return values
