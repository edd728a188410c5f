"""Scattered points as snapshots to learn from: no field need be complete, or lie on a grid."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import (
    LATTICE_LIMIT,
    Geometry,
    Grid,
    Observations,
    Shape,
    ShapeError,
    ValuesError,
    Variable,
)
from mamba_diffae.priors import PRIORS, Prior
from mamba_diffae.training.data.batches import TrainingBatch
from mamba_diffae.training.data.binning import averages_on, cells_of
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.point_batches import PointBatches
from mamba_diffae.training.data.point_skill import point_cases
from mamba_diffae.training.data.skill_cases import SkillCase
from mamba_diffae.training.data.snapshots import (
    ASKED,
    VALIDATED,
    BatchOptions,
    EvaluationSet,
    Snapshots,
)
from mamba_diffae.training.data.withholding import MIXTURE

_RECONSTRUCTED = (
    "No snapshot is a complete field: library and principal code are learned from what kriging "
    "makes of each."
)
PRIOR = "mixture"
"""What points are given if no prior is named: it learns from them."""


@final
@dataclass(frozen=True, eq=False)
class PointSnapshots(Snapshots):
    """Snapshots of scattered points: the user's units at the estimator's door, then inside ones.

    Attributes:
        variables: C of them.
        grid: Over the region.
        observations: Of S snapshots, each with a point at least.
        splits: "train" or "val", shape (S,).
        groups: Every snapshot is its own: those of "train" are numbered first, in order, as a
            prior numbers what it learns from.
        notes: What a user should know of them, in sentences.
    """

    variables: tuple[Variable, ...]
    grid: Grid
    observations: Observations
    splits: np.ndarray
    groups: np.ndarray
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.observations)

    @property
    def n_variables(self) -> int:
        """See `Snapshots.n_variables`."""
        return self.observations.n_variables

    @property
    def values(self) -> np.ndarray:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Shape (S, N, C); 0 where nothing was observed."""
        return self.observations.values.numpy()

    def valid_mask(self) -> np.ndarray:
        """See `Snapshots.valid_mask`."""
        return self.observations.mask.numpy()

    def take(self, index: np.ndarray | slice) -> PointSnapshots:
        """See `Snapshots.take`."""
        rows = np.arange(len(self))[index]
        if not len(rows):
            raise ShapeError(f"None of the {len(self)} snapshots was taken; take one at least.")
        return replace(
            self,
            observations=self.observations[rows],
            splits=self.splits[rows],
            groups=self.groups[rows],
        )

    def known(self) -> PointSnapshots:
        """See `Snapshots.known`: all of them."""
        return self

    def places(self, row: int) -> np.ndarray:
        """Number of the place of each point of a snapshot, -1 where there is none, shape (N,).

        Readings of one place have one number, so that no repeat of what is held back is seen.
        """
        present = self.observations.present[row].numpy()
        numbers = np.full(len(present), -1)
        coords = self.observations.coords[row].numpy()[present] + 0.0
        numbers[present] = np.unique(coords, axis=0, return_inverse=True)[1].ravel()
        return numbers

    def divisible(self) -> np.ndarray:
        """Rows of the snapshots of which a part can be held back: those with two places or more."""
        return np.flatnonzero([self.places(row).max() > 0 for row in range(len(self))])

    def sampling(self, config: DataConfig) -> DataConfig:
        """See `Snapshots.sampling`; patterns are those of points."""
        shape = config.observed_shape or self.grid.lattice_shape(LATTICE_LIMIT)
        if len(shape) != self.grid.dim:
            raise ShapeError(
                f"data.observed_shape is {' × '.join(map(str, shape))}, but the points have the "
                f"coordinates {', '.join(self.grid.names)}; give a number for each."
            )
        if config.layout is not None:
            raise ValuesError(
                "A layout of sensors is of whole fields, which are read there; stations are where "
                "they are: leave the layout out."
            )
        if config.mirrored:
            raise ValuesError(
                "data.mirrored is true, but scattered points are not mirrored in training; leave "
                "it out."
            )
        given = config.patterns if "patterns" in config.model_fields_set else MIXTURE
        foreign = sorted(name for name, weight in given.items() if weight and name not in MIXTURE)
        if foreign:
            raise ValuesError(
                f"data.patterns holds {', '.join(foreign)}, but of scattered points only "
                f"{', '.join(MIXTURE)} are held back; give weights of those."
            )
        changes = {"observed_shape": tuple(shape), "mirrored": False, "patterns": dict(given)}
        return config.model_copy(update=changes)

    def network_defaults(self, fields: Mapping[str, Any], config: DataConfig) -> dict[str, Any]:
        """See `Snapshots.network_defaults`: a prior, and about as many anchors as points."""
        points = float(np.median(self.observations.counts.numpy()))
        per_token = (points / fields.get("tokens", 16) ** 2) ** (1 / self.grid.dim)
        patch = min(max(int(per_token), 1), fields.get("patch", 2))
        prior = fields.get("prior", PRIOR if config.exemplars else "none")
        if prior in PRIORS.names() and not PRIORS.get(prior).learns_from_points:
            raise ValuesError(
                f"The prior {prior!r} learns from fields on a grid, but scattered points were "
                f"given; choose one that learns from points, such as {PRIOR!r}, or 'none'."
            )
        return {"patch": patch, "prior": prior}

    def describe(self, config: DataConfig) -> list[str]:
        """See `Snapshots.describe`."""
        counts = self.observations.counts.numpy()
        train, val = (int((self.splits == name).sum()) for name in ("train", "val"))
        least, most = int(counts.min()), int(counts.max())
        each = f"{most}" if least == most else f"{least} to {most}"
        patterns = ", ".join(name for name, weight in config.patterns.items() if weight)
        return [
            f"Observed: scattered points, {each} in each of {train} training and {val} validation "
            "snapshots.",
            f"In each step a part of every snapshot's points is held back and asked: {patterns}.",
            *self.notes,
            *([_RECONSTRUCTED] if config.exemplars and train > 1 else []),
        ]

    def for_prior(self) -> Observations:
        """See `Snapshots.for_prior`."""
        return self.observations

    def batches(self, prior: Prior, options: BatchOptions) -> Callable[[int], TrainingBatch]:
        """See `PointBatches`."""
        return PointBatches(self, prior, options)

    def divided(
        self, row: int, kept: np.ndarray, rng: np.random.Generator, most: int
    ) -> tuple[Observations, Observations]:
        """What stays observed of a snapshot, and what is held back.

        Args:
            row: Which snapshot.
            kept: Whether each place stays observed, by its number.
            rng: Of the points that are asked, if there are too many.
            most: Points that are asked, at most.
        """
        place = self.places(row)
        present = place >= 0
        seen = present & kept[np.maximum(place, 0)]
        back = rng.permutation(np.flatnonzero(present & ~seen))[:most]
        return self.points(row, np.flatnonzero(seen)), self.points(row, np.sort(back))

    def points(self, row: int, index: np.ndarray) -> Observations:
        """Some points of a snapshot."""
        parts = (
            (part.name, getattr(self.observations, part.name)) for part in fields(Observations)
        )
        at = torch.from_numpy(index)
        return Observations(**{k: v[row, at][None] for k, v in parts if v is not None})

    def evaluation(self, observed_shape: Shape | None) -> EvaluationSet:
        """See `Snapshots.evaluation`: half of the places observed, the others asked."""
        return self._halved(self._spread())

    def residual_set(self, observed_shape: Shape | None) -> EvaluationSet:
        """See `Snapshots.residual_set`: few snapshots are halved several times."""
        return self._halved(np.resize(self._spread(), VALIDATED))

    def _spread(self) -> np.ndarray:
        """Rows of at most `VALIDATED` snapshots that can be divided, evenly spread."""
        rows = self.divisible()
        return rows[np.linspace(0, len(rows) - 1, min(VALIDATED, len(rows))).round().astype(int)]

    def _halved(self, rows: np.ndarray) -> EvaluationSet:
        """Snapshots of which half of the places are observed, each time other ones."""
        parts = []
        for number, row in enumerate(rows):
            rng, total = np.random.default_rng((0, number)), self.places(row).max() + 1
            kept = np.isin(np.arange(total), rng.permutation(total)[: max(1, total // 2)])
            parts.append(self.divided(row, kept, rng, ASKED))
        inputs, asked = map(Observations.stack, zip(*parts, strict=True))
        return EvaluationSet(inputs, asked.coords, asked.values, asked.mask.float())

    def on_lattice(self, asked: EvaluationSet, values: Tensor) -> tuple[Tensor, Tensor | None]:
        """See `Snapshots.on_lattice`: averages in native cells, which count by their points."""
        cells = torch.from_numpy(cells_of(self.grid, asked.coords.numpy()))
        weight = asked.weight.expand(values.shape)
        mean, count = averages_on(cells, values, weight, self.grid.cells)
        shape = (len(values), *self.shape, self.n_variables)
        return mean.reshape(shape), count.reshape(shape)

    def most_of(
        self, rng: np.random.Generator, config: DataConfig, fraction: float, mirrored: bool
    ) -> Observations:
        """See `Snapshots.most_of`: a share of the points of each snapshot."""
        parts = []
        for row in range(len(self)):
            index = np.flatnonzero(self.observations.present[row].numpy())
            count = max(1, round(fraction * len(index)))
            parts.append(self.points(row, np.sort(rng.permutation(index)[:count])))
        return Observations.stack(parts)

    def skill_cases(self, config: DataConfig, geometry: Geometry, seed: int) -> Iterator[SkillCase]:
        """See `Snapshots.skill_cases` and `point_cases`."""
        return point_cases(self, seed)

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """See `Snapshots.contents`."""
        for part in fields(Observations):
            given = getattr(self.observations, part.name)
            yield part.name, b"" if given is None else given.contiguous().numpy().tobytes()
        yield "grid", json.dumps(self.grid.to_dict()).encode()
        yield "splits", "\n".join(self.splits.tolist()).encode()
