"""A posterior that answers at any place."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor


class Conditional(ABC):
    """A distribution of B fields, given what was observed of them.

    Coordinates are inside ones, values scaled, both in double precision.

    Attributes:
        weights: Share of each component, the first one kriging, shape (B, K).
        familiarity: P-value of each field, see `PriorPosterior`, shape (B,); None where the prior
            keeps no training fields.
    """

    weights: Tensor
    familiarity: Tensor | None

    @abstractmethod
    def mean_std(self, coords: Tensor, support: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation at places, both of shape (B, M, C).

        Args:
            coords: Shape (M, D).
            support: Sides of the boxes that are averaged over, shape (M, D); None: points.
        """

    @abstractmethod
    def draw(self, keys: Tensor, coords: Tensor) -> Tensor:
        """Fields from the distribution, shape (B, K, M, C).

        The same key is the same smooth function at any coordinates; what varies within a cell (the
        nugget) is drawn anew for each list of them.

        Args:
            keys: Whole numbers, shape (B, K).
            coords: Shape (M, D).
        """

    @abstractmethod
    def update(self, residual: Tensor, coords: Tensor) -> Tensor:
        """What a change of the observed values changes in the mean, shape (B, M, C).

        Weights stay as they are, so that this is linear.

        Args:
            residual: In the order of the observations, shape (B, N, C); what was not observed does
                not count.
            coords: Shape (M, D).
        """
