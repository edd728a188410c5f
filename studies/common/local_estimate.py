"""What the prior of a model makes of observations by itself, without any network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import final

import numpy as np
import torch

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.estimator.drawing import Drawing
from mamba_diffae.estimator.inputs import batches
from mamba_diffae.evaluation import Method
from mamba_diffae.fields import Grid, Observations, Prediction, Query
from mamba_diffae.nn.interpolation import cubic, interpolate

LOCAL_ESTIMATE = Method("local-estimate", "local analogue estimate, no network", "prior")


@final
class LocalEstimate:
    """The prior's mean and draws on its lattice, carried to the native cells by cubic splines.

    Args:
        model: Fitted, with a prior. Its weights are not used, only the exemplars it keeps.
        n_draws: Draws of each field.
        seed: Of the draws, which have the keys of `FieldAutoencoder.predict`.

    Raises:
        ValueError: If the model is not fitted or has no prior.
    """

    def __init__(self, model: FieldAutoencoder, n_draws: int = 0, seed: int = 0) -> None:
        net = model.fitted.network
        if net.prior.empty:
            raise ValueError(
                f"This {net.kind} has no prior, so there is no estimate without a network; fit an "
                "autoencoder with data.exemplars above 0."
            )
        self.fitted, self.drawing = model.fitted, Drawing(n_draws, seed)

    @torch.no_grad()
    def predict(self, observations: Observations, targets: Grid) -> Prediction:
        """See `Predictor.predict`; coarser targets are averages of the native cells."""
        net, scaler = self.fitted.network, self.fitted.scaler
        query = Query.of(targets, scaler.grid)
        places = scaler.places(query.coords)
        shape, geometry = net.prior.config.shape, net.prior.config.geometry
        parts = []
        for batch in batches(net, scaler.observations(observations), None):
            assert batch.observations is not None
            keys = self.drawing.keys(batch.numbers) if self.drawing.count else None
            found = net.prior.posterior(batch.observations, keys=keys)
            fields = [found.mean, *(() if found.draws is None else found.draws.unbind(1))]
            asked = places.to(found.mean.device).expand(len(found.mean), -1, -1)
            read = [interpolate(field, asked, shape, geometry, cubic) for field in fields]
            parts.append([query.finish(scaler.values(values.cpu().numpy())) for values in read])
        mean, *draws = (np.concatenate(field) for field in zip(*parts, strict=True))
        return replace(Prediction.of_mean(mean, grid=query.grid), draws=_stacked(draws, mean))


def _stacked(draws: Sequence[np.ndarray], mean: np.ndarray) -> np.ndarray:
    """Shape (K, *mean.shape); K may be 0."""
    return np.array(draws, mean.dtype).reshape(len(draws), *mean.shape)
