"""Shapes of the lattices of a decoder: tokens, patches of anchors, and cells that are convolved."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mamba_diffae.fields import Shape

NEAR = 1.5
"""Ratio up to which a number of tokens is near another."""


def distribute(count: int, extent: Sequence[float], most: Sequence[int]) -> Shape:
    """A lattice of about `count` cells, as cubic as can be, at most `most` along each axis.

    See docs/concepts.md, eq. (29).
    """
    width = (math.prod(extent) / count) ** (1 / len(extent))
    pairs = zip(extent, most, strict=True)
    return tuple(max(1, min(n, round(a / width))) for a, n in pairs)


def dividing(cells: int, tokens: int, patch: int) -> int:
    """A number of tokens that divides the cells into patches of at most `patch`, near `tokens`."""
    counts = [cells // p for p in range(1, patch + 1) if cells % p == 0]
    near = [n for n in counts if 1 / NEAR <= n / tokens <= NEAR]
    return min(near, key=lambda n: (abs(math.log(n / tokens)), n), default=tokens)


def thinned_patch(patch: Shape, tokens: Shape, most: int) -> Shape:
    """The largest parts of patches that are at most `most` in all tokens, dividing them evenly."""
    inner = list(patch)
    while math.prod(tokens) * math.prod(inner) > most and max(inner) > 1:
        for d in [d for d, n in enumerate(inner) if n == max(inner)]:
            inner[d] = max(n for n in range(1, inner[d]) if patch[d] % n == 0)
    return tuple(inner)
