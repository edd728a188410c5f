"""No prior: a network that learns everything itself."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.priors.base import Prior, PriorConfig, PriorPosterior


@final
class NoPrior(Prior):
    """Says nothing: its posterior has no cell."""

    empty: ClassVar[bool] = True
    keeps_fields: ClassVar[bool] = False
    learns_from_points: ClassVar[bool] = True

    def __init__(self, config: PriorConfig) -> None:
        super().__init__(config)
        self.register_buffer("groups", torch.zeros(0, dtype=torch.int64), persistent=False)

    @property
    def fitted(self) -> bool:
        """There is nothing to fit."""
        return True

    def fit(
        self, data: FieldData | Observations, validation: FieldData | Observations | None = None
    ) -> None:
        """See `Prior.fit`: nothing."""

    def fields(self) -> tuple[Tensor, Tensor]:
        """See `Prior.fields`: none."""
        none = torch.zeros(0, 0, self.config.value_dim)
        return none, none.bool()

    def posterior(
        self,
        observations: Observations,
        groups: Tensor | None = None,
        keys: Tensor | None = None,
    ) -> PriorPosterior:
        """See `Prior.posterior`."""
        C = self.config.value_dim
        nothing = observations.values.new_zeros(len(observations), 0, C + PriorPosterior.EXTRA)
        draws = None if keys is None else nothing.new_zeros(*keys.shape, 0, C)
        return PriorPosterior(nothing, nothing[..., :C].bool(), draws=draws)

    def condition_increment(self, change: Tensor, observed: Tensor) -> Tensor:
        """See `Prior.condition_increment`."""
        return change
