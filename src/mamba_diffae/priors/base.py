"""What a prior is: fields that were seen, and what they and the observations say of a new one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt
from torch import Tensor, nn

from mamba_diffae.fields import FieldData, Geometry, Observations
from mamba_diffae.fields.errors import FieldError
from mamba_diffae.priors.conditional import Conditional

if TYPE_CHECKING:
    from mamba_diffae.priors.field_law import FieldLaw


@final
class PriorConfig(BaseModel):
    """What a prior is built from.

    Attributes:
        geometry: Of the region.
        shape: Of the lattice on which a posterior is given.
        value_dim: C, variables.
        exemplars: Training fields that it keeps, at most.
        mirrored: Whether fields mirrored along the last axis are as good.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    geometry: Geometry
    shape: tuple[PositiveInt, ...]
    value_dim: int = Field(ge=1)
    exemplars: NonNegativeInt = 0
    mirrored: bool = False

    @property
    def cells(self) -> int:
        """Cells of the lattice, P."""
        return int(torch.Size(self.shape).numel())

    def centres(self) -> Tensor:
        """Centres of the lattice's cells, inside coordinates, shape (P, D), float64."""
        cells = zip(self.geometry.extent, self.shape, strict=True)
        axes = [a / n * (torch.arange(n, dtype=torch.float64) + 0.5) for a, n in cells]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)


@final
@dataclass(frozen=True, eq=False)
class PriorPosterior:
    """What a prior makes of observations, on its lattice.

    Attributes:
        lattice: Mean of each variable (C), one standard deviation, and the share of variables that
            were observed in the cell, shape (B, P, C + 2).
        observed: Which variables were observed in which cell, shape (B, P, C), bool.
        weights: Share of each component, the first one kriging, shape (B, K); None: there is one.
        familiarity: How probably a field of the training fields' kind is as unlike them as this
            one, at its number of observations: a p-value, shape (B,); None: not known.
        draws: Fields from the posterior, averages over the lattice's cells, in the unit of the
            mean, shape (B, K, P, C); None: not asked for. What varies within a cell (the nugget) is
            not drawn, so they spread by as much less than the deviation.
    """

    EXTRA: ClassVar[int] = 2
    """Numbers of a cell beside the means."""
    lattice: Tensor
    observed: Tensor
    weights: Tensor | None = None
    familiarity: Tensor | None = None
    draws: Tensor | None = None

    @classmethod
    def of(
        cls,
        mean: Tensor,
        std: Tensor,
        observed: Tensor,
        weights: Tensor | None = None,
        familiarity: Tensor | None = None,
        draws: Tensor | None = None,
    ) -> PriorPosterior:
        """From mean (B, P, C), standard deviation (B, P, 1) and what was observed (B, P, C)."""
        share = observed.to(mean.dtype).mean(dim=-1, keepdim=True)
        return cls(torch.cat([mean, std, share], dim=-1), observed, weights, familiarity, draws)

    @property
    def mean(self) -> Tensor:
        """Shape (B, P, C)."""
        return self.lattice[..., : self.observed.shape[-1]]

    @property
    def std(self) -> Tensor:
        """Shape (B, P, 1)."""
        return self.lattice[..., self.observed.shape[-1], None]

    def __len__(self) -> int:
        return len(self.lattice)

    def __getitem__(self, rows: slice | Tensor) -> PriorPosterior:
        """Those of the chosen fields."""
        return self._each(lambda part: part[rows])

    def to(self, device: torch.device) -> PriorPosterior:
        """The same on a device."""
        return self._each(lambda part: part.to(device, non_blocking=True))

    def _each(self, change: Callable[[Tensor], Tensor]) -> PriorPosterior:
        """The same with every part changed."""
        parts = (self.weights, self.familiarity, self.draws)
        optional = (None if x is None else change(x) for x in parts)
        return PriorPosterior(change(self.lattice), change(self.observed), *optional)


class Prior(nn.Module, ABC):
    """A distribution of fields that is conditioned on observations in closed form.

    What it has learned are buffers, so that weights and prior are saved and moved together.

    Args:
        config: Lattice and sizes.
    """

    empty: ClassVar[bool] = False
    """Whether it says nothing at all."""
    keeps_fields: ClassVar[bool] = True
    """Whether it keeps training fields, from which codes of a latent can learn."""
    learns_from_points: ClassVar[bool] = False
    """Whether `fit` takes `Observations` as well: snapshots of scattered points."""
    answers_anywhere: ClassVar[bool] = False
    """Whether `condition` answers at any place."""
    groups: Tensor
    """Group of each training field that it keeps, shape (E,), int64."""

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        self.config = config

    @property
    @abstractmethod
    def fitted(self) -> bool:
        """Whether `fit` was called, or weights were loaded."""

    @abstractmethod
    def fit(self, data: FieldData, validation: FieldData | None = None) -> None:
        """Learn from training fields: inside coordinates, scaled values, gaps allowed.

        Where `learns_from_points`, also from `Observations`, each field of which is a group by
        itself: number b has the group b.

        Args:
            data: Training fields.
            validation: Others of their kind, by which a prior may choose its numbers.
        """

    def keep(self, data: FieldData) -> None:
        """Keep other training fields; numbers that were chosen by data stay as they are."""
        self.fit(data)

    @abstractmethod
    def fields(self) -> tuple[Tensor, Tensor]:
        """Training fields that it keeps, on the lattice (E, P, C), and what is known of them."""

    @abstractmethod
    def posterior(
        self,
        observations: Observations,
        groups: Tensor | None = None,
        keys: Tensor | None = None,
    ) -> PriorPosterior:
        """Condition on observations (inside coordinates, scaled values).

        Args:
            observations: Of B fields.
            groups: Group of each field, shape (B,): training fields of it are not used, else a
                training field would be its own best guess. None: all are used.
            keys: Of `PriorPosterior.draws`, shape (B, K), int64. One key and one set of
                observations are one draw, whatever the other fields and keys. None: none is drawn.
        """

    def condition(self, observations: Observations, groups: Tensor | None = None) -> Conditional:
        """Condition on observations, with an answer at any place; arguments as of `posterior`.

        Raises:
            FieldError: If this prior answers on its lattice only.
        """
        raise FieldError(
            f"{type(self).__name__} answers on its lattice only, see posterior(); the priors "
            "'mixture' and 'kriging' answer at any place."
        )

    def field_law(self) -> FieldLaw:
        """Mean and covariance of a field that was not observed at all.

        Raises:
            FieldError: If this prior states none.
        """
        raise FieldError(
            f"{type(self).__name__} states no covariance of fields before they are observed; fit a "
            "model with prior='mixture' (the default), 'kriging' or 'analogue'."
        )

    @abstractmethod
    def condition_increment(self, change: Tensor, observed: Tensor) -> Tensor:
        """What is left of a change of a field if nothing may change where it was observed.

        Args:
            change: On the lattice, shape (B, P, C).
            observed: Shape (B, P, C), bool.

        Returns:
            The mean of the prior's fields around that change, given that it is zero where
            observed, shape (B, P, C).
        """


def bin_observations(config: PriorConfig, observations: Observations) -> tuple[Tensor, Tensor]:
    """Average observations in the cells of a lattice.

    Returns:
        Which variables were observed in which cell (B, P, C), bool, and the averages there
        (B, P, C), 0 elsewhere.
    """
    coords, mask = observations.coords, observations.mask
    extent = coords.new_tensor(config.geometry.extent)
    shape = torch.tensor(config.shape, device=coords.device)
    place = (coords / extent * shape).floor().long()
    cell = torch.zeros_like(place[..., 0])
    for d, n in enumerate(config.shape):
        along = place[..., d] % n if config.geometry.periodic[d] else place[..., d].clamp(0, n - 1)
        cell = cell * n + along
    # In double precision, so that the order of the points does not matter.
    real = mask.double()
    source = torch.cat([observations.values.double() * real, real], dim=-1)
    total = source.new_zeros(len(coords), config.cells, source.shape[-1])
    total.scatter_add_(1, cell[..., None].expand(source.shape), source)
    value, count = total.chunk(2, dim=-1)
    return count > 0, (value / count.clamp(min=1)).to(observations.values.dtype)
