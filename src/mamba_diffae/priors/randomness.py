"""Random numbers of a key: the same whatever other keys there are."""

from __future__ import annotations

import torch
from torch import Tensor

_GOLDEN, _WORD = 0x9E3779B97F4A7C15, 2**64


def generator_of(key: int) -> torch.Generator:
    """Of a key of 64 bits: all of them count, where the generator's own seed has 32.

    Multiplicative hashing: Knuth (1998), The Art of Computer Programming, vol. 3, section 6.4.
    """
    return torch.Generator().manual_seed((key * _GOLDEN % _WORD) >> 32)


def normals(generator: torch.Generator, *shape: int) -> Tensor:
    """Standard normals in double precision."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64)
