"""Restricted likelihood of a law, of one field or pooled over several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from mamba_diffae.fields import Geometry
from mamba_diffae.priors.kriging.gaussian import JITTER, Moments, Solved, cholesky, solve
from mamba_diffae.priors.kriging.kernels import Law, correlation
from mamba_diffae.priors.kriging.readings import Boxes, Readings

_FLOOR = 1e-20
"""Least variance, as a share of the mean square of the values."""
_SPREAD, _SMALL = 1.0, 0.25
"""Of `log_prior`: deviation of the logarithm of a length, and slope in that of the nugget."""
_EXACTLY = "donot_use_mm_for_euclid_dist"
_ROUNDING = 100.0
"""Multiple of the least variance that is more than rounding."""


@final
@dataclass(frozen=True)
class Sample:
    """Fields from which a law is estimated.

    Attributes:
        parts: Readings of one kind; those of one part were made at the same places. Its columns are
            those of one variable of every field, then those of the next.
        fields: How many.
    """

    parts: Sequence[Readings]
    fields: int = 1

    @property
    def noisy(self) -> bool:
        """Whether the errors have a known size above 0."""
        return any(p.noise is not None and bool((p.noise > 0).any()) for p in self.parts)

    @property
    def variables(self) -> float:
        """Variables of a reading, on average."""
        count = sum(len(p) * (p.values.shape[1] // self.fields) for p in self.parts)
        return count / max(len(p) for p in self.parts)

    @property
    def tells(self) -> bool:
        """Whether any field has values that differ."""
        return self.freedom > 0 and bool(self.told.any())

    @property
    def told(self) -> Tensor:
        """Whether values of a field differ by more than rounding, shape (F,)."""
        return self.spread > _ROUNDING * self.floor

    @property
    def freedom(self) -> int:
        """Values of a field less the trends that are estimated from them."""
        return sum(max(0, len(p) - 1) * (p.values.shape[1] // self.fields) for p in self.parts)

    @property
    def spread(self) -> Tensor:
        """Mean square of the values around their mean, of each field, shape (F,)."""
        centred = [p.values - p.values.mean(dim=0) for p in self.parts]
        return self._mean_square(centred, self.freedom)

    @property
    def floor(self) -> Tensor:
        """Least variance that can be told from rounding, of each field, shape (F,)."""
        return _FLOOR * self._mean_square([p.values for p in self.parts], None)

    def _mean_square(self, parts: Sequence[Tensor], count: int | None) -> Tensor:
        total = sum(p.square().sum(0).reshape(-1, self.fields).sum(0) for p in parts)
        count = sum(p.numel() // self.fields for p in parts) if count is None else count
        return torch.as_tensor(total) / max(count, 1)


def moments_of(law: Law, geometry: Geometry, variance: float = 1.0, trend: float = 0.0) -> Moments:
    """Those of one kind of reading."""
    one = torch.ones(1, 1, dtype=torch.float64)
    return Moments(law, law.scale(geometry), one * variance, one * trend)


def log_likelihood(
    law: Law, sample: Sample, geometry: Geometry, variance: float | None = None
) -> Tensor:
    """Restricted log-likelihood of each field, up to a constant, shape (F,).

    With R the covariance for variance 1, of n readings of V variables that share it:
    -½ (V log|R| + V log(1ᵀ R⁻¹ 1) + V (n - 1) log s²), where s² = Σ rᵀ R⁻¹ r / (V (n - 1)) is the
    variance at its best. Variables count as independent: a variable given twice counts twice, and
    no determinant of their covariance can vanish.

    Args:
        law: Kernel, lengths and ratios.
        sample: The fields.
        geometry: Of the region.
        variance: Of the field; None: at its best, for which errors must be unknown or 0.

    Reference:
        Patterson & Thompson (1971). https://doi.org/10.1093/biomet/58.3.545
    """
    moments = moments_of(law, geometry, 1.0 if variance is None else variance)
    total, misfit = torch.zeros((), dtype=torch.float64), 0
    for part in sample.parts:
        solved = solve(moments, part)
        columns = part.values.shape[1] // sample.fields
        total = total + columns * log_determinant(solved)
        misfit = misfit + solved.residual.square().sum(0).reshape(-1, sample.fields).sum(0)
    if variance is not None:
        return -0.5 * (total + misfit)
    count = sample.freedom
    best = (torch.as_tensor(misfit) / max(count, 1)).maximum(sample.floor.clamp(min=1e-300))
    # Equal values fit every law.
    return torch.where(sample.told, -0.5 * (total + count * best.log()), 0)


def log_likelihoods(choices: Sequence[Any], sample: Sample, geometry: Geometry) -> Tensor:
    """`log_likelihood` of many choices of law and variance, shape (J, F).

    Where readings are points without shared offsets the systems of all laws are solved together.
    """
    if any(p.group is not None or p.boxes.rule > 1 for p in sample.parts):
        found = [log_likelihood(c.law, sample, geometry, c.variance) for c in choices]
        return torch.stack(found)
    total, misfit = torch.zeros(len(choices), dtype=torch.float64), 0
    for part in sample.parts:
        determinant, squares = _batched(choices, part, geometry)
        total = total + part.values.shape[1] // sample.fields * determinant
        misfit = misfit + squares.reshape(len(choices), -1, sample.fields).sum(dim=1)
    if sample.noisy:
        return -0.5 * (total[:, None] + misfit)
    count = sample.freedom
    best = (torch.as_tensor(misfit) / max(count, 1)).maximum(sample.floor.clamp(min=1e-300))
    return torch.where(sample.told, -0.5 * (total[:, None] + count * best.log()), 0)


def _batched(choices: Sequence[Any], part: Readings, geometry: Geometry) -> tuple[Tensor, Tensor]:
    """log|S| + log|1ᵀ S⁻¹ 1| (J,) and rᵀ R⁻¹ r of each column (J, W).

    The variance is that of the choice, else 1.
    """
    laws = [choice.law for choice in choices]
    scales = torch.stack([law.scale(geometry) for law in laws])
    nugget = torch.tensor([law.nugget for law in laws], dtype=torch.float64)
    variance = torch.tensor([c.variance or 1.0 for c in choices], dtype=torch.float64)[:, None]
    S = _correlations([law.kernel for law in laws], scales, part.boxes)
    if part.noise is None:
        error = (nugget[:, None] / part.repeats).clamp(min=JITTER)
    else:
        S, error = S.mul_(variance[..., None]), part.noise.maximum(JITTER * variance)
    S.diagonal(dim1=-2, dim2=-1).add_(error)
    L = cholesky(S)
    ones = torch.ones(len(part), 1, dtype=torch.float64)
    right = torch.cat([ones, part.values], dim=1).expand(len(laws), -1, -1)
    white = torch.linalg.solve_triangular(L, right, upper=False)
    a, u = white[..., :1], white[..., 1:]
    information = a.square().sum(dim=1)
    rest = u - a * ((a * u).sum(dim=1) / information)[:, None]
    determinant = 2 * L.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1) + information[:, 0].log()
    return determinant, rest.square().sum(dim=1)


def _correlations(kernels: Sequence[str], scales: Tensor, boxes: Boxes) -> Tensor:
    """Of n points under J laws of lengths (J, E), shape (J, n, n)."""
    n, cells = len(boxes), boxes.cells
    if cells is not None and cells.tabled(cells, n * n):
        pairs = zip(kernels, scales, strict=True)
        tables = torch.stack([cells.correlations(*pair) for pair in pairs])
        return tables.index_select(1, cells.step(cells).flatten()).unflatten(1, (n, n))
    S = boxes.nodes.new_empty(len(kernels), n, n)
    for kernel in set(kernels):
        of = torch.tensor([j for j, own in enumerate(kernels) if own == kernel])
        x = boxes.nodes[:, 0] / scales[of][:, None]
        S[of] = correlation(kernel, torch.cdist(x, x, compute_mode=_EXACTLY))
    return S


def log_determinant(solved: Solved) -> Tensor:
    """log|S| + log|Xᵀ S⁻¹ X|."""
    factors = (solved.factor, solved.information)
    return 2 * sum(
        (f.diagonal(dim1=-2, dim2=-1).log().sum() for f in factors),
        torch.zeros((), dtype=torch.float64),
    )


def best_variance(law: Law, sample: Sample, geometry: Geometry) -> Tensor:
    """s² of each field, see `log_likelihood`, shape (F,)."""
    moments, misfit = moments_of(law, geometry), 0
    for part in sample.parts:
        residual = solve(moments, part).residual
        misfit = misfit + residual.square().sum(0).reshape(-1, sample.fields).sum(0)
    return torch.as_tensor(misfit) / max(sample.freedom, 1)


def variance_of(solved: Solved, freedom: int) -> Tensor:
    """s² of each column of readings of one kind that were solved for the variance 1, shape (W,)."""
    A, r = solved.design, solved.residual
    # With a weak prior of the trend; without any, nothing along its design is left.
    free = r - A @ torch.cholesky_solve(A.mT @ r, cholesky(A.mT @ A))
    return free.square().sum(0) / max(freedom, 1)


def log_prior(law: Law, geometry: Geometry) -> float:
    """A weak preference for lengths about a quarter of the region, and for small nuggets.

    It decides where readings are too few to tell: four units lie between the least nugget and one
    as large as the field's variance, two between a quarter of the region and a twentieth.
    """
    centre = math.log(geometry.diameter / 4)
    length = sum(((math.log(a) - centre) / _SPREAD) ** 2 for a in law.length) / len(law.length)
    return -0.5 * length - _SMALL * math.log(law.nugget)
