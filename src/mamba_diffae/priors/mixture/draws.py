"""Draws from the components by Matheron's rule.

With f a draw from the law before any observation and ε one of the errors, f + S_* S⁻¹ (y - ε - f)
has the law after them: docs/concepts.md, eq. (46).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mamba_diffae.priors.kriging.conditional import JointlyKriged
from mamba_diffae.priors.kriging.gaussian import cholesky
from mamba_diffae.priors.kriging.kernels import Law
from mamba_diffae.priors.kriging.readings import Boxes
from mamba_diffae.priors.kriging.seen import Seen
from mamba_diffae.priors.kriging.variables import KrigedFields
from mamba_diffae.priors.mixture.gaussians import Gaussians
from mamba_diffae.priors.mixture.targets import Targets

FEATURES = 1024
"""Random Fourier features of a draw."""
_FREEDOM = {"exponential": 1, "whittle": 2, "matern32": 3, "matern52": 5}
"""Twice the order of each kernel: degrees of freedom of its spectral density."""


class RandomField:
    """A draw of unit variance from a stationary law, for several variables.

    √(2/R) Σ w cos(ω x + b), with ω from the spectral density of the kernel, a multivariate t
    distribution: Rahimi & Recht (2007), Random features for large-scale kernel machines.

    Args:
        law: Kernel and lengths.
        scale: Length of each embedded coordinate, shape (E,).
        root: Lower factor of the covariance of the variables, shape (C, C).
        generator: Source of randomness.
    """

    def __init__(self, law: Law, scale: Tensor, root: Tensor, generator: torch.Generator) -> None:
        E, C = len(scale), len(root)
        freedom = _FREEDOM[law.kernel]
        normal = _normal(generator, FEATURES, E)
        chi = _normal(generator, FEATURES, freedom).square().sum(dim=1, keepdim=True)
        self.frequency = normal * (freedom / chi).sqrt() / scale
        self.phase = torch.rand(FEATURES, generator=generator, dtype=torch.float64) * math.tau
        weight = _normal(generator, FEATURES, C)
        self.weight = weight @ root.mT * math.sqrt(2 / FEATURES)

    def __call__(self, boxes: Boxes) -> Tensor:
        """Averages over boxes or values at points, shape (n, C)."""
        wave = (boxes.nodes @ self.frequency.mT + self.phase).cos()
        return torch.einsum("nqr,q->nr", wave, boxes.weights) @ self.weight


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _errors(seen: Seen, nugget: float, root: Tensor, generator: torch.Generator) -> Tensor:
    """A draw of the errors of each row, shape (m,)."""
    readings, kind = seen.readings, seen.kind
    if readings.noise is not None:
        rows = seen.rows(readings.noise[:, None].expand(-1, seen.variables if seen.together else 1))
        return rows[:, 0].sqrt() * _normal(generator, len(rows))
    white = _normal(generator, seen.places, seen.variables) @ root.mT
    return nugget**0.5 * white[seen.place, kind] / readings.repeats[seen.reading].sqrt()


def draw_kriging(
    kriged: KrigedFields, targets: Boxes, u: Tensor, seed: int, white: bool = True
) -> Tensor:
    """A draw of a single field by kriging, shape (M, C).

    Args:
        kriged: The field.
        targets: Where.
        u: A number in [0, 1) by which each variable's law is chosen.
        seed: Of the draw.
        white: Whether the nugget at the targets is drawn.
    """
    found = []
    for part in kriged.parts:
        law = chosen(part.weights[..., 0], u)
        fields = torch.empty(len(targets), len(law), dtype=torch.float64)
        for j in law.unique().tolist():
            generator = torch.Generator().manual_seed(seed)
            drawn = _draw_under(part, j, targets, generator, white)
            fields[:, law == j] = drawn[:, law == j]
        found.append(fields)
    return torch.cat(found, dim=1)


def chosen(weights: Tensor, u: Tensor) -> Tensor:
    """For each column of weights (K, C) the row in whose share a number in [0, 1) lies, (C,)."""
    share = (weights / weights.sum(dim=0)).cumsum(dim=0)
    return (share < u).sum(dim=0).clamp(max=len(weights) - 1)


def _draw_under(
    kriged: JointlyKriged,
    number: int,
    targets: Boxes,
    generator: torch.Generator,
    with_white: bool,
) -> Tensor:
    """A draw of a single field under one law of kriging, shape (M, C)."""
    seen, law = kriged.seen, kriged.laws[number]
    moments, scale = law.moments, kriged.variance(number)[:, 0].clamp(min=1e-300).sqrt()
    nugget = law.choice.law.nugget
    C = moments.between if len(moments.between) > 1 else kriged.fields.between * moments.between
    root = cholesky(C)
    field = RandomField(law.choice.law, moments.scale, root, generator)
    trend = kriged.fields.trend.sqrt() * (root @ _normal(generator, seen.variables))
    rows = field(seen.readings.boxes)[seen.reading, seen.kind] + trend[seen.kind]
    if readings_noise := seen.readings.noise is not None:
        nugget = 0.0
    error = _errors(seen, nugget, root, generator)
    each = scale[seen.kind]
    error = error if readings_noise else each * error
    residual = seen.values[:, 0] - each * rows - error
    there = scale * (field(targets) + trend)
    white = _normal(generator, *there.shape) @ root.mT
    moved = kriged.increment(law, residual[:, None], targets)[..., 0]
    nugget = nugget if with_white else 0.0
    return there + moved + scale * nugget**0.5 * white


def draw_learned(
    gaussians: Gaussians,
    number: int,
    targets: Targets,
    generator: torch.Generator,
    with_white: bool,
) -> Tensor:
    """A draw of a single field from the library (0) or its analogues (1, 2), shape (M, C)."""
    learned = gaussians.learned
    assert learned is not None
    hybrid, library, seen = learned.hybrid, learned.library, learned.seen
    law = hybrid.law
    kappa = (1 - law.share) * law.variance
    root = cholesky(law.between) * kappa**0.5
    field = RandomField(law.law, law.law.scale(gaussians.kriged.fields.geometry), root, generator)
    own = learned.parts[number]
    lattice = law.share**0.5 * library.modes @ _normal(generator, library.modes.shape[-1])
    if own is None:
        lattice = lattice + library.mean
    else:
        size = own.own.weight[0].clamp(min=0).sqrt()
        each = size * _normal(generator, len(size))
        vectors = own.own.vectors[0].double()
        lattice = lattice + own.own.mean[0] + torch.einsum("r,rpc->pc", each, vectors)
    kernel = field(seen.readings.boxes)
    rows = learned.cells(lattice.flatten()) + kernel[seen.reading, seen.kind]
    noisy = seen.readings.noise is not None
    error = _errors(seen, 0.0 if noisy else law.law.nugget, root, generator)
    finer = (law.within * seen.finer).sqrt()[seen.reading]
    error = error + finer * _normal(generator, len(rows))
    residual = seen.values[:, 0] - rows - error
    there = targets.cells(lattice) + field(targets.boxes)
    moved = learned.increment(number, residual[:, None], learned.at(targets), targets)[..., 0]
    white = _normal(generator, *there.shape) @ root.mT
    nugget = 0.0 if noisy or not with_white else law.law.nugget
    return there + moved + nugget**0.5 * white
