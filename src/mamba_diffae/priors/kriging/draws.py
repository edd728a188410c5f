"""Draws from kriged fields by Matheron's rule.

With f a draw from the law before any observation and ε one of the errors, f + S_* S⁻¹ (y - ε - f)
has the law after them: docs/concepts.md, eq. (46).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

from mamba_diffae.priors.kriging.conditional import JointlyKriged, LawOfFields, Stationary
from mamba_diffae.priors.kriging.gaussian import cholesky
from mamba_diffae.priors.kriging.kernels import Law
from mamba_diffae.priors.kriging.random_field import Origin, RandomField
from mamba_diffae.priors.kriging.readings import Boxes
from mamba_diffae.priors.kriging.seen import Seen
from mamba_diffae.priors.kriging.variables import KrigedFields
from mamba_diffae.priors.randomness import generator_of, normals


class DrawKey(NamedTuple):
    """What a key decides of a draw.

    Attributes:
        field: Number of its field.
        component: Number in [0, 1) that chooses among the components of a mixture. One number
            chooses for all variables, so that those of equal weights go together.
        law: The same among the laws of kriging.
        seed: Of all else.
        origin: Where the field lies in a larger one; None: it is all there is.
    """

    field: int
    component: float
    law: float
    seed: int
    origin: Origin | None = None

    @classmethod
    def of(cls, keys: Tensor, origins: Sequence[Origin] | None = None) -> list[Self]:
        """From keys (F, K): K of the first field, then those of the next; F origins, or none."""
        found = []
        for field, row in enumerate(keys.tolist()):
            for key in row:
                generator = generator_of(key)
                component, law = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
                seed = int(torch.randint(2**62, (), generator=generator))
                origin = None if origins is None else origins[field]
                found.append(cls(field, component, law, seed, origin))
        return found


def chosen(weights: Tensor, u: float) -> Tensor:
    """For each column of weights (K, C) the row in whose share a number in [0, 1) lies, (C,)."""
    share = (weights / weights.sum(dim=0)).cumsum(dim=0)
    return (share <= u).sum(dim=0).clamp(max=len(weights) - 1)


def reading_errors(
    seen: Seen, law: Law, root: Tensor, kinds: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Errors of each row, both of shape (m,): those that go with the field's variance, the others.

    Args:
        seen: The observations.
        law: Its nugget holds errors of unknown size.
        root: Root of the covariance of all variables, shape (C, C).
        kinds: Which of them were seen, shape (T,).
        generator: Source of randomness.
    """
    readings, kind = seen.readings, kinds[seen.kind]
    white = normals(generator, seen.places, len(root))
    own = stated = torch.zeros(len(kind), dtype=torch.float64)
    if readings.noise is None:
        size = (law.nugget / readings.repeats).sqrt()[seen.reading]
        own = size * (white @ root.mT)[seen.place, kind]
    else:
        stated = readings.noise.sqrt()[seen.reading] * white[seen.place, kind]
    if readings.group is not None and law.offset:
        groups, group = readings.group.unique(return_inverse=True)
        offset = law.offset**0.5 * normals(generator, len(groups), len(root)) @ root.mT
        own = own + offset[group[seen.reading], kind]
    return own, stated


def draw_kriging(
    kriged: KrigedFields, targets: Boxes, keys: Sequence[DrawKey], white: bool
) -> Tensor:
    """Draws of kriged fields, each variable under one law, shape (M, C, W).

    Args:
        kriged: The fields.
        targets: Where, M of them.
        keys: Of W draws.
        white: Whether the nugget at the targets is drawn.
    """
    root, found = cholesky(kriged.fields.between), []
    if not keys:
        return torch.zeros(len(targets), len(root), 0, dtype=torch.float64)
    for part, kinds in zip(kriged.parts, kriged.kinds, strict=True):
        law = torch.stack([_law_of(part, k) for k in keys], dim=1)
        drawn = torch.zeros(len(targets), *law.shape, dtype=torch.float64)
        for number in law.unique().tolist():
            here = law == number
            columns = here.any(dim=0).nonzero()[:, 0]
            some = [keys[w] for w in columns.tolist()]
            under = _draw_under(part, number, targets, some, root, kinds, white)
            drawn[..., columns] = torch.where(here[:, columns], under, drawn[..., columns])
        found.append(drawn)
    return torch.cat(found, dim=1)


def _law_of(kriged: JointlyKriged, key: DrawKey) -> Tensor:
    """Number of the law of each variable in a draw, shape (C,).

    Of a region of a larger field it is the whole's, with the region's likeliest variance.
    """
    weight, family = kriged.weights[..., key.field], kriged.fields.family
    if not family.shared:
        return chosen(weight, key.law)
    of_whole = chosen(family.log_share.exp().expand(-1, weight.shape[1]), key.law)
    number = torch.tensor([family.number(law.choice) for law in kriged.laws])
    return (weight + _TINY).where(number[:, None] == of_whole, 0).argmax(dim=0)


_TINY = 1e-12


def _draw_under(
    kriged: JointlyKriged,
    number: int,
    targets: Boxes,
    keys: Sequence[DrawKey],
    root: Tensor,
    kinds: Tensor,
    white: bool,
) -> Tensor:
    """Draws of some variables of fields under one law of kriging, shape (M, T, W)."""
    seen, field = kriged.seen, torch.tensor([k.field for k in keys])
    law, size = kriged.laws[number], kriged.variance(number)[:, field].clamp(min=1e-300).sqrt()
    drawn = [_before(kriged, law, targets, root, kinds, k, white) for k in keys]
    there, rows, stated = (torch.stack(part, dim=-1) for part in zip(*drawn, strict=True))
    residual = seen.values[:, field] - size[seen.kind] * rows - stated
    return size * there + kriged.increment(number, residual, targets)


def _before(
    kriged: JointlyKriged,
    law: LawOfFields,
    targets: Boxes,
    root: Tensor,
    kinds: Tensor,
    key: DrawKey,
    white: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """A draw before any observation: at targets (M, T), of readings and their stated errors (m,).

    In units of the root of the field's variance, which stated errors do not go with.
    """
    seen, generator, choice = kriged.seen, generator_of(key.seed), law.choice
    root = (1.0 if choice.variance is None else choice.variance) ** 0.5 * root
    scale, trend = law.moments.scale, kriged.fields.trend
    field = RandomField(choice.law, scale, root[kinds], generator, trend, key.origin)
    there = field(targets)
    rows = field(seen.readings.boxes)[seen.reading, seen.kind]
    own, stated = reading_errors(seen, choice.law, root, kinds, generator)
    if white and seen.readings.noise is None:
        nuggets = normals(generator, len(targets), len(root)) @ root[kinds].mT
        there = there + choice.law.nugget**0.5 * nuggets
    return there, rows + own, stated


def draw_stationary(
    fields: Stationary, targets: Boxes, keys: Sequence[DrawKey], white: bool
) -> Tensor:
    """Draws before any observation, shape (M, C, W); arguments as of `draw_kriging`."""
    root, family = cholesky(fields.between), fields.family
    share = family.log_share.exp().expand(-1, len(root))
    found = torch.empty(len(targets), len(root), len(keys), dtype=torch.float64)
    for w, key in enumerate(keys):
        number = chosen(share, key.law)
        for j in number.unique().tolist():
            law, generator = family.choices[j].law, generator_of(key.seed)
            scale = law.scale(fields.geometry)
            drawn = RandomField(law, scale, root, generator, fields.trend, key.origin)(targets)
            if white:
                drawn = drawn + law.nugget**0.5 * normals(generator, *drawn.shape) @ root.mT
            found[:, number == j, w] = drawn[:, number == j]
    return found
