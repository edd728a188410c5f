"""What the prior of an autoencoder makes of observations by itself, without any network."""

from __future__ import annotations

import numpy as np
import torch

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import Method, Predictor
from mamba_diffae.fields import FieldBatch, area_average
from mamba_diffae.nn.interpolation import cubic, resample, resampling

LOCAL_ESTIMATE = Method("local-estimate", "local analogue estimate, no network")


def local_estimate(model: FieldAutoencoder) -> Predictor:
    """The prior's mean on its lattice, carried to native pixels by cubic splines.

    Args:
        model: Fitted, with a prior. Its weights are not used, only the exemplars it keeps.

    Raises:
        ValueError: If the model is not fitted or has no prior.
    """
    net, scaling = model._fitted()
    prior = net.prior
    if prior is None:
        raise ValueError(
            f"This {net.kind} has no prior, so there is no estimate without a network; fit an "
            "autoencoder with data.exemplars above 0."
        )
    to_pixels = resampling(prior.cells, model.size, cubic)
    somewhere = torch.full((1, 1, prior.coord_dim), 0.5)

    def predict(observations: FieldBatch, scale: int) -> np.ndarray:
        seen = model._inputs(observations, somewhere)
        means = [prior(*part)[..., : prior.value_dim].cpu() for part in model._parts(seen)]
        native = resample(torch.cat(means), to_pixels, prior.coord_dim)
        grid = scaling.unscale(native).numpy().reshape(-1, model.size, model.size, prior.value_dim)
        return grid if scale == model.size else area_average(grid, scale)

    return predict
