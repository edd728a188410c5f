"""What an objective is: which weights learn, and the loss they lower."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor


class Objective(ABC):
    """A loss of a network on a batch.

    Attributes:
        name: Under which it is registered.
        draws: Draws of the prior that a batch shall hold of each field.
    """

    name: ClassVar[str]
    draws: ClassVar[int] = 0

    def check(self, model: Any) -> None:  # noqa: B027 - most learn with any
        """Refuse a network that cannot learn by it, with a ValueError, before any work."""

    def prepare(self, model: Any) -> None:
        """Given a network in training mode, freeze what does not learn and put it in eval mode.

        Here everything learns.
        """
        model.requires_grad_(True)

    def begin_step(self, progress: float) -> None:  # noqa: B027 - most have no schedule
        """Told before each step which share of the phase is done; here nothing follows from it."""

    @abstractmethod
    def loss(self, model: Any, batch: Any) -> Tensor:
        """The loss to lower: a scalar, the mean over the batch.

        All randomness comes from `batch.keys`, so that a step can be repeated.

        Args:
            model: The network that learns.
            batch: Of the fields' phases a `TrainingBatch`, of phase "latent" a `LatentBatch`.
        """
