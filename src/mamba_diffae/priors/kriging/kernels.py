"""Correlation functions, and the law of a field: kernel, lengths, nugget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import torch
from torch import Tensor

from mamba_diffae.fields import Geometry

_INTERVALS, _FAR = 4096, 6.0
"""Of the table of Whittle's kernel: pieces, and where it ends, in √x."""

KERNELS = ("exponential", "matern32", "matern52", "whittle")
"""Matérn kernels of order 1/2, 3/2, 5/2 and 1: of rough and of smooth fields."""


@final
@dataclass(frozen=True)
class Law:
    """Second moments of a field, up to its variance.

    Attributes:
        kernel: One of `KERNELS`.
        length: Of each axis, shape (D,), in the unit of the coordinates.
        nugget: Variance of an error of unknown size, as a ratio to the field's.
        offset: Variance of the offset that a noise group shares, as a ratio to the field's.
    """

    kernel: str
    length: tuple[float, ...]
    nugget: float
    offset: float = 0.0

    def scale(self, geometry: Geometry) -> Tensor:
        """Length of each embedded coordinate, shape (E,); axes of a sphere share theirs."""
        logs = [
            sum(math.log(self.length[axis]) for axis in axes) / len(axes)
            for axes in geometry.embedded_axes
        ]
        return torch.tensor(logs, dtype=torch.float64).exp()


def correlation(kernel: str, distance: Tensor) -> Tensor:
    """Matérn correlation at distances in units of the length, of any shape.

    Order 1/2: exp(-r). Order 1: √2 r K₁(√2 r), the kernel of thin plates in two dimensions (Whittle
    1954). Order 3/2: (1 + √3 r) exp(-√3 r). Order 5/2: (1 + √5 r + 5 r² / 3) exp(-√5 r).

    Reference:
        Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, eq. (4.17).
    """
    if kernel == "exponential":
        return distance.neg().exp_()
    if kernel == "whittle":
        return _whittle(distance)
    if kernel == "matern32":
        r = distance * math.sqrt(3)
        return r.neg().exp_().mul_(r.add_(1))
    r = distance * math.sqrt(5)
    polynomial = r.square().div_(3).add_(r).add_(1)
    return r.neg_().exp_().mul_(polynomial)


def _whittle(distance: Tensor) -> Tensor:
    """√2 r K₁(√2 r) from a table of cubic polynomials, to 1e-12: a fifth of the cost of K₁."""
    per = _INTERVALS / _FAR
    u = (distance * (math.sqrt(2) * per**2)).sqrt_().clamp_(max=_INTERVALS - 1e-3)
    index, t = u.int().flatten(), u.frac_()
    a, b, c, d = (p.index_select(0, index).view(u.shape) for p in _whittle_table())
    return d.mul_(t).add_(c).mul_(t).add_(b).mul_(t).add_(a)


@lru_cache(maxsize=1)
def _whittle_table() -> tuple[Tensor, ...]:
    """Coefficients of Hermite's cubic pieces of x K₁(x) in s = √x, four of shape (pieces,).

    In s the kernel is smooth enough at 0. Its derivative is -2 s x K₀(x).
    """
    s = torch.linspace(0, _FAR, _INTERVALS + 1, dtype=torch.float64)
    x = s.square().clamp(min=1e-18)
    f = x * torch.special.modified_bessel_k1(x)
    f[0] = 1
    g = -2 * s * x * torch.special.modified_bessel_k0(x) * (_FAR / _INTERVALS)
    rise = f[1:] - f[:-1]
    return f[:-1], g[:-1], 3 * rise - 2 * g[:-1] - g[1:], g[:-1] + g[1:] - 2 * rise
