"""Regions of one larger field: their draws are parts of one function, under one law."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.priors.kriging.family import Family
from mamba_diffae.priors.kriging.random_field import Origin
from mamba_diffae.priors.kriging.seen import alike

if TYPE_CHECKING:
    from mamba_diffae.priors.kriging.prior import KrigingPrior


class Regions(NamedTuple):
    """What is known of regions of one field beside what was seen of each.

    Attributes:
        origins: Where each lies in the whole.
        family: Laws of the whole; None: those that were learned.
    """

    origins: Sequence[Origin]
    family: Family | None

    def at(self, rows: Tensor) -> list[Origin]:
        """Where some of them lie."""
        return [self.origins[i] for i in rows.tolist()]


def shared_family(prior: KrigingPrior, regions: Observations) -> Family | None:
    """The laws of one field, by their mean weights in its regions; None before `fit`.

    Args:
        prior: That learned laws.
        regions: What was seen of each region.
    """
    family = prior.family()
    if family is None:
        return None
    given, C = regions.to("cpu"), prior.config.value_dim
    total = torch.zeros(len(family.choices), C, dtype=torch.float64)
    for rows in alike(given):
        if not bool(given.mask[rows[0]].any()):
            continue
        kriged = prior.kriged(prior.see(given[rows]))
        for part, kinds in zip(kriged.parts, kriged.kinds, strict=True):
            numbers = torch.tensor([family.number(law.choice) for law in part.laws])
            added = total[:, kinds].index_add(0, numbers, part.weights.sum(dim=2))
            total[:, kinds] = added
    seen, share = total.sum(dim=0) > 0, family.log_share.exp().expand_as(total)
    return replace(family.weighted(torch.where(seen, total, share)), shared=True)
