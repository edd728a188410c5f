"""Random fields of a stationary law."""

from __future__ import annotations

import math
from typing import NamedTuple, final

import torch
from torch import Tensor

from mamba_diffae.fields import Shape
from mamba_diffae.priors.kriging.cells import Cells
from mamba_diffae.priors.kriging.kernels import Law
from mamba_diffae.priors.kriging.readings import Boxes
from mamba_diffae.priors.randomness import normals

FEATURES = 1024
"""Random Fourier features of a field."""
_TAIL, _HIGHEST = 0.3, 1e4
"""Power with which wide frequencies thin out, so that an octave has 0.8 times as many as the one
below, and the highest radius, in inverse lengths: higher ones are waste on all but huge grids."""
_FREEDOM = {"exponential": 1, "whittle": 2, "matern32": 3, "matern52": 5}
"""Twice the order of each kernel: degrees of freedom of its spectral density."""
_DENSE = 4
"""Share of a lattice's cells, as one in so many, from which all of them cost less."""


class Origin(NamedTuple):
    """Where a region lies in a larger one, of which a draw is one function.

    Attributes:
        at: Embedded coordinates of the region's corner there, shape (E,).
        period: Length after which the larger one repeats along each of them, shape (E,); infinite:
            it does not.
    """

    at: Tensor
    period: Tensor


@final
class RandomField:
    """A field of unit variance, for several variables: the same function wherever it is asked for.

    √(2/R) Σ s w cos(ω x + b): Rahimi & Recht (2007), Random features for large-scale kernel
    machines. The spectral density p of the kernel is a multivariate t distribution, of which few ω
    of a thousand are as high as what readings leave open: draws given them would be stripes, or of
    a smooth kernel nearly agree. So half of the ω are from a density q with about as many in each
    octave, and s² = p / (p/2 + q/2). On the cells of a lattice e^{iωx} is a product over axes, and
    the sum a product of matrices.

    Args:
        law: Kernel and lengths.
        scale: Length of each embedded coordinate, shape (E,).
        root: Root of the covariance of the variables, C Cᵀ for shape (T, C).
        generator: Source of randomness.
        trend: Variance of a constant as a ratio to the field's, shape (T,); None: there is none.
        origin: Where the region lies in a larger one; None: it is all there is.
    """

    def __init__(
        self,
        law: Law,
        scale: Tensor,
        root: Tensor,
        generator: torch.Generator,
        trend: Tensor | None = None,
        origin: Origin | None = None,
    ) -> None:
        freedom, count = _FREEDOM[law.kernel], root.shape[1]
        frequency = torch.cat(
            [
                _own_frequencies(freedom, len(scale), generator),
                _wide_frequencies(len(scale), generator),
            ]
        )
        ratio = (_log_wide_density(frequency) - _log_own_density(frequency, freedom)).exp()
        size = (2 / FEATURES * 2 / (1 + ratio)).sqrt()[:, None]
        self.frequency = frequency / scale
        self.phase = torch.rand(FEATURES, generator=generator, dtype=torch.float64) * math.tau
        self.weight = normals(generator, FEATURES, count) @ root.mT * size
        if origin is not None:
            # What repeats does so for multiples of one frequency.
            lowest = math.tau / origin.period
            closed = (self.frequency / lowest).round() * lowest
            self.frequency = torch.where(origin.period.isfinite(), closed, self.frequency)
            self.phase = self.phase + self.frequency @ origin.at
        self.constant = torch.zeros(len(root), dtype=torch.float64)
        if trend is not None:
            self.constant = trend.sqrt() * (root @ normals(generator, count))
        self._lattices: dict[Shape, Tensor] = {}

    def __call__(self, boxes: Boxes) -> Tensor:
        """Averages over boxes or values at points, shape (n, T)."""
        cells, index = boxes.cells, boxes.cell_index
        if cells is not None and index is not None:
            known = cells.shape in self._lattices
            if known or _DENSE * len(boxes) >= math.prod(cells.shape):
                return self._lattice(cells).index_select(0, index)
        wave = (boxes.nodes @ self.frequency.mT + self.phase).cos()
        return torch.einsum("nqr,q->nr", wave, boxes.weights) @ self.weight + self.constant

    def _lattice(self, cells: Cells) -> Tensor:
        """Values at all cells of the lattice, made once, shape (P, T)."""
        if cells.shape not in self._lattices:
            self._lattices[cells.shape] = self._product(cells.axes()) + self.constant
        return self._lattices[cells.shape]

    def _product(self, axes: list[Tensor]) -> Tensor:
        """Values at all cells, shape (P, T), from embedded centres of each axis."""
        frequencies = self.frequency.split([x.shape[1] for x in axes], dim=1)
        *first, last = map(_waves, axes, frequencies)
        waves = _unit(self.phase)[None]
        for along in first:
            waves = (waves[:, None] * along).flatten(0, 1)
        weight = torch.cat([self.weight, self.weight]).mT.contiguous()
        right = torch.cat([last.real, -last.imag], dim=1)[:, None] * weight
        found = torch.cat([waves.real, waves.imag], dim=1) @ right.flatten(0, 1).mT
        return found.reshape(-1, self.weight.shape[1])


def _own_frequencies(freedom: int, dim: int, generator: torch.Generator) -> Tensor:
    """Half of the frequencies, of the multivariate t distribution, shape (R / 2, E)."""
    squares = normals(generator, FEATURES // 2, freedom).square().sum(dim=1)
    return normals(generator, FEATURES // 2, dim) * (freedom / squares).sqrt()[:, None]


def _wide_frequencies(dim: int, generator: torch.Generator) -> Tensor:
    """The other half: any direction, one radius in each part of equal probability of q."""
    count = FEATURES - FEATURES // 2
    direction = torch.nn.functional.normalize(normals(generator, count, dim), dim=1)
    within = torch.rand(count, generator=generator, dtype=torch.float64)
    share = _below(_HIGHEST) * (torch.arange(count) + within) / count
    return direction * ((1 - share).pow(-1 / _TAIL) - 1)[:, None]


def _below(radius: float) -> float:
    """Share of a radius r with P(r > x) = (1 + x)^-`_TAIL` that is below another one."""
    return 1 - (1 + radius) ** -_TAIL


def _log_own_density(x: Tensor, freedom: int) -> Tensor:
    """Of the multivariate t distribution of unit scale at x (R, E), shape (R,)."""
    E = x.shape[1]
    constant = math.lgamma((freedom + E) / 2) - math.lgamma(freedom / 2)
    constant -= E / 2 * math.log(freedom * math.pi)
    return constant - (freedom + E) / 2 * (x.square().sum(dim=1) / freedom).log1p()


def _log_wide_density(x: Tensor) -> Tensor:
    """Of q at x (R, E), shape (R,): of |x| that of `_below` up to `_HIGHEST`."""
    E, r = x.shape[1], x.norm(dim=1).clamp(min=1e-12)
    sphere = math.log(2) + E / 2 * math.log(math.pi) - math.lgamma(E / 2)
    found = math.log(_TAIL / _below(_HIGHEST)) - (_TAIL + 1) * r.log1p()
    return (found - (E - 1) * r.log() - sphere).masked_fill(r > _HIGHEST, -math.inf)


def _waves(centres: Tensor, frequency: Tensor) -> Tensor:
    """e^{iωx} along an axis, shape (n, R); where it does not close, by powers of the first."""
    if centres.shape[1] > 1:
        return _unit(centres @ frequency.mT)
    found = _unit(centres[:1] @ frequency.mT)
    step = found.square()  # the first centre lies half a cell from 0
    while len(found) < len(centres):
        found = torch.cat([found, found * step])
        step = step.square()
    return found[: len(centres)]


def _unit(angle: Tensor) -> Tensor:
    return torch.complex(angle.cos(), angle.sin())
