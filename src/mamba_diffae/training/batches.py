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
from mamba_diffae.models.prior import AnaloguePrior
from mamba_diffae.training.order import in_turn, kin_together

Share = Annotated[float, Field(gt=0, le=1)]


@final
class DataConfig(BaseModel):
    """What a step observes and asks.

    Attributes:
        queries: Native pixels that are asked, in each field.
        fractions: Least and largest share of observed cells.
        pattern: See `observe`.
        cells: Cells a side of the observed grid; None: 32, or the native size if smaller.
        exemplars: Training fields that the prior of an autoencoder keeps, at most; 0: no prior.
        mirrored: Whether mirror images (left and right) are as good as the fields themselves.
        encodings: Latents of each training field that phase "latent" learns from, each from other
            cells; every second one is of its mirror image, if `mirrored`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    queries: int = Field(384, ge=1)
    fractions: tuple[Share, Share] = (0.02, 0.6)
    pattern: Pattern = "random"
    cells: int | None = Field(None, ge=1)
    exemplars: int = Field(4096, ge=0)
    mirrored: bool = False
    encodings: int = Field(4, ge=1)

    @field_validator("fractions")
    @classmethod
    def _ascending(cls, fractions: tuple[float, float]) -> tuple[float, float]:
        if fractions[0] > fractions[1]:
            raise ValueError("the least share comes first")
        return fractions


_ORDER, _SHARE, _POINTS, _ASKED, _MIRROR = range(5)
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
        draw: Rows with equal numbers are one field, mirrored alike, in other cells; shape (B,).
        share: Of the cells of each field that were observed, shape (B,).
        estimate: What the prior makes of the observations without the field itself and its copies,
            shape (B, G^D, C + 2); of width 0 where there is no prior.
    """

    input_coords: Tensor
    input_values: Tensor
    input_mask: Tensor
    query_coords: Tensor
    query_values: Tensor
    anchor_values: Tensor
    keys: Tensor
    index: Tensor
    draw: Tensor
    share: Tensor
    estimate: Tensor

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

    Every step observes another random subset of cells, a share of them drawn anew, and asks at
    random native pixels. All fields of a step are observed in the same cells (in each view), so
    that nothing is padded and the prior factors one matrix for all.

    Args:
        truth: Complete fields.
        config: What is observed and asked.
        seed: With the step, all that a batch depends on.
        batch_size: Observations in a batch, a multiple of `views`.
        anchors: Anchors a side, or 0.
        prior: What makes the estimates; it holds the `exemplars` of these fields.
        views: Rows of a batch that are one field.
    """

    def __init__(
        self,
        truth: GridField,
        config: DataConfig,
        *,
        seed: int,
        batch_size: int,
        anchors: int = 0,
        prior: AnaloguePrior | None = None,
        views: int = 1,
    ) -> None:
        self.truth, self.config, self.seed, self.batch_size = truth, config, seed, batch_size
        self.prior, self.views = prior, views
        self.exemplar_groups = exemplar_groups(truth, prior)
        self.queries = min(config.queries, truth.size**2)
        self.cells = config.cells or min(CELLS, truth.size)
        self.observed = self._scaled(self.cells)
        self.around_anchors = self._scaled(anchors) if anchors else self.observed[:, :0]
        self.native = truth.values.reshape(len(truth), -1, truth.channels)
        self.cell_coords = pixel_centres(self.cells)
        self.pixel_coords = pixel_centres(truth.size)

    def __call__(self, step: int) -> TrainingBatch:
        """The batch of a step, on the CPU."""
        draw = np.arange(self.batch_size) // self.views
        index = self._chosen(step)[draw]
        seen = np.tile(self._seen(step), (len(index) // self.views, 1))
        asked = np.stack([self._asked(step, place) for place in range(self.batch_size)])
        mirror = np.array([self._mirrored(step, field) for field in draw.tolist()])
        native = values_at(self.native, index, asked, mirror)
        observed = values_at(self.observed, index, seen, mirror)
        anchors = np.tile(np.arange(self.around_anchors.shape[1]), (len(index), 1))
        inputs = (
            torch.from_numpy(self.cell_coords[seen]),
            torch.from_numpy(observed),
            torch.ones(observed.shape[:2], dtype=torch.bool),
        )
        return TrainingBatch(
            *inputs,
            query_coords=torch.from_numpy(self.pixel_coords[asked]),
            query_values=torch.from_numpy(self.truth.scaling.scale(native.astype(np.float32))),
            anchor_values=torch.from_numpy(values_at(self.around_anchors, index, anchors, mirror)),
            keys=fold(fold(torch.tensor([self.seed]), step), torch.arange(self.batch_size)),
            index=torch.as_tensor(index),
            draw=torch.as_tensor(draw),
            share=torch.full((len(index),), seen.shape[1] / len(self.cell_coords)),
            estimate=self._estimate(inputs, index),
        )

    def _estimate(self, inputs: tuple[Tensor, Tensor, Tensor], index: np.ndarray) -> Tensor:
        """The prior's, from exemplars of other groups than the field's own."""
        if self.prior is None:
            return inputs[1].new_zeros(len(index), 0, 0)
        own = self.truth.groups[index][:, None] == self.exemplar_groups
        return self.prior(*inputs, torch.from_numpy(own))

    def _seen(self, step: int) -> np.ndarray:
        """The cells of each view, of all as many, shape (views, L)."""
        rng, fraction = self._rng(_POINTS, step), self._fraction(step)
        views = range(self.views)
        return np.stack([draw_cells(rng, self.cells, fraction, self.config.pattern) for _ in views])

    def _asked(self, step: int, place: int) -> np.ndarray:
        rng = self._rng(_ASKED, step, place)
        return rng.choice(len(self.pixel_coords), self.queries, replace=False)

    def _mirrored(self, step: int, place: int) -> bool:
        return self.config.mirrored and bool(self._rng(_MIRROR, step, place).random() < 0.5)

    def _chosen(self, step: int) -> np.ndarray:
        groups = self.truth.groups

        def order(epoch: int) -> np.ndarray:
            rng = self._rng(_ORDER, epoch)
            # To tell a field from its kin takes more than to tell it from any other.
            return rng.permutation(len(groups)) if self.views == 1 else kin_together(rng, groups)

        return in_turn(len(groups), step, self.batch_size // self.views, order)

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


def values_at(
    fields: np.ndarray, index: np.ndarray, places: np.ndarray, mirror: np.ndarray
) -> np.ndarray:
    """Values at places (B, N) of fields (S, n², C), of which `mirror` (B,) are seen in a mirror."""
    side = round(fields.shape[1] ** 0.5)
    across = places // max(side, 1) * side + side - 1 - places % max(side, 1)
    return fields[index[:, None], np.where(mirror[:, None], across, places)]


def exemplar_groups(truth: GridField, prior: AnaloguePrior | None) -> np.ndarray:
    """Groups of the training fields that a prior keeps, shape (E,)."""
    return truth.groups[exemplars(truth, 0 if prior is None else len(prior.exemplars))]


def exemplars(truth: GridField, count: int) -> np.ndarray:
    """Which training fields a prior keeps: all, or so many of them, drawn with a fixed seed."""
    if count >= len(truth):
        return np.arange(len(truth))
    return np.sort(np.random.default_rng(0).choice(len(truth), count, replace=False))


def exemplar_values(prior: AnaloguePrior, truth: GridField) -> torch.Tensor:
    """The training fields that a prior has room for, as `AnaloguePrior.remember` takes them.

    Raises:
        ValueError: If it has room for more than there are.
    """
    check_room(len(prior.exemplars), len(truth))
    rows = exemplars(truth, len(prior.exemplars))
    chosen = truth.take(rows)
    coarse = chosen.scaling.scale(chosen.at(prior.cells))
    return torch.from_numpy(coarse).reshape(len(rows), -1, truth.channels)


def check_room(exemplars: int, fields: int) -> None:
    """Refuse a prior with room for more exemplars than there are training fields."""
    if exemplars > fields:
        raise ValueError(
            f"The prior has room for {exemplars} exemplars, but there are {fields} training "
            f"fields; build the network with exemplars={fields} or less."
        )


def value_rms(truth: GridField) -> float:
    """Root mean square of the scaled native values: the σ of the flow."""
    total = sum(
        float(np.square(truth.scaling.scale(part.astype(np.float32))).mean()) * len(part)
        for part in np.array_split(truth.values, max(1, len(truth) // 256))
    )
    return (total / len(truth)) ** 0.5
