"""Batches of scattered points: a part of each snapshot stays observed, the rest is asked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import Grid, Observations, ValuesError
from mamba_diffae.flow import fold
from mamba_diffae.priors import Prior, PriorPosterior
from mamba_diffae.training.data.batches import TrainingBatch, draw_keys
from mamba_diffae.training.data.binning import averages_on, cells_of
from mamba_diffae.training.data.order import epoch_indices
from mamba_diffae.training.data.sampling import NOISE_RANGE, draw_variables
from mamba_diffae.training.data.snapshots import BatchOptions
from mamba_diffae.training.data.withholding import stay_observed

if TYPE_CHECKING:
    from mamba_diffae.training.data.point_snapshots import PointSnapshots

_ORDER, _WITHHELD, _NOISE, _VARIABLES = 0, 1, 2, 3
"""What a stream of random numbers is for."""


@final
class Divided(NamedTuple):
    """One row of a batch.

    Attributes:
        inputs: What stays observed.
        asked: What is held back.
    """

    inputs: Observations
    asked: Observations


@final
class PointBatches:
    """Batches of snapshots of scattered points: call with a step.

    Of every snapshot some places stay observed, see `stay_observed`; at others, which are held back
    with all their readings, the network is asked. A reading that stands for a box is asked at its
    centre; one of a large stated error counts less. Snapshots of one place are left out.

    `TrainingBatch.observed_fraction` is a share of the snapshot's own values. An anchor's truth is
    the average of the points around it, those that are observed among them; where there is none it
    counts nothing.

    Args:
        data: The snapshots: inside coordinates, scaled values.
        prior: What makes the posteriors; it learned from these snapshots. On the CPU.
        options: How.

    Raises:
        ValuesError: If no snapshot has two places.
    """

    def __init__(self, data: PointSnapshots, prior: Prior, options: BatchOptions) -> None:
        self.data, self.prior, self.options = data, prior, options
        self.config = data.sampling(options.config)
        self.rows = data.divisible()
        if not len(self.rows):
            raise ValuesError(
                f"None of the {len(data)} snapshots has points at two places, so nothing can be "
                "held back to learn from; give snapshots of two points or more."
            )
        self.variance = variance_of(data.observations)
        region = [(0.0, length) for length in prior.config.geometry.extent]
        self.anchors = None
        if math.prod(options.anchor_shape):
            periodic = prior.config.geometry.periodic
            self.anchors = Grid.regular(region, options.anchor_shape, periodic=periodic)

    def __call__(self, step: int) -> TrainingBatch:
        """The batch of a step, on the CPU."""
        B, views = self.options.batch_size, self.options.views
        view_id = np.arange(B) // views
        index = self._chosen(step)[view_id]
        parts = [self._divided(step, place, row) for place, row in enumerate(index)]
        inputs = self._disturbed(step, Observations.stack([part.inputs for part in parts]))
        asked = Observations.stack([part.asked for part in parts])
        anchor_values, anchor_weight = self._at_anchors(index)
        known = self.data.observations.mask.sum(dim=(1, 2))[index]
        return TrainingBatch(
            inputs=inputs,
            query_coords=asked.coords,
            query_values=asked.values,
            query_weight=reading_weight(asked, self.variance),
            anchor_values=anchor_values,
            anchor_weight=anchor_weight,
            keys=fold(fold(torch.tensor([self.options.seed]), step), torch.arange(B)),
            index=torch.as_tensor(index),
            view_id=torch.as_tensor(view_id),
            observed_fraction=inputs.mask.sum(dim=(1, 2)) / known,
            posterior=self._posterior(step, inputs, index),
        )

    def _posterior(self, step: int, inputs: Observations, index: np.ndarray) -> PriorPosterior:
        keys = draw_keys(self.options.seed, step, len(inputs), self.options.draws)
        groups = torch.as_tensor(self.data.groups[index])
        return self.prior.posterior(inputs, groups=groups, keys=keys)

    def _divided(self, step: int, place: int, row: int) -> Divided:
        """What stays observed of a snapshot, and what is held back."""
        rng = self._rng(_WITHHELD, step, place)
        names, weights = zip(*self.config.patterns.items(), strict=True)
        pattern = str(rng.choice(names, p=np.array(weights) / sum(weights)))
        number = self.data.places(row)
        first = np.unique(number, return_index=True)[1][int(number.min() < 0) :]
        kept = stay_observed(rng, pattern, self._embedded(row)[first], self._other(rng, row))
        return Divided(*self.data.divided(row, kept, rng, self.config.queries))

    def _other(self, rng: np.random.Generator, row: int) -> np.ndarray | None:
        """Embedded points of another snapshot."""
        if len(self.data) < 2:
            return None
        other = (row + 1 + int(rng.integers(len(self.data) - 1))) % len(self.data)
        return self._embedded(other)[self.data.observations.present[other].numpy()]

    def _embedded(self, row: int) -> np.ndarray:
        coords = self.data.observations.coords[row].double()
        return self.prior.config.geometry.embed(coords).numpy()

    def _disturbed(self, step: int, inputs: Observations) -> Observations:
        """Some steps lack variables, some have errors of a known deviation on top."""
        rng = self._rng(_VARIABLES, step)
        if inputs.n_variables > 1 and rng.random() < self.config.p_variables:
            kept = draw_variables(rng, *inputs.mask.shape[1:])
            mask = inputs.mask & torch.from_numpy(np.array(kept))
            blind = ~mask.any(dim=(1, 2), keepdim=True)
            inputs = inputs.replace(mask=torch.where(blind, inputs.mask, mask))
        rng = self._rng(_NOISE, step)
        if rng.random() >= self.config.p_noise:
            return inputs
        low, high = np.log(NOISE_RANGE)
        shape = (len(inputs), 1, inputs.n_variables)
        sigma = torch.from_numpy(np.exp(rng.uniform(low, high, shape)).astype(np.float32))
        errors = torch.from_numpy(rng.standard_normal(inputs.values.shape, dtype=np.float32))
        own = torch.zeros(()) if inputs.noise is None else inputs.noise
        noise = (own.square() + sigma.square()).sqrt().expand(inputs.values.shape)
        return inputs.replace(values=inputs.values + sigma * errors, noise=noise)

    def _at_anchors(self, index: np.ndarray) -> tuple[Tensor, Tensor]:
        """Averages of all points around each anchor, and 1 where there is one, (B, A, C)."""
        points = self.data.observations[index]
        if self.anchors is None:
            nothing = points.values.new_zeros(len(index), 0, points.n_variables)
            return nothing, nothing
        cells = torch.from_numpy(cells_of(self.anchors, points.coords.numpy()))
        known = points.mask.float()
        mean, count = averages_on(cells, points.values, known, self.anchors.cells)
        return mean, (count > 0).float()

    def _chosen(self, step: int) -> np.ndarray:
        def order(epoch: int) -> np.ndarray:
            return self._rng(_ORDER, epoch).permutation(len(self.rows))

        size = self.options.batch_size // self.options.views
        return self.rows[epoch_indices(len(self.rows), step, size, order)]

    def _rng(self, purpose: int, step: int, place: int = 0) -> np.random.Generator:
        """A stream of its own for every purpose, step and place in the batch."""
        return np.random.default_rng((purpose, self.options.seed, step, place))


def reading_weight(asked: Observations, variance: Tensor) -> Tensor:
    """What each reading counts: the less the larger its stated error, beside a variance (C,)."""
    known = asked.mask.float()
    return known if asked.noise is None else known / (1 + asked.noise.square() / variance)


def variance_of(observations: Observations) -> Tensor:
    """Of each variable over all points, shape (C,)."""
    values, known = observations.values, observations.mask
    count = known.sum(dim=(0, 1)).clamp(min=1)
    mean = values.sum(dim=(0, 1)) / count
    squared = (values - mean).square().masked_fill(~known, 0)
    return (squared.sum(dim=(0, 1)) / count).clamp(min=1e-12)
