"""The energy score with a part left out that its settings cannot leave out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

from torch import Tensor

from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.registry import unknown
from mamba_diffae.training.data.batches import TrainingBatch
from mamba_diffae.training.objectives import OBJECTIVES, Objective
from mamba_diffae.training.objectives.energy_score import ALPHA, EnergyScore

NAME = "ablated_energy_score"
NOISE = ("of_token", "of_field")
"""Layers by which the decoder of draws reads noise; both begin at 0, so one that does not learn has
no effect."""


@final
class AblatedEnergyScore(Objective):
    """The energy score; see `EnergyScore`.

    Args:
        alpha: Weight of the spread at the beginning.
        rises: Whether it rises to 1 over the first half, or stays.
        frozen: Those of `NOISE` that do not learn.

    Raises:
        ValueError: If there is no such layer; it names the nearest.
    """

    name: ClassVar[str] = NAME
    draws: ClassVar[int] = EnergyScore.draws

    def __init__(
        self, alpha: float = ALPHA, rises: bool = True, frozen: Sequence[str] = ()
    ) -> None:
        for layer in frozen:
            if layer not in NOISE:
                raise unknown("layer of noise", layer, NOISE)
        self.score, self.rises, self.frozen = EnergyScore(alpha=alpha), rises, tuple(frozen)

    def begin_step(self, progress: float) -> None:
        """See `Objective.begin_step`."""
        if self.rises:
            self.score.begin_step(progress)

    def check(self, model: MambaDiffusionAutoencoder) -> None:
        """See `Objective.check`."""
        self.score.check(model)

    def prepare(self, model: MambaDiffusionAutoencoder) -> None:
        """See `Objective.prepare`."""
        self.score.prepare(model)
        for layer in self.frozen:
            getattr(model.ensemble, layer).requires_grad_(False)

    def loss(self, model: MambaDiffusionAutoencoder, batch: TrainingBatch) -> Tensor:
        """See `Objective.loss`."""
        return self.score.loss(model, batch)


OBJECTIVES.register(NAME, AblatedEnergyScore)
