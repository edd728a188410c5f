"""What the objectives of fields share: what the decoder reads of each field, and a weighted error.

The weights depend on what was observed and on the grid, never on the truth, so that the posterior
mean stays the optimum.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mamba_diffae.flow import fold, uniform
from mamba_diffae.models.base import FieldFlow, State
from mamba_diffae.models.config import DECODER_INPUTS
from mamba_diffae.training.data.batches import TrainingBatch

ANCHOR_WEIGHT = 0.5
"""Weight of the anchors' loss beside the queries'."""
P_DROP_POINTS = 0.25
"""Probability that a field is decoded from the latent alone, so that one network does both."""
LATENT_WEIGHT = 0.3
"""Loss weight of latent-only samples: their irreducible error is larger and would dominate the
gradient."""
DENSITY_POWER = 0.75
"""Error falls about so fast with the observed fraction: its inverse weighs the steps."""
LEAST_DENSITY = 5e-3
"""Observed fraction below which the error hardly grows any more."""

_INPUTS = 0
"""What a random draw of a step is for, so that none shares its key with another; see `flow`."""


def draw_inputs(model: FieldFlow, batch: TrainingBatch, p_drop_all: float = 0.0) -> Tensor:
    """What the decoder of each field reads, as levels of `DECODER_INPUTS`, shape (B,).

    A network without a latent always reads the points.

    Args:
        model: The network.
        batch: The step's.
        p_drop_all: Probability that neither latent nor points are read.
    """
    u = uniform(fold(batch.keys, _INPUTS))
    if not model.has_latent:
        return torch.full_like(u, len(DECODER_INPUTS) - 1, dtype=torch.long)
    return (u >= p_drop_all).long() + (u >= p_drop_all + P_DROP_POINTS).long()


def encode_batch(model: FieldFlow, batch: TrainingBatch, levels: Tensor | None = None) -> Any:
    """What the observations of a batch say, with the posterior that came with it.

    Args:
        model: The network.
        batch: The step's.
        levels: From `draw_inputs`; None: latent and points are read.
    """
    inputs = "latent+points" if levels is None else levels
    return model.encode_context(batch.inputs, decoder_inputs=inputs, posterior=batch.posterior)


def field_loss(
    batch: TrainingBatch,
    levels: Tensor,
    velocity: State,
    target: State,
    weight: Tensor | None = None,
) -> Tensor:
    """Weighted squared error of velocities, at queries and at anchors: docs/concepts.md, eq. (32).

    Args:
        batch: The step's, with the weights of its values.
        levels: From `draw_inputs`.
        velocity: What the network gave.
        target: What is right.
        weight: What each field counts, shape (B,); None: see `density_weight`.
    """
    weight = density_weight(batch) if weight is None else weight
    reads_points = levels == DECODER_INPUTS.index("latent+points")
    weight = torch.where(reads_points, 1.0, LATENT_WEIGHT) * weight
    queries = weighted_error(velocity.queries, target.queries, batch.query_weight)
    anchors = weighted_error(velocity.anchors, target.anchors, batch.anchor_weight)
    return (weight * (queries + ANCHOR_WEIGHT * anchors)).mean()


def stated_weight(model: FieldFlow, batch: TrainingBatch, context: Any) -> Tensor | None:
    """What each field counts by the error that is stated for it, shape (B,): its inverse.

    So a field that is told to a thousandth counts as one told by half, and one that a latent cannot
    hold does not outweigh the others. None where nothing is stated.
    """
    error = model.stated_error(context, batch.posterior)
    return None if error is None else 1 / error


def density_weight(batch: TrainingBatch) -> Tensor:
    """What each field counts, shape (B,): the more the more of it was observed."""
    return batch.observed_fraction.clamp(min=LEAST_DENSITY) ** DENSITY_POWER


def weighted_error(given: Tensor, right: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean squared error of each field, (B,), over points and variables (B, N, C).

    Zero where nothing counts.
    """
    if not right.numel():
        return given.new_zeros(len(given))
    total = weight.sum(dim=(1, 2)).clamp(min=torch.finfo(weight.dtype).tiny)
    return (weight * (given - right).square()).sum(dim=(1, 2)) / total
