"""A flow that begins at the prior's draw, by a network that says the field itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator.conditioned import ConditionedFields
from mamba_diffae.estimator.drawing import Drawing, Ensemble
from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.inputs import batches
from mamba_diffae.fields import Prediction, Query
from mamba_diffae.flow import fold, linear_path, normals, uniform
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.base import State
from mamba_diffae.models.config import DECODER_INPUTS
from mamba_diffae.models.decoders import DecoderContext
from mamba_diffae.models.drawing import anomaly
from mamba_diffae.models.inference import solve_flow
from mamba_diffae.models.parameterisation import Parameterisation
from mamba_diffae.nn.interpolation import cubic, interpolate
from mamba_diffae.training.data.batches import TrainingBatch
from mamba_diffae.training.objectives import OBJECTIVES, Objective
from mamba_diffae.training.objectives.field_loss import density_weight, encode_batch, field_loss
from mamba_diffae.training.objectives.flow import P_T_ZERO, FlowMatching
from studies.draws.asked import Asked

NAME = "prior_flow"
LEAST = 0.05
"""Least 1 - t by which is divided, in training and in drawing: as in the reference."""
LOCATION, SCALE = -0.8, 0.8
"""Of the logit of t in training: as in the reference."""
_TIME, _T_ZERO = 1, 2
"""What a random draw of a step is for."""


@final
class FieldPrediction(Parameterisation):
    """Velocity (x̂ - x_t) / (1 - t): the network says x̂, the field at t = 1.

    Of the network's outputs only the means are read.

    Reference:
        Li and He (2025), Back to basics: let denoising generative models denoise, arXiv 2511.13720.
    """

    @property
    def outputs(self) -> int:
        """As many as the network has: `GaussianPosterior.outputs`."""
        return 2 * self.value_dim

    def velocity(self, outputs: Tensor, t: Tensor, x_t: Tensor) -> Tensor:
        """See `Parameterisation.velocity`."""
        return to_field(self.sigma * outputs[..., : self.value_dim], t, x_t)


def to_field(x: Tensor, t: Tensor, x_t: Tensor) -> Tensor:
    """The velocity from x_t (B, N, C) to a field x of the same shape, which it reaches at t = 1."""
    return (x - x_t) / (1 - t).clamp(min=LEAST)[:, None, None]


def start_at(
    net: MambaDiffusionAutoencoder, context: DecoderContext, drawn: Tensor, coords: Tensor
) -> Tensor:
    """x_0 at places (B, N, D): a draw of the prior (B, P, C), around its mean."""
    config, lattice = net.config, anomaly(net, context, drawn)
    there = interpolate(lattice, coords, config.prior_shape, config.geometry, cubic)
    return net.base_mean(context, coords) + there


@final
class PriorFlow(Objective):
    """Flow matching from draws of the prior, all observations read; see `FieldPrediction`."""

    name: ClassVar[str] = NAME
    draws: ClassVar[int] = 1

    def prepare(self, model: MambaDiffusionAutoencoder) -> None:
        """As `FlowMatching.prepare`."""
        FlowMatching().prepare(model)
        model.parameterisation = FieldPrediction(model.config)

    def loss(self, model: MambaDiffusionAutoencoder, batch: TrainingBatch) -> Tensor:
        """See `Objective.loss`; at t = 0 some fields learn the mean, from a state of 0."""
        keys, context = batch.keys, encode_batch(model, batch)
        at_zero = uniform(fold(keys, _T_ZERO)) < P_T_ZERO
        t = torch.sigmoid(LOCATION + SCALE * normals(fold(keys, _TIME), 1)[:, 0])
        t = t.masked_fill(at_zero, 0.0)
        places = model.anchors.expand(batch.size, -1, -1)
        asked = (batch.query_coords, batch.query_values), (places, batch.anchor_values)
        assert batch.posterior.draws is not None
        drawn, states, targets = batch.posterior.draws[:, 0], [], []
        for coords, x_1 in asked:
            x_0 = start_at(model, context, drawn, coords)
            x_0 = x_0.masked_fill(at_zero[:, None, None], 0.0)
            x_t = linear_path(x_0, x_1, t).x_t
            states.append(x_t)
            targets.append(to_field(x_1, t, x_t))
        velocity = model.velocities(context, batch.query_coords, t, State(*states))
        levels = torch.full_like(batch.index, len(DECODER_INPUTS) - 1)
        return field_loss(batch, levels, velocity, State(*targets), density_weight(batch))


@final
@dataclass(frozen=True)
class ByPriorFlow:
    """Draws by Euler's steps from the prior's draw; see `estimator.drawing.Ensemble`.

    Attributes:
        net: Trained by `PriorFlow`.
        steps: Each one evaluation of the network; the last one ends at what the network says.
    """

    net: MambaDiffusionAutoencoder
    steps: int

    @property
    def evaluations(self) -> int:
        """Of the network, for a draw."""
        return self.steps

    def draws(self, context: Any, asked: Tensor, keys: Tensor) -> Iterator[Tensor]:
        """See `Ensemble.draws`; the prior's draws have the same keys."""
        net, of_prior = self.net, context.points.posterior.draws
        places = net.anchors.expand(len(asked), -1, -1)
        for k in range(keys.shape[1]):
            with torch.no_grad():
                given = (start_at(net, context, of_prior[:, k], x) for x in (asked, places))
                start = State(*given)
                yield solve_flow(net, context, asked, start, solver="euler", steps=self.steps).x


def predict_from_prior(model: FittedModel, steps: int, asked: Asked) -> Prediction:
    """The mean, and draws in so many steps, what was measured kept."""
    net, scaler = model.autoencoder, model.scaler
    net.parameterisation = FieldPrediction(net.config)  # a saved network has that of its config
    drawing, way = Drawing(asked.n_draws, asked.seed), ByPriorFlow(net, steps)
    query = Query.of(asked.grid, scaler.grid)
    places, parts = scaler.places(query.coords), []
    for batch in batches(net, scaler.observations(asked.seen), None):
        # The decoder of draws has not learned, but the prior's draws are wanted as it has them.
        fields = ConditionedFields.of(model, batch, None, drawing, Ensemble(net))
        answers = replace(fields, calibration=None).at(places, way if asked.n_draws else None)
        parts.append([query.finish(scaler.values(x.cpu().numpy())) for x in answers])
    mean, *draws = (np.concatenate(field) for field in zip(*parts, strict=True))
    kept = np.array(draws, mean.dtype).reshape(len(draws), *mean.shape)
    told = Prediction.of_mean(mean, grid=query.grid)
    return replace(told, draws=kept, evaluations=way.evaluations)


OBJECTIVES.register(NAME, PriorFlow)
