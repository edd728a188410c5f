"""What a training step sees: fresh observations, native cells as targets, by (seed, step)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property, partial
from typing import Any, NamedTuple, Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Observations, Shape, ValuesError
from mamba_diffae.flow import fold
from mamba_diffae.priors import Prior, PriorPosterior
from mamba_diffae.training.data.backgrounds import Backgrounds
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.foreign import ForeignFields
from mamba_diffae.training.data.foreign_rows import StepFields, knows_familiarity
from mamba_diffae.training.data.lattice import Lattice
from mamba_diffae.training.data.order import epoch_indices, shuffle_grouped
from mamba_diffae.training.data.sampling import ObservationSampler

_ORDER, _ASKED, _MIRROR, _DRAWS, _FOREIGN = 0, 3, 4, 255, 256
"""What a stream of random numbers is for; the others are those of `sampling`."""


@final
@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """Fields of one step: inside coordinates, values scaled to about [-1, 1].

    Attributes:
        inputs: What was observed of B fields.
        query_coords: Where the field shall be learned, shape (B, N, D).
        query_values: The truth there, averages over native cells, shape (B, N, C); 0 in gaps.
        query_weight: What each of them counts: the cell's area, 1 on average; 0 in gaps.
        anchor_values: The truth averaged around every anchor, shape (B, A, C); 0 in gaps.
        anchor_weight: What each of them counts, as for the queries.
        keys: What every further random draw depends on, shape (B,), int64.
        index: Which fields they are, or which a foreign field was made from, shape (B,).
        view_id: Rows with equal numbers are one field, mirrored alike, observed elsewhere; (B,).
        observed_fraction: Observed values as a share of those of the observed lattice, shape (B,).
        posterior: What the prior makes of the observations without the field itself and its group.
    """

    inputs: Observations
    query_coords: Tensor
    query_values: Tensor
    query_weight: Tensor
    anchor_values: Tensor
    anchor_weight: Tensor
    keys: Tensor
    index: Tensor
    view_id: Tensor
    observed_fraction: Tensor
    posterior: PriorPosterior

    @property
    def size(self) -> int:
        """Fields in the batch."""
        return len(self.index)

    def describe(self) -> str:
        """Which fields, for messages."""
        return "fields " + ", ".join(map(str, self.index.tolist()))

    def to(self, device: torch.device) -> Self:
        """The same batch on another device."""
        return type(self)(**{name: part.to(device) for name, part in self._parts().items()})

    def __getitem__(self, rows: slice) -> Self:
        """The chosen rows."""
        return type(self)(**{name: part[rows] for name, part in self._parts().items()})

    def shard(self, rank: int, count: int) -> Self:
        """One of `count` equal shares: for each of several processes."""
        part = self.size // count
        return self[rank * part : (rank + 1) * part]

    def _parts(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


class Observed(NamedTuple):
    """What is observed of the fields of a batch.

    Attributes:
        chosen: Training fields, one for each group of views.
        turned: Which of them are mirrored.
        fields: They, some replaced by foreign ones.
        inputs: Observations of all rows.
        posterior: What the prior makes of them.
    """

    chosen: np.ndarray
    turned: np.ndarray
    fields: StepFields
    inputs: Observations
    posterior: PriorPosterior


ROUND = 32
"""Sets of observations that come round before the next ones are made, where each is used again."""


def observed_in(step: int, reuse: int) -> int:
    """Number of the set of observations of a step: `ROUND` of them in turn, `reuse` times."""
    if reuse == 1:
        return step
    return step // (ROUND * reuse) * ROUND + step % ROUND


@final
class FieldBatches:
    """Batches of a stack of fields: call with a step.

    Every step observes the fields anew, see `ObservationSampler`, and asks at random native cells.
    Some of them are replaced by foreign fields, which have index, group and gaps of the replaced.
    Snapshots without any value are left out.

    Args:
        data: The fields: inside coordinates, scaled values.
        config: What is observed and asked.
        prior: What makes the posteriors; it keeps some of these fields. On the CPU.
        seed: With the step, all that a batch depends on.
        batch_size: Rows of a batch, a multiple of `views`.
        anchor_shape: Anchors along each axis; zeros: none.
        views: Rows of a batch that are one field.
        draws: Draws of the prior that a batch holds of each field.

    Raises:
        ValuesError: If no field has a value.
    """

    def __init__(
        self,
        data: FieldData,
        config: DataConfig,
        prior: Prior,
        *,
        seed: int,
        batch_size: int,
        anchor_shape: Shape,
        views: int = 1,
        draws: int = 0,
    ) -> None:
        self.data, self.config, self.draws = data, config.for_data(data), draws
        self.prior, self.seed, self.batch_size, self.views = prior, seed, batch_size, views
        self.sampler = ObservationSampler(data, self.config)
        self.native, self.anchors = Lattice.of(data), Lattice.of(data, anchor_shape)
        self.backgrounds = Backgrounds(data)
        self.anchor_shape = tuple(anchor_shape)
        self.centres = torch.from_numpy(data.grid.centres().astype(np.float32))
        self.existing = np.flatnonzero(data.grid.exists)
        self.queries = min(config.queries, len(self.existing))
        self.rows = known_rows(data)
        self._kept: dict[int, Observed] = {}

    def __call__(self, step: int) -> TrainingBatch:
        """The batch of a step, on the CPU."""
        view_id = np.arange(self.batch_size) // self.views
        observed = self._observed(observed_in(step, self.config.reuse))
        chosen, turned, fields = observed.chosen, observed.turned, observed.fields
        index, rows, mirror = chosen[view_id], fields.rows[view_id], turned[view_id]
        asked = np.stack([self._asked(step, place) for place in range(self.batch_size)])
        query_values, query_weight = _weighted(
            fields.native.at(rows, asked, mirror), self.native.area[asked]
        )
        anchor_values, anchor_weight = _weighted(
            fields.anchors.every(rows, mirror), self.anchors.area
        )
        return TrainingBatch(
            inputs=observed.inputs,
            query_coords=self.centres[torch.from_numpy(asked)],
            query_values=query_values,
            query_weight=query_weight,
            anchor_values=anchor_values,
            anchor_weight=anchor_weight,
            keys=fold(fold(torch.tensor([self.seed]), step), torch.arange(self.batch_size)),
            index=torch.as_tensor(index),
            view_id=torch.as_tensor(view_id),
            observed_fraction=torch.from_numpy(self.sampler.observed_fraction(observed.inputs)),
            posterior=observed.posterior,
        )

    def _observed(self, number: int) -> Observed:
        """What is observed; the last ones are kept where they serve several steps."""
        if number in self._kept:
            return self._kept[number]
        chosen = self._chosen(number)
        turned = np.array([self._mirrored(number, field) for field in range(len(chosen))])
        fields = self._fields(number, chosen)
        view_id = np.arange(self.batch_size) // self.views
        index = chosen[view_id]
        inputs = self._inputs(number, fields, turned)
        inputs = self.backgrounds.joined(inputs, index, turned[view_id])
        groups = torch.as_tensor(self.data.groups[index])
        keys = draw_keys(self.seed, number, self.batch_size, self.draws)
        posterior = self.prior.posterior(inputs, groups=groups, keys=keys)
        found = Observed(chosen, turned, fields, inputs, posterior)
        if self.config.reuse > 1:
            self._kept[number] = found
            while len(self._kept) > ROUND:
                self._kept.pop(next(iter(self._kept)))
        return found

    @cached_property
    def _foreign(self) -> ForeignFields | None:
        """Where the prior knows them from its own; tried when the first batch is made."""
        row = int(self.rows[0])
        if not self.config.foreign_share or not knows_familiarity(self.prior, self.sampler, row):
            return None
        return ForeignFields(self.data)

    def _fields(self, step: int, chosen: np.ndarray) -> StepFields:
        """Training fields, a share of them replaced by foreign ones."""
        own = StepFields(self.sampler, self.native, self.anchors, chosen)
        if self._foreign is None:
            return own

        def stream(place: int) -> np.random.Generator:
            return self._rng(_FOREIGN, step, place)

        share = self.config.foreign_share
        return own.with_foreign(self._foreign, share, stream, self.anchor_shape)

    def _inputs(self, step: int, fields: StepFields, turned: np.ndarray) -> Observations:
        """Observations of all rows: those of one field stand side by side."""
        stream = partial(self._rng, step=step)
        views = fields.sampler.views(stream, fields.rows, turned, self.views)
        if self.views == 1:
            return views[0]
        rows = np.arange(self.batch_size).reshape(self.views, -1).T.ravel()
        return Observations.stack(views)[torch.from_numpy(rows)]

    def _asked(self, step: int, place: int) -> np.ndarray:
        rng = self._rng(_ASKED, step, place)
        return self.existing[rng.choice(len(self.existing), self.queries, replace=False)]

    def _mirrored(self, step: int, place: int) -> bool:
        return bool(self.config.mirrored) and bool(self._rng(_MIRROR, step, place).random() < 0.5)

    def _chosen(self, step: int) -> np.ndarray:
        groups = self.data.groups[self.rows]

        def order(epoch: int) -> np.ndarray:
            rng = self._rng(_ORDER, epoch)
            # To tell a field from others of its group takes more than to tell it from any other.
            one_view = self.views == 1
            return rng.permutation(len(groups)) if one_view else shuffle_grouped(rng, groups)

        return self.rows[epoch_indices(len(groups), step, self.batch_size // self.views, order)]

    def _rng(self, purpose: int, step: int, place: int = 0) -> np.random.Generator:
        """A stream of its own for every purpose, step and place in the batch."""
        return np.random.default_rng((purpose, self.seed, step, place))


def draw_keys(seed: int, step: int, fields: int, draws: int) -> Tensor | None:
    """Keys of the prior's draws of a step, shape (B, K), int64; None: none are made."""
    if not draws:
        return None
    of_step = fold(fold(torch.tensor([_DRAWS]), seed), step)
    return fold(fold(of_step, torch.arange(fields))[:, None], torch.arange(draws))


def known_rows(data: FieldData) -> np.ndarray:
    """Numbers of the snapshots that have a value at all.

    Raises:
        ValuesError: If none has.
    """
    if data.valid is None:
        return np.arange(len(data))
    rows = np.flatnonzero(data.valid.reshape(len(data), -1).any(axis=1))
    if not len(rows):
        raise ValuesError(
            f"None of the {len(data)} snapshots has a value; check their mask and fill values."
        )
    return rows


def _weighted(read: tuple[np.ndarray, np.ndarray], area: np.ndarray) -> tuple[Tensor, Tensor]:
    """Values of cells (B, N, C), and what each counts: its area (N,) or (B, N) where known."""
    values, known = read
    return torch.from_numpy(values), torch.from_numpy(area[..., None] * known)
