"""Training fields on the lattice from scattered points: what kriging makes of each snapshot."""

from __future__ import annotations

import torch
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.priors.exemplars import GAP, LEVELS
from mamba_diffae.priors.kriging.prior import KrigingPrior

_KNOWN = 0.5
"""Share of the usual variance below which what is left open counts as known."""


def reconstructed(kriging: KrigingPrior, points: Observations) -> Tensor:
    """Snapshots as whole numbers (E, P C), `GAP` where the points say little.

    Args:
        kriging: Fitted on the points.
        points: Inside coordinates, scaled values.
    """
    mean, std = kriging.at(points, kriging.config.centres())
    known = (std / kriging.deviation.cpu()).square() < _KNOWN
    # A variable of which the points say little anywhere is kept as it is.
    known |= ~known.flatten(0, 1).any(dim=0)
    codes = (mean * LEVELS).round().clamp(-LEVELS, LEVELS).to(torch.int8)
    return codes.masked_fill(~known, GAP).flatten(1)
