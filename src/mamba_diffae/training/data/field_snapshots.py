"""Fields on a grid, with gaps or without, as snapshots to learn from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Geometry, Grid, Observations, Shape, observe
from mamba_diffae.priors import Prior
from mamba_diffae.training.data.backgrounds import Backgrounds
from mamba_diffae.training.data.batches import FieldBatches, TrainingBatch, known_rows
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.lattice import Lattice
from mamba_diffae.training.data.sampling import ObservationSampler
from mamba_diffae.training.data.skill_cases import SkillCase, field_cases
from mamba_diffae.training.data.snapshots import (
    ASKED,
    VALIDATED,
    BatchOptions,
    EvaluationSet,
    Snapshots,
)


def snapshots_of(given: FieldData | Snapshots) -> Snapshots:
    """Fields as snapshots; snapshots as they are."""
    return FieldSnapshots(given) if isinstance(given, FieldData) else given


@final
@dataclass(frozen=True, eq=False)
class FieldSnapshots(Snapshots):
    """Fields on one grid: inside coordinates, scaled values."""

    data: FieldData

    def __len__(self) -> int:
        return len(self.data)

    @property
    def grid(self) -> Grid:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Snapshots`."""
        return self.data.grid

    @property
    def splits(self) -> np.ndarray:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Snapshots`."""
        return self.data.splits

    @property
    def groups(self) -> np.ndarray:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Snapshots`."""
        return self.data.groups

    @property
    def values(self) -> np.ndarray:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Shape (S, *shape, C)."""
        return self.data.values

    @property
    def n_variables(self) -> int:
        """See `Snapshots.n_variables`."""
        return self.data.n_variables

    @property
    def n_covariates(self) -> int:
        """See `Snapshots.n_covariates`."""
        return self.data.n_covariates

    def valid_mask(self) -> np.ndarray:
        """See `Snapshots.valid_mask`."""
        return self.data.valid_mask()

    def take(self, index: np.ndarray | slice) -> FieldSnapshots:
        """See `Snapshots.take`."""
        return FieldSnapshots(self.data.take(index))

    def split(self, name: str) -> FieldSnapshots:
        """See `Snapshots.split`."""
        return FieldSnapshots(self.data.split(name))

    def known(self) -> FieldSnapshots:
        """See `Snapshots.known`."""
        return FieldSnapshots(self.data.take(known_rows(self.data)))

    def sampling(self, config: DataConfig) -> DataConfig:
        """See `DataConfig.for_data`."""
        return config.for_data(self.data)

    def network_defaults(self, fields: Mapping[str, Any], config: DataConfig) -> dict[str, Any]:
        """See `Snapshots.network_defaults`: none."""
        return {}

    def describe(self, config: DataConfig) -> list[str]:
        """See `Snapshots.describe`."""
        assert config.observed_shape is not None
        native, observed = self.grid.describe_shape(), " × ".join(map(str, config.observed_shape))
        turned = "count as well" if config.mirrored else "are not used"
        seen = f"cells of a lattice of {observed}"
        if config.layout is not None:
            seen = f"{len(config.layout)} sensors where they stand, in half of the steps not all"
        return [
            f"Observed: {seen}; the fields have {native}.",
            f"Snapshots mirrored along the last axis {turned}.",
        ]

    def for_prior(self) -> FieldData:
        """See `Snapshots.for_prior`."""
        return self.data

    def batches(self, prior: Prior, options: BatchOptions) -> Callable[[int], TrainingBatch]:
        """See `FieldBatches`."""
        return FieldBatches(
            self.data,
            options.config,
            prior,
            seed=options.seed,
            batch_size=options.batch_size,
            anchor_shape=options.anchor_shape,
            views=options.views,
            draws=options.draws,
        )

    def evaluation(self, observed_shape: Shape | None) -> EvaluationSet:
        """See `Snapshots.evaluation`: 20 % of the lattice observed, native cells asked."""
        chosen = self.data.distinct(VALIDATED)
        existing = np.flatnonzero(chosen.grid.exists)
        cells = existing[np.random.default_rng(0).permutation(len(existing))[:ASKED]]
        native = Lattice.of(chosen)
        weight = torch.from_numpy(native.area[cells, None] * native.known[:, cells])
        target = torch.from_numpy(native.values[:, cells])
        return EvaluationSet(
            _observed(chosen, observed_shape), _coords(chosen)[cells], target, weight
        )

    def residual_set(self, observed_shape: Shape | None) -> EvaluationSet:
        """See `Snapshots.residual_set`: every native cell."""
        chosen = self.data.distinct(VALIDATED)
        flat = (len(chosen), chosen.grid.cells, chosen.n_variables)
        exact = torch.from_numpy(chosen.values.astype(np.float32)).reshape(flat)
        weight = torch.from_numpy(chosen.valid_mask().astype(np.float32)).reshape(flat)
        return EvaluationSet(_observed(chosen, observed_shape), _coords(chosen), exact, weight)

    def on_lattice(self, asked: EvaluationSet, values: Tensor) -> tuple[Tensor, Tensor | None]:
        """See `Snapshots.on_lattice`."""
        shape = (len(values), *self.shape, self.n_variables)
        if bool((asked.weight == 1).all()):
            return values.reshape(shape), None
        return (values * asked.weight).reshape(shape), asked.weight.reshape(shape)

    def most_of(
        self, rng: np.random.Generator, config: DataConfig, fraction: float, mirrored: bool
    ) -> Observations:
        """See `Snapshots.most_of`: cells of the observed lattice, the same of all fields."""
        mirror = np.full(len(self), mirrored)
        sampler = ObservationSampler(self.data, config)
        rows = np.arange(len(self))
        seen = sampler.cells(rng, rows, mirror, fraction)
        return Backgrounds(self.data).joined(seen, rows, mirror)

    def skill_cases(self, config: DataConfig, geometry: Geometry, seed: int) -> Iterator[SkillCase]:
        """See `Snapshots.skill_cases` and `field_cases`."""
        return field_cases(self.data, config, geometry, seed)

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """See `Snapshots.contents`."""
        data = self.data
        yield "values", np.ascontiguousarray(data.values).tobytes()
        yield "valid", b"" if data.valid is None else np.packbits(data.valid).tobytes()
        yield "grid", json.dumps(data.grid.to_dict()).encode()
        yield "names", "\n".join(data.names).encode()
        yield "splits", "\n".join(data.splits.tolist()).encode()
        yield "groups", np.ascontiguousarray(data.groups).tobytes()
        known = data.covariates
        for name, array in zip(known.names, known.values, strict=True) if known else ():
            yield f"covariate {name}", np.ascontiguousarray(array).tobytes()


def _observed(chosen: FieldData, shape: Shape | None) -> Observations:
    return observe(chosen, seed=0, shape=shape).to(torch.float32)


def _coords(chosen: FieldData) -> Tensor:
    return torch.from_numpy(chosen.grid.centres().astype(np.float32))
