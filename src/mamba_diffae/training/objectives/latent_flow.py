"""Phase "latent": a flow from noise to the latents of an autoencoder that is done learning."""

from __future__ import annotations

from typing import ClassVar, final

from torch import Tensor

from mamba_diffae.flow import fold, linear_path, normals, uniform
from mamba_diffae.models.latent_flow import LatentFlow
from mamba_diffae.training.data.latent_batches import LatentBatch
from mamba_diffae.training.objectives.base import Objective

_TIME, _NOISE = range(2)


@final
class LatentFlowMatching(Objective):
    """Mean squared error of the velocity from noise to standardised latents, along the path."""

    name: ClassVar[str] = "latent_flow"

    def loss(self, model: LatentFlow, batch: LatentBatch) -> Tensor:
        """See `Objective.loss`."""
        x_1 = model.standardise(batch.latents)
        x_0 = normals(fold(batch.keys, _NOISE), x_1.shape[1])
        path = linear_path(x_0, x_1, uniform(fold(batch.keys, _TIME)))
        return (model(path.x_t, path.t) - path.u_t).square().mean()
