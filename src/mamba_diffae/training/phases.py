"""The phases of training, each a loss: they train one function.

At t = 0 the velocity of the flow, from x_t = 0, is the posterior mean. So phase 1, reconstruction,
is the flow at t = 0, and phase 2, flow matching, keeps that term in a quarter of every batch.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from mamba_diffae.flow import PathSample, fold, linear_path, noise, uniform
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.training.batches import TrainingBatch

ANCHOR_WEIGHT = 0.5
"""Weight of the anchors' loss beside the queries'."""
LATENT_ONLY = 0.5
"""Share of fields whose points are dropped, so that one network serves both contexts."""
MEAN_ONLY = 0.25
"""Share of fields that phase 2 keeps at t = 0."""
ABSENT = 0.3
"""Share of anchors whose state is withheld in phase 2."""

# What a random draw of a step is for, so that none shares its key with another.
_CONTEXT, _TIME, _MEAN, _ABSENT, _NOISE = range(5)


@final
class AutoencoderPhase:
    """Phase 1: encoder and decoder learn the posterior mean."""

    name = "autoencoder"

    def prepare(self, model: FieldFlow) -> None:
        """Everything learns."""
        model.requires_grad_(True)

    def loss(self, model: FieldFlow, batch: TrainingBatch) -> Tensor:
        """Mean squared error of the velocity at t = 0."""
        t = torch.zeros(batch.size, device=batch.keys.device)
        x_q = torch.zeros_like(batch.query_values)
        x_a = torch.zeros_like(batch.anchor_values)
        u_q, u_a = _velocities(model, batch, t, x_q, x_a, None)
        return _error(u_q, batch.query_values) + ANCHOR_WEIGHT * _error(u_a, batch.anchor_values)


@final
class DiffusionPhase:
    """Phase 2: the decoder learns the flow; the encoder, where there is one, is frozen."""

    name = "diffusion"

    def prepare(self, model: FieldFlow) -> None:
        """Everything learns but the encoder."""
        model.requires_grad_(True)
        for frozen in model.frozen_in_diffusion():
            frozen.eval().requires_grad_(False)

    def loss(self, model: FieldFlow, batch: TrainingBatch) -> Tensor:
        """Mean squared error of the velocity along the path, at t = 0 for a quarter of fields."""
        keys = batch.keys
        mean = uniform(fold(keys, _MEAN)) < MEAN_ONLY
        t = uniform(fold(keys, _TIME)).masked_fill(mean, 0.0)
        query = self._path(model, batch.query_coords, batch.query_values, t, mean, keys)
        places = model.anchors.expand(batch.size, -1, -1)
        anchor = self._path(model, places, batch.anchor_values, t, mean, keys)
        number = torch.arange(places.shape[1], device=keys.device)
        absent = uniform(fold(fold(keys, _ABSENT)[:, None], number)) < ABSENT
        u_q, u_a = _velocities(model, batch, t, query.x_t, anchor.x_t, ~absent | mean[:, None])
        return _error(u_q, query.u_t) + ANCHOR_WEIGHT * _error(u_a, anchor.u_t)

    @staticmethod
    def _path(
        model: FieldFlow, coords: Tensor, x_1: Tensor, t: Tensor, mean: Tensor, keys: Tensor
    ) -> PathSample:
        """The path at points (B, N, D): one noise function for queries and anchors alike."""
        keys = fold(keys, _NOISE)
        x_0 = noise(coords, model.config.value_dim, keys, model.config.noise_cells)
        x_0 = torch.where(mean[:, None, None], model.origin(coords, keys), x_0)
        return linear_path(x_0, x_1, t)


PHASES = {p.name: p for p in (AutoencoderPhase(), DiffusionPhase())}


def _velocities(
    model: FieldFlow,
    batch: TrainingBatch,
    t: Tensor,
    x_q: Tensor,
    x_a: Tensor,
    present: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Velocities at queries and anchors, from the latent alone in half of the fields."""
    context = uniform(fold(batch.keys, _CONTEXT)) > LATENT_ONLY
    inputs = batch.input_coords, batch.input_values, batch.input_mask
    condition = model.condition(*inputs, context=context)
    tokens, u_a = model.anchor_flow(condition, t, x_a, present)
    site = model.site(condition, batch.query_coords)
    return model.query_flow(condition, site, t, x_q, tokens), u_a


def _error(velocity: Tensor, target: Tensor) -> Tensor:
    """Mean squared error; zero where there are no points."""
    return F.mse_loss(velocity, target) if target.numel() else velocity.new_zeros(())
