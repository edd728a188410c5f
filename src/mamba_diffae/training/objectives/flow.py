"""Phase "flow": the decoder learns the flow from noise to fields, the posterior mean included."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from mamba_diffae.flow import PathSample, fold, linear_path, uniform
from mamba_diffae.models.base import FieldFlow, State
from mamba_diffae.training.data.batches import TrainingBatch
from mamba_diffae.training.objectives.base import Objective
from mamba_diffae.training.objectives.field_loss import draw_inputs, encode_batch, field_loss

P_DROP_ALL = 0.1
"""Probability that a field's latent is dropped with its points: a flow in the values alone."""
P_T_ZERO = 0.25
"""Probability that a field is kept at t = 0."""
P_DROP_ANCHORS = 0.1
"""Probability that the states of a field's anchors are withheld."""

# What a random draw of a step is for; 0 is the decoder's inputs, in `field_loss`.
_TIME, _T_ZERO, _ANCHORS, _NOISE = range(1, 5)


@final
class FlowMatching(Objective):
    """Weighted mean squared error of the velocity along the path, at t = 0 for some fields.

    Reference:
        Lipman et al. (2022), Flow matching for generative modeling, arXiv 2210.02747.
    """

    name: ClassVar[str] = "flow"

    def prepare(self, model: FieldFlow) -> None:
        """Everything learns but the encoder."""
        model.requires_grad_(True)
        for frozen in model.frozen_in_flow():
            frozen.eval().requires_grad_(False)

    def loss(self, model: FieldFlow, batch: TrainingBatch) -> Tensor:
        """See `Objective.loss`."""
        keys = batch.keys
        at_zero = uniform(fold(keys, _T_ZERO)) < P_T_ZERO
        t = uniform(fold(keys, _TIME)).masked_fill(at_zero, 0.0)
        queries = _path(model, batch.query_coords, batch.query_values, t, at_zero, keys)
        places = model.anchors.expand(batch.size, -1, -1)
        anchors = _path(model, places, batch.anchor_values, t, at_zero, keys)
        levels = draw_inputs(model, batch, P_DROP_ALL)
        context = encode_batch(model, batch, levels)
        state = State(queries.x_t, anchors.x_t)
        present = _present_anchors(batch, at_zero)
        velocity = model.velocities(context, batch.query_coords, t, state, present)
        return field_loss(batch, levels, velocity, State(queries.u_t, anchors.u_t))


def _present_anchors(batch: TrainingBatch, at_zero: Tensor) -> Tensor:
    """Anchors whose state is known, shape (B, A).

    Where the truth has a gap there is no state, except at t = 0, where it is the same everywhere.
    """
    kept = uniform(fold(batch.keys, _ANCHORS)) >= P_DROP_ANCHORS
    known = (batch.anchor_weight > 0).any(dim=-1)
    return (kept[:, None] & known) | at_zero[:, None]


def _path(
    model: FieldFlow, coords: Tensor, x_1: Tensor, t: Tensor, at_zero: Tensor, keys: Tensor
) -> PathSample:
    """The path at points (B, N, D): one noise function for queries and anchors alike."""
    keys = fold(keys, _NOISE)
    x_0 = model.noise(coords, keys)
    start = model.mean_initial_state(coords, keys)
    return linear_path(torch.where(at_zero[:, None, None], start, x_0), x_1, t)
