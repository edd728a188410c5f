"""What the prior of a model makes of observations by itself, without any network."""

from __future__ import annotations

from typing import final

import numpy as np
import torch

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.estimator.inputs import batches
from mamba_diffae.evaluation import Method
from mamba_diffae.fields import Grid, Observations, Prediction, Query
from mamba_diffae.nn.interpolation import cubic, interpolate

LOCAL_ESTIMATE = Method("local-estimate", "local analogue estimate, no network", "prior")


@final
class LocalEstimate:
    """The prior's mean on its lattice, carried to the native cells by cubic splines.

    Args:
        model: Fitted, with a prior. Its weights are not used, only the exemplars it keeps.

    Raises:
        ValueError: If the model is not fitted or has no prior.
    """

    def __init__(self, model: FieldAutoencoder) -> None:
        net = model.fitted.network
        if net.prior.empty:
            raise ValueError(
                f"This {net.kind} has no prior, so there is no estimate without a network; fit an "
                "autoencoder with data.exemplars above 0."
            )
        self.fitted = model.fitted

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
            mean = net.prior.posterior(batch.observations).mean
            asked = places.to(mean.device).expand(len(mean), -1, -1)
            values = interpolate(mean, asked, shape, geometry, cubic).cpu().numpy()
            parts.append(query.finish(scaler.values(values)))
        return Prediction.of_mean(np.concatenate(parts), grid=query.grid)
