"""Errors of a Gaussian at observations that were left out, in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor

_TARGETS = 512
"""Places of the lattice whose distances from the observations are looked at, at most."""
_NEARER = 0.75
"""Share of the targets' mean distance at which leaving out single places is hard enough."""
_FEWEST = 4
"""Parts into which observations are split, at least."""
MOST_SINGLES = 256
"""Places that are left out one by one, at most: more tell the mean error no better than by a few
percent, and each costs."""


@final
@dataclass(frozen=True)
class Folds:
    """Observed places that are left out together.

    Attributes:
        part: Number of the part of each place, shape (n,); -1 of the first ones that stay.
    """

    part: Tensor

    @classmethod
    def singles(cls, count: int) -> Folds:
        """Each place by itself, of many the last `MOST_SINGLES`."""
        return cls((torch.arange(count) - max(0, count - MOST_SINGLES)).clamp(min=-1))

    @classmethod
    def like_targets(cls, places: Tensor, targets: Tensor) -> Folds:
        """Parts that lie as far from the rest as the targets from all observations.

        At random cells a place that is left out is as far from the others as a target is. Inside a
        missing block, between stripes or clusters targets are further away, and leaving out one
        place asks too little. Then places are halved along their longest extent, again and again,
        and of all such partitions that is taken whose distances are the targets' on average: block
        cross-validation (Roberts et al. 2017, https://doi.org/10.1111/ecog.02881).

        Args:
            places: Embedded, shape (n, E).
            targets: Embedded, shape (M, E).
        """
        count = len(places)
        if count < 2 * _FEWEST:
            return cls.singles(count)
        thinned = targets[:: -(-len(targets) // _TARGETS)]
        away = torch.cdist(thinned, places).amin(dim=1)
        # Targets that were observed are not asked for.
        away = away[away > 1e-6 * away.max().clamp(min=1e-300)]
        wanted = float(away.mean()) if len(away) else 0.0
        between = torch.cdist(places, places)
        best = torch.arange(count)
        distance = _left_out(between, best)
        if distance >= _NEARER * wanted:
            return cls.singles(count)
        for part in _halved(places):
            found = _left_out(between, part)
            if abs(found - wanted) < abs(distance - wanted):
                best, distance = part, found
        return cls(best)

    @property
    def count(self) -> int:
        """How many parts."""
        return int(self.part.max()) + 1

    def start(self, place: Tensor) -> int:
        """How many rows come before the first that is left out, from the places of rows (m,)."""
        return int((self.part[place] < 0).sum())

    def rows(self, place: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of each part (G, k), padded, and which are real, from the place of each row (m,).

        Numbers count from the first row that is left out, see `start`.
        """
        part = self.part[place[self.start(place) :]]
        order = part.argsort(stable=True)
        sizes = torch.bincount(part, minlength=self.count)
        start = sizes.cumsum(0) - sizes
        step = torch.arange(int(sizes.max()))
        real = step < sizes[:, None]
        return order[(start[:, None] + step).clamp(max=len(order) - 1)], real


def _left_out(between: Tensor, part: Tensor) -> float:
    """Mean distance of places from the nearest one of another part."""
    same = part[:, None] == part
    return float(between.masked_fill(same, torch.inf).amin(dim=1).mean())


def _halved(places: Tensor) -> list[Tensor]:
    """Partitions into 4, 8, 16, ... parts of about equal numbers, shape (n,) each."""
    parts, found = [torch.arange(len(places))], []
    while max(map(len, parts)) > 1:
        halves = []
        for index in parts:
            if len(index) == 1:
                halves.append(index)
                continue
            at = places[index]
            axis = int((at.amax(dim=0) - at.amin(dim=0)).argmax())
            order = index[at[:, axis].argsort(stable=True)]
            halves += [order[: len(order) // 2], order[len(order) // 2 :]]
        parts = halves
        if len(parts) >= _FEWEST:
            number = torch.empty(len(places), dtype=torch.int64)
            for j, index in enumerate(parts):
                number[index] = j
            found.append(number)
    return found


class Precision(NamedTuple):
    """S⁻¹ of the last readings, as blocks of it are wanted: P ⊗ Q - U T Uᵀ.

    Attributes:
        places: P, of places or rows, shape (n, n).
        kinds: Q, of kinds, shape (C, C); None: 1.
        low: U, shape (..., m, r).
        middle: T, symmetric, shape (..., r, r); None: the identity.
        place: Row of P of each of the m rows.
        kind: Kind of each of them.
    """

    places: Tensor
    kinds: Tensor | None
    low: Tensor
    middle: Tensor | None
    place: Tensor
    kind: Tensor

    def blocks(self, rows: Tensor) -> Tensor:
        """Square blocks at rows (G, k), shape (..., G, k, k)."""
        p, c = self.place[rows], self.kind[rows]
        A = self.places[p[:, :, None], p[:, None, :]]
        if self.kinds is not None:
            A = A * self.kinds[c[:, :, None], c[:, None, :]]
        return A - self.correction(rows)

    def correction(self, rows: Tensor) -> Tensor:
        """What U T Uᵀ has there."""
        right = self.low if self.middle is None else self.low @ self.middle
        return right[..., rows, :] @ self.low[..., rows, :].mT


def errors_left_out(blocks: Tensor, alpha: Tensor, rows: Tensor, real: Tensor) -> Tensor:
    """Errors of each row if the rows of its part are left out: e_G = (S⁻¹)_GG⁻¹ (S⁻¹ r)_G.

    See docs/concepts.md, eq. (42).

    Args:
        blocks: (S⁻¹)_GG, of all fields (G, k, k), or of each (F, G, k, k).
        alpha: S⁻¹ r, shape (m, F).
        rows: See `Folds.rows`.
        real: Which of them are.

    Returns:
        Shape (m, F).
    """
    pair = real[:, :, None] & real[:, None, :]
    eye = torch.eye(rows.shape[1], dtype=blocks.dtype)
    A = torch.where(pair, blocks, eye)
    right = alpha[rows].masked_fill(~real[..., None], 0)  # (G, k, F)
    if A.ndim == 4:
        right = right.permute(2, 0, 1)[..., None]  # (F, G, k, 1)
    e = torch.linalg.solve_ex(A, right)[0]
    e = e[..., 0].permute(1, 2, 0) if A.ndim == 4 else e
    found = torch.zeros_like(alpha)
    found[rows[real]] = e[real]
    return found
