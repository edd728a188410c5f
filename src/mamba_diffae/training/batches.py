"""What a training step sees: fresh observations, other points as targets, by (seed, step)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Self, final

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor

from mamba_diffae.fields import CELLS, GridField, Pattern, draw_cells, pixel_centres
from mamba_diffae.flow import fold

Share = Annotated[float, Field(gt=0, le=1)]


@final
class DataConfig(BaseModel):
    """What a step observes and asks.

    Attributes:
        queries: Native pixels that are asked, in each field.
        fractions: Least and largest share of observed cells.
        pattern: See `observe`.
        cells: Cells a side of the observed grid; None: 32, or the native size if smaller.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    queries: int = Field(384, ge=1)
    fractions: tuple[Share, Share] = (0.02, 0.6)
    pattern: Pattern = "random"
    cells: int | None = Field(None, ge=1)

    @field_validator("fractions")
    @classmethod
    def _ascending(cls, fractions: tuple[float, float]) -> tuple[float, float]:
        if fractions[0] > fractions[1]:
            raise ValueError("the least share comes first")
        return fractions


_ORDER, _SHARE, _POINTS = range(3)
"""What a stream of random numbers is for."""


@final
@dataclass(frozen=True, eq=False)
class TrainingBatch:
    """Fields of one step; values are scaled to about [-1, 1].

    Attributes:
        input_coords: Where observed, shape (B, L, D).
        input_values: What, shape (B, L, C).
        input_mask: True where real, shape (B, L).
        query_coords: Where the field shall be learned, shape (B, N, D).
        query_values: The truth there, shape (B, N, C).
        anchor_values: The truth averaged around every anchor, shape (B, A, C).
        keys: What every further random draw depends on, shape (B,), int64.
        index: Which fields they are, shape (B,).
    """

    input_coords: Tensor
    input_values: Tensor
    input_mask: Tensor
    query_coords: Tensor
    query_values: Tensor
    anchor_values: Tensor
    keys: Tensor
    index: Tensor

    @property
    def size(self) -> int:
        """Fields in the batch."""
        return len(self.index)

    def describe(self) -> str:
        """Which fields, for messages."""
        return "fields " + ", ".join(map(str, self.index.tolist()))

    def to(self, device: torch.device) -> Self:
        """The same batch on another device."""
        moved = {f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)}
        return type(self)(**moved)

    def shard(self, rank: int, count: int) -> Self:
        """One of `count` equal shares: for each of several processes."""
        part = self.size // count
        rows = slice(rank * part, (rank + 1) * part)
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@final
class FieldBatches:
    """Batches of a stack of complete fields: call with a step.

    Every step observes another random subset of cells, a share of them drawn anew (one share for
    the step, so that nothing is padded), and asks at random native pixels.

    Args:
        truth: Complete fields.
        config: What is observed and asked.
        seed: With the step, all that a batch depends on.
        batch_size: Fields in a batch.
        anchors: Anchors a side, or 0.
    """

    def __init__(
        self, truth: GridField, config: DataConfig, *, seed: int, batch_size: int, anchors: int = 0
    ) -> None:
        self.truth, self.config, self.seed, self.batch_size = truth, config, seed, batch_size
        self.queries = min(config.queries, truth.size**2)
        self.cells = config.cells or min(CELLS, truth.size)
        self.observed = self._scaled(self.cells)
        self.around_anchors = self._scaled(anchors) if anchors else self.observed[:, :0]
        self.native = truth.values.reshape(len(truth), -1, truth.channels)
        self.cell_coords = pixel_centres(self.cells)
        self.pixel_coords = pixel_centres(truth.size)

    def __call__(self, step: int) -> TrainingBatch:
        """The batch of a step, on the CPU."""
        index = self._chosen(step)
        fraction = self._fraction(step)
        seen, asked = [], []
        for place in range(self.batch_size):
            rng = self._rng(_POINTS, step, place)
            seen.append(draw_cells(rng, self.cells, fraction, self.config.pattern))
            asked.append(rng.choice(len(self.pixel_coords), self.queries, replace=False))
        rows = index[:, None]
        seen, asked = np.stack(seen), np.stack(asked)
        targets = self.truth.scaling.scale(self.native[rows, asked].astype(np.float32))
        return TrainingBatch(
            input_coords=torch.from_numpy(self.cell_coords[seen]),
            input_values=torch.from_numpy(self.observed[rows, seen]),
            input_mask=torch.ones(seen.shape, dtype=torch.bool),
            query_coords=torch.from_numpy(self.pixel_coords[asked]),
            query_values=torch.from_numpy(targets),
            anchor_values=torch.from_numpy(self.around_anchors[index]),
            keys=fold(fold(torch.tensor([self.seed]), step), torch.arange(self.batch_size)),
            index=torch.as_tensor(index),
        )

    def _chosen(self, step: int) -> np.ndarray:
        """Every field once before any comes twice, in an order of its own for every epoch."""
        count = len(self.truth)
        first, last = step * self.batch_size, (step + 1) * self.batch_size
        epochs = range(first // count, (last - 1) // count + 1)
        order = [self._rng(_ORDER, epoch).permutation(count) for epoch in epochs]
        return np.concatenate(order)[first - epochs.start * count :][: self.batch_size]

    def _fraction(self, step: int) -> float:
        """Log-uniform: as many steps between 2 % and 6 % as between 20 % and 60 %."""
        low, high = np.log(self.config.fractions)
        return float(np.exp(self._rng(_SHARE, step).uniform(low, high)))

    def _rng(self, purpose: int, step: int, place: int = 0) -> np.random.Generator:
        """A stream of its own for every purpose, step and place in the batch."""
        return np.random.default_rng((purpose, self.seed, step, place))

    def _scaled(self, size: int) -> np.ndarray:
        """Every field averaged to a size, scaled, shape (S, size², C)."""
        coarse = self.truth.scaling.scale(self.truth.at(size))
        return coarse.reshape(len(self.truth), -1, self.truth.channels)


def value_rms(truth: GridField) -> float:
    """Root mean square of the scaled native values: the σ of the flow."""
    total = sum(
        float(np.square(truth.scaling.scale(part.astype(np.float32))).mean()) * len(part)
        for part in np.array_split(truth.values, max(1, len(truth) // 256))
    )
    return (total / len(truth)) ** 0.5
