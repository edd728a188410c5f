"""The fields of one batch, scaled: their mean and draws at places, what was measured kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator.calibration import Calibration
from mamba_diffae.estimator.drawing import ByFlow, Drawing, DrawWriter, Ensemble
from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.inputs import ConditioningBatch
from mamba_diffae.fields import Geometry, Observations, Shape
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import DecoderInputs
from mamba_diffae.models.inference import mean_at, prior_std_at
from mamba_diffae.models.keeping import Keeping
from mamba_diffae.models.queries import known_context
from mamba_diffae.priors import Prior, PriorPosterior
from mamba_diffae.priors.kriging.prior import KrigingPrior
from mamba_diffae.priors.kriging.regions import Regions


@final
@dataclass(frozen=True, eq=False)
class ConditionedFields:
    """What is known of B fields, encoded once for the mean and all draws.

    Attributes:
        model: The network.
        context: What its decoders read.
        observations: Inside coordinates, scaled values, or None: a latent alone is known.
        keys: Of the draws, shape (B, K).
        posterior: What the prior makes of the observations, or None: there are none.
        keeping: How fields are moved to their observations; None: they are not, since no noise is
            stated, or the points are not read.
        calibration: Of the draws; None: there is none, or it is not of such draws: they are the
            flow's, or the points are not read.
    """

    model: FittedModel
    context: Any
    observations: Observations | None
    keys: Tensor
    posterior: PriorPosterior | None
    keeping: Keeping | None
    calibration: Calibration | None

    @classmethod
    def of(
        cls,
        model: FittedModel,
        batch: ConditioningBatch,
        decoder_inputs: DecoderInputs | None,
        drawing: Drawing,
        way: Ensemble | ByFlow | None,
        regions: Regions | None = None,
    ) -> Self:
        """Encode one batch.

        Args:
            model: The network.
            batch: What is known.
            decoder_inputs: What the decoder reads.
            drawing: Which draws are asked for.
            way: What makes them; None: there are none.
            regions: What is known of the fields if they are regions of one, whose draws are one
                function; of a network whose prior is kriging.
        """
        net, posterior = model.network, None
        seen, keys = batch.observations, drawing.keys(batch.numbers)
        with torch.no_grad():
            if seen is not None:
                of_prior = keys if isinstance(way, Ensemble) else None
                posterior = _posterior(net.prior, seen, of_prior, regions)
            context = known_context(net, seen, batch.latent, decoder_inputs, posterior)
        config, keeping, calibration = net.config, None, None
        if seen is not None and reads_points(decoder_inputs):
            cell = [a / n for a, n in zip(config.geometry.extent, config.native_shape, strict=True)]
            # Where a window lies is not known here: its cells count alike.
            grid = model.scaler.inside_grid if model.window is None else None
            keeping = Keeping.of(net.prior, seen, cell, grid)
            calibration = model.calibration if isinstance(way, Ensemble) else None
        return cls(model, context, seen, keys, posterior, keeping, calibration)

    def at(self, places: Tensor, way: DrawWriter | None) -> Iterator[Tensor]:
        """The mean at places (1 or B, N, D), then one draw after the other: each (B, N, C)."""
        asked = places.to(self.keys.device).expand(len(self.keys), -1, -1)
        if self.keeping is None:
            yield from self._answered(asked, way)
            return
        N, every = asked.shape[1], torch.cat([asked, self.keeping.places.to(asked)], dim=1)
        parts = ((x[:, :N], x[:, N:]) for x in self._answered(every, way))
        fields, there = zip(*parts, strict=True)
        yield from self.keeping.moved(fields, there, asked, self.keys)

    def _answered(self, asked: Tensor, way: DrawWriter | None) -> Iterator[Tensor]:
        """What the network says of the mean and of draws, calibrated."""
        mean = mean_at(self.model.network, self.context, asked)
        yield mean
        drawn = () if way is None else way.draws(self.context, asked, self.keys)
        amplitude = self._amplitude()
        for x in drawn:
            yield x if amplitude is None else mean + amplitude * (x - mean)

    def _amplitude(self) -> Tensor | None:
        """By which draws are multiplied around the mean, (B, 1, C); None: they are left alone."""
        if self.calibration is None or self.observations is None:
            return None
        found = self.calibration.amplitude_at(_places(self.observations))
        amplitude = torch.from_numpy(found).to(self.keys.device, torch.float32)[:, None, None]
        return 1 + self.trust() * (amplitude - 1)

    def trust(self) -> Tensor:
        """How much of what the network learned counts, shape (B, 1, C) or (1, 1, 1)."""
        share = self.model.network.trust(self.context)
        return torch.ones(1, 1, 1, device=self.keys.device) if share is None else share

    def distance(self, places: Tensor) -> np.ndarray:
        """From the nearest observation at places (1, N, D), in widths of a native cell, (B, N)."""
        assert self.observations is not None
        config = self.model.network.config
        return nearest_distance(config.geometry, config.native_shape, self.observations, places[0])

    def prior_std(self, places: Tensor) -> Tensor:
        """The deviation that the prior states at places (1 or B, N, D), shape (B, N, 1)."""
        asked = places.to(self.keys.device).expand(len(self.keys), -1, -1)
        return prior_std_at(self.model.network, self.context, asked)


def _posterior(
    prior: Prior, seen: Observations, keys: Tensor | None, regions: Regions | None
) -> PriorPosterior:
    if regions is None:
        return prior.posterior(seen, keys=keys)
    assert isinstance(prior, KrigingPrior)
    return prior.posterior(seen, keys=keys, regions=regions)


def _places(seen: Observations) -> np.ndarray:
    """Places where a field was observed, shape (B,): readings of one station are one."""
    parts = seen.to("cpu").fields()
    return np.array([len(part.coords[0].unique(dim=0)) for part in parts])


def nearest_distance(
    geometry: Geometry, shape: Shape, seen: Observations, places: Tensor
) -> np.ndarray:
    """Distance from the nearest observation, in sides of a cube as large as a mean native cell.

    Args:
        geometry: Of the region.
        shape: Native cells along each axis.
        seen: Of B fields, inside coordinates.
        places: Shape (N, D).

    Returns:
        Shape (B, N).
    """
    from scipy.spatial import KDTree

    embed, volume = geometry.embed, math.prod(geometry.extent)
    width = (volume / math.prod(shape)) ** (1 / geometry.dim)
    where, found = embed(places.double().cpu()).numpy(), []
    for part in seen.to("cpu").fields():
        known = part.coords[0][part.present[0]].double()
        found.append(KDTree(embed(known).numpy()).query(where)[0] / width)
    return np.stack(found)


def not_kept(
    net: FieldFlow, seen: Observations | None, decoder_inputs: DecoderInputs | None
) -> bool:
    """Whether observations state a noise, points are read, and the prior cannot keep them."""
    stated = seen is not None and seen.noise is not None
    return stated and reads_points(decoder_inputs) and not net.prior.answers_anywhere


def reads_points(decoder_inputs: DecoderInputs | None) -> bool:
    """Whether a decoder of these inputs reads the points."""
    return decoder_inputs in (None, "latent+points")
