"""A change of a field that may change nothing where it was observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.priors.kriging.seen import alike
from mamba_diffae.priors.mixture.hybrid import Hybrid, HybridLaw
from mamba_diffae.priors.mixture.lattice import LatticeMap
from mamba_diffae.priors.mixture.library import Library
from mamba_diffae.priors.mixture.targets import Targets

if TYPE_CHECKING:
    from mamba_diffae.priors.mixture.prior import MixturePrior


def left_of(
    change: Tensor,
    observed: Tensor,
    library: Library,
    law: HybridLaw,
    deviation: Tensor,
    prior: MixturePrior,
) -> Tensor:
    """See `Prior.condition_increment`: docs/concepts.md, eq. (14).

    Args:
        change: On the lattice, shape (B, P, C), scaled.
        observed: Shape (B, P, C), bool.
        library: Components.
        law: Of fields.
        deviation: Unit of the law, shape (C,).
        prior: Whose lattice it is.
    """
    config, targets = prior.config, Targets.of_lattice(prior.config)
    cells = targets.cells
    scaled = (change.double().cpu() / deviation).clone()
    seen_there = observed.cpu()
    coords = config.centres().expand(len(change), -1, -1)
    cell = torch.tensor(config.geometry.extent) / torch.tensor(config.shape)
    made = Observations(
        coords,
        scaled * deviation + prior.kriging.mean.cpu(),
        seen_there,
        cell.double().expand(coords.shape),
        torch.zeros_like(scaled),
    )
    for rows in alike(made):
        if not bool(seen_there[rows[0]].any()):
            continue
        seen = prior.kriging.see(made[rows])
        at_rows = LatticeMap.of(config, seen.coords, seen.support)[seen.reading]
        flat = LatticeMap(at_rows.index * config.value_dim + seen.kind[:, None], at_rows.weight)
        hybrid = Hybrid(law, seen, flat(library.modes.flatten(0, 1)), config.geometry)
        at = hybrid.at(targets.boxes, cells(library.modes))
        moved = hybrid.mean(at, hybrid.solve(seen.values))
        scaled[rows] -= moved.permute(2, 0, 1)
    return (scaled * deviation).to(change.device, change.dtype)
