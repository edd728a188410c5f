"""The fields of one batch, scaled: their mean and draws at places, what was measured kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self, final

import torch
from torch import Tensor

from mamba_diffae.estimator.drawing import ByFlow, Drawing, Ensemble
from mamba_diffae.estimator.inputs import ConditioningBatch
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import DecoderInputs
from mamba_diffae.models.inference import mean_at, prior_std_at
from mamba_diffae.models.keeping import Keeping
from mamba_diffae.models.queries import known_context
from mamba_diffae.priors import PriorPosterior


@final
@dataclass(frozen=True, eq=False)
class ConditionedFields:
    """What is known of B fields, encoded once for the mean and all draws.

    Attributes:
        net: The network.
        context: What its decoders read.
        keys: Of the draws, shape (B, K).
        posterior: What the prior makes of the observations, or None: there are none.
        keeping: How fields are moved to their observations; None: they are not, since no noise is
            stated, or the points are not read.
    """

    net: FieldFlow
    context: Any
    keys: Tensor
    posterior: PriorPosterior | None
    keeping: Keeping | None

    @classmethod
    def of(
        cls,
        net: FieldFlow,
        batch: ConditioningBatch,
        decoder_inputs: DecoderInputs | None,
        drawing: Drawing,
        way: Ensemble | ByFlow | None,
    ) -> Self:
        """Encode one batch.

        Args:
            net: The network.
            batch: What is known.
            decoder_inputs: What the decoder reads.
            drawing: Which draws are asked for.
            way: What makes them; None: there are none.
        """
        seen, posterior, keys = batch.observations, None, drawing.keys(batch.numbers)
        with torch.no_grad():
            if seen is not None:
                of_prior = keys if isinstance(way, Ensemble) else None
                posterior = net.prior.posterior(seen, keys=of_prior)
            context = known_context(net, seen, batch.latent, decoder_inputs, posterior)
        config, keeping = net.config, None
        if decoder_inputs in (None, "latent+points"):
            cell = [a / n for a, n in zip(config.geometry.extent, config.native_shape, strict=True)]
            keeping = Keeping.of(net.prior, seen, cell)
        return cls(net, context, keys, posterior, keeping)

    def at(self, places: Tensor, way: Ensemble | ByFlow | None) -> tuple[Tensor, list[Tensor]]:
        """The mean, and the draws, at places (N, D): each of shape (B, N, C)."""
        asked = places.to(self.keys.device).expand(len(self.keys), -1, -1)
        if self.keeping is not None:
            asked = torch.cat([asked, self.keeping.places.to(asked)], dim=1)
        mean = mean_at(self.net, self.context, asked)
        drawn = list(self._draws(asked, way))
        if self.keeping is None:
            return mean, drawn
        N = len(places)
        fields, there = zip(*((x[:, :N], x[:, N:]) for x in (mean, *drawn)), strict=True)
        mean, *drawn = self.keeping.moved(fields, there, places, self.keys)
        return mean, drawn

    def _draws(self, asked: Tensor, way: Ensemble | ByFlow | None) -> Iterator[Tensor]:
        return iter(()) if way is None else way.draws(self.context, asked, self.keys)

    def prior_std(self, places: Tensor) -> Tensor:
        """The deviation that the prior states at places (N, D), shape (B, N, 1)."""
        asked = places.to(self.keys.device).expand(len(self.keys), -1, -1)
        return prior_std_at(self.net, self.context, asked)
