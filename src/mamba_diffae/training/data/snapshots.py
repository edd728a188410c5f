"""What a network learns from, whatever its snapshots are: fields on a grid, or scattered points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from torch import Tensor

from mamba_diffae.fields import FieldData, Geometry, Grid, Observations, Shape
from mamba_diffae.priors import Prior
from mamba_diffae.training.data.batches import TrainingBatch
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.skill_cases import SkillCase

VALIDATED, ASKED = 48, 1024
"""Validation snapshots, and places asked of each, at most."""


@final
@dataclass(frozen=True, eq=False)
class EvaluationSet:
    """What is observed of B snapshots, and the truth elsewhere.

    Attributes:
        inputs: Inside coordinates, scaled values, single precision.
        coords: Where the truth is known, shape (B, N, D), or (N, D) for all.
        values: The truth there, shape (B, N, C), scaled; 0 where `weight` is.
        weight: What each counts, of a shape that broadcasts to it: 0 where nothing is known.
    """

    inputs: Observations
    coords: Tensor
    values: Tensor
    weight: Tensor

    def __len__(self) -> int:
        return len(self.values)


@final
@dataclass(frozen=True)
class BatchOptions:
    """How batches are made; see `FieldBatches`.

    Attributes:
        draws: Draws of the prior that a batch holds of each field.
    """

    config: DataConfig
    seed: int
    batch_size: int
    anchor_shape: Shape
    views: int = 1
    draws: int = 0


class Snapshots(ABC):
    """S snapshots with splits: inside coordinates, scaled values.

    Attributes:
        grid: The native one: where the field is predicted if nothing else is asked.
        splits: "train", "val" or "test", shape (S,).
        groups: Snapshots of one group are copies of one another for statistics, shape (S,).
        values: Scaled ones, the first axis of S and the last of C.
    """

    grid: Grid
    splits: np.ndarray
    groups: np.ndarray
    values: np.ndarray

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def n_variables(self) -> int:
        """Variables, C."""

    @property
    def n_covariates(self) -> int:
        """Covariates, K."""
        return 0

    @property
    def shape(self) -> Shape:
        """Native cells along each axis."""
        return self.grid.shape

    @abstractmethod
    def valid_mask(self) -> np.ndarray:
        """Which of the values are known, of their shape, bool."""

    @abstractmethod
    def take(self, index: np.ndarray | slice) -> Self:
        """Some of the snapshots."""

    @abstractmethod
    def known(self) -> Self:
        """The snapshots that have a value at all; a ValueError if none has."""

    def split(self, name: str) -> Self:
        """The snapshots of one split; a ValueError if there are none."""
        return self.take(self.splits == name)

    @abstractmethod
    def sampling(self, config: DataConfig) -> DataConfig:
        """A config with what these snapshots decide; a ValueError if it does not suit them."""

    @abstractmethod
    def network_defaults(self, fields: Mapping[str, Any], config: DataConfig) -> dict[str, Any]:
        """Fields of a network's config that these snapshots ask for.

        Args:
            fields: Those of the preset.
            config: From `sampling`.
        """

    @abstractmethod
    def describe(self, config: DataConfig) -> list[str]:
        """What is observed in training, in short sentences."""

    @abstractmethod
    def for_prior(self) -> FieldData | Observations:
        """What a prior learns from: all of these snapshots."""

    @abstractmethod
    def batches(self, prior: Prior, options: BatchOptions) -> Callable[[int], TrainingBatch]:
        """Batches of these snapshots, each observed anew."""

    @abstractmethod
    def evaluation(self, observed_shape: Shape | None) -> EvaluationSet:
        """A fixed choice of what is observed of some of these snapshots, and what is asked.

        Args:
            observed_shape: Of the lattice that is observed; None: that of `observe`.
        """

    @abstractmethod
    def residual_set(self, observed_shape: Shape | None) -> EvaluationSet:
        """The same, asked wherever the truth is known."""

    @abstractmethod
    def on_lattice(self, asked: EvaluationSet, values: Tensor) -> tuple[Tensor, Tensor | None]:
        """Values at the places of `residual_set` as fields, for statistics of neighbours.

        Args:
            asked: From `residual_set`.
            values: Shape (B, N, C).

        Returns:
            Values (B, *shape, C) and what each counts, or None where all count alike.
        """

    @abstractmethod
    def most_of(
        self, rng: np.random.Generator, config: DataConfig, fraction: float, mirrored: bool
    ) -> Observations:
        """A share of what is known of each snapshot, to encode it.

        Args:
            rng: Source of randomness.
            config: From `sampling`.
            fraction: Which share, in (0, 1].
            mirrored: Whether of the mirrored fields.
        """

    @abstractmethod
    def skill_cases(self, config: DataConfig, geometry: Geometry, seed: int) -> Iterator[SkillCase]:
        """Own fields and foreign ones by which a trained network is weighed against its prior.

        Own ones are of the split "val"; if those are few also of "train".

        Args:
            config: From `sampling`.
            geometry: Of the region.
            seed: Same seed, same cases.
        """

    @abstractmethod
    def contents(self) -> Iterator[tuple[str, bytes]]:
        """What tells them from other snapshots, part by part."""
