"""Draws from the mixture by Matheron's rule: docs/concepts.md, eq. (46)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mamba_diffae.fields import Geometry
from mamba_diffae.priors.kriging.draws import DrawKey, chosen, draw_kriging, reading_errors
from mamba_diffae.priors.kriging.gaussian import cholesky
from mamba_diffae.priors.kriging.random_field import RandomField
from mamba_diffae.priors.kriging.seen import Seen
from mamba_diffae.priors.kriging.variables import KrigedFields
from mamba_diffae.priors.mixture.hybrid import HybridLaw
from mamba_diffae.priors.mixture.learned import Learned
from mamba_diffae.priors.mixture.library import Library
from mamba_diffae.priors.mixture.targets import Targets
from mamba_diffae.priors.mixture.weighed import Weighed
from mamba_diffae.priors.randomness import generator_of, normals


def draw_mixture(
    weighed: Weighed,
    kriged: KrigedFields,
    means: Tensor,
    targets: Targets,
    keys: Tensor,
    white: bool,
) -> Tensor:
    """Draws of fields, of each variable from one component and law, shape (F, K, M, C).

    Deviations from the component's mean are multiplied by the root of its inflation.

    Args:
        weighed: The fields.
        kriged: Its kriging, of all readings or of averages over cells.
        means: Of each component at the targets, shape (J, M, C, F).
        targets: Where, M of them.
        keys: Shape (F, K).
        white: Whether the nugget at the targets is drawn.
    """
    draws = DrawKey.of(keys)
    each = [chosen(weighed.weights[..., d.field], d.component) for d in draws]
    jobs = [(j, w) for w, own in enumerate(each) for j in own.unique().tolist()]
    found = means.new_empty(*means.shape[1:3], len(draws))
    for some in ([job for job in jobs if not job[0]], [job for job in jobs if job[0]]):
        if not some:
            continue
        numbers, of = [j for j, _ in some], [draws[w] for _, w in some]
        middle = means[numbers, :, :, [d.field for d in of]].movedim(0, -1)
        if numbers[0]:
            assert weighed.gaussians.learned is not None
            moved = draw_learned(weighed.gaussians.learned, numbers, targets, of, white)
        else:
            moved = draw_kriging(kriged, targets.boxes, of, white) - middle
        width = weighed.inflation[numbers, :, [d.field for d in of]].mT.sqrt()
        drawn = middle + width * moved
        for (j, w), one in zip(some, drawn.unbind(dim=-1), strict=True):
            found[:, each[w] == j, w] = one[:, each[w] == j]
    return found.movedim(-1, 0).unflatten(0, keys.shape)


def draw_learned(
    learned: Learned,
    numbers: Sequence[int],
    targets: Targets,
    keys: Sequence[DrawKey],
    white: bool,
) -> Tensor:
    """Draws from library (1) or analogues (2, 3) around the mean of each, shape (M, C, W).

    Args:
        learned: Library and analogues of fields.
        numbers: Of the component of each draw.
        targets: Where, M of them.
        keys: Of W draws.
        white: Whether the nugget at the targets is drawn.
    """
    pairs = [(j - 1, key.field) for j, key in zip(numbers, keys, strict=True)]
    drawn = [
        _before(learned, part, targets, key, white)
        for (part, _), key in zip(pairs, keys, strict=True)
    ]
    modes, own, there, rows = (torch.stack(part, dim=-1) for part in zip(*drawn, strict=True))
    lattice = learned.library.modes @ (learned.hybrid.law.share**0.5 * modes) + own
    rows = rows + learned.cells(lattice.flatten(0, 1))
    return targets.cells(lattice) + there + learned.increment(-rows, pairs, targets)


def _before(
    learned: Learned, part: int, targets: Targets, key: DrawKey, white: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A draw before any observation, around its mean.

    Returns:
        Weights of the modes, what the field's own exemplars add on the lattice (P, C), all else at
        the targets (M, C), and of the readings (m,) with their errors.
    """
    seen, law, generator = learned.seen, learned.hybrid.law, generator_of(key.seed)
    root, gaussian = _root(law), learned.parts[part]
    kernel = RandomField(law.law, law.law.scale(learned.geometry), root, generator)
    modes = learned.random_modes(key.field, generator)
    own = torch.zeros(learned.library.shape, dtype=torch.float64)
    if gaussian is not None and part:
        own = gaussian.random(key.field, learned.nearest.weight.shape[1], generator)
    there = kernel(targets.boxes)
    rows = kernel(seen.readings.boxes)[seen.reading, seen.kind]
    error, stated = reading_errors(seen, law.law, root, torch.arange(len(root)), generator)
    rows = rows + error + stated + _within(seen, law, generator)
    if white and seen.readings.noise is None:
        there = there + _nuggets(law, len(there), generator)
    return modes, own, there, rows


def _root(law: HybridLaw) -> Tensor:
    """Root of the covariance of the variables in the stationary part, shape (C, C)."""
    return ((1 - law.share) * law.variance) ** 0.5 * cholesky(law.between)


def _nuggets(law: HybridLaw, count: int, generator: torch.Generator) -> Tensor:
    """What varies within a cell at so many targets, shape (M, C)."""
    root = _root(law)
    return law.law.nugget**0.5 * normals(generator, count, len(root)) @ root.mT


def _within(seen: Seen, law: HybridLaw, generator: torch.Generator) -> Tensor:
    """How readings finer than a cell differ from it, shape (m,)."""
    own = normals(generator, len(seen.readings), seen.variables)
    if seen.together:
        own = own @ cholesky(law.between).mT
    return (law.within * seen.finer).sqrt()[seen.reading] * own[seen.reading, seen.kind]


def draw_library(
    library: Library,
    law: HybridLaw,
    geometry: Geometry,
    targets: Targets,
    keys: Sequence[DrawKey],
    white: bool,
) -> Tensor:
    """Draws before any observation, shape (M, C, W).

    Args:
        library: The exemplars.
        law: Of fields.
        geometry: Of the region.
        targets: Where, M of them.
        keys: Of W draws.
        white: Whether the nugget at the targets is drawn.
    """
    found = torch.empty(len(targets.boxes), library.shape[1], len(keys), dtype=torch.float64)
    for drawn, key in zip(found.unbind(dim=-1), keys, strict=True):
        generator = generator_of(key.seed)
        kernel = RandomField(law.law, law.law.scale(geometry), _root(law), generator)
        modes = library.modes @ (law.share**0.5 * normals(generator, library.modes.shape[-1]))
        drawn.copy_(targets.cells(library.mean + modes) + kernel(targets.boxes))
        if white:
            drawn += _nuggets(law, len(drawn), generator)
    return found
