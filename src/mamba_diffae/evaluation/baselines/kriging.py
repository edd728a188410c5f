"""Kriging: the most likely of the Matérn kernels, with a nugget, lengths for each axis, a trend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.evaluation.baselines.per_field import Estimate, PerField, Samples
from mamba_diffae.evaluation.baselines.space import Places, Space
from mamba_diffae.fields import FieldData, Geometry
from mamba_diffae.priors.kriging import (
    JITTER,
    SAME_PLACE,
    Boxes,
    Choice,
    Family,
    Readings,
    Sample,
    best_variance,
    condition,
    learn,
    merge,
    moments_of,
    own_family,
    samples_of_fields,
)

_LATTICE = 1024
"""Cells of the lattice on which training fields are looked at, at most."""
_FIELDS = 64
"""Training fields that are looked at, at most."""


class Part(NamedTuple):
    """Variables of a field that were observed at the same places, with errors of one size.

    Attributes:
        readings: Each variable a column, minus `middle`, in units of `scale`.
        middle: Of each variable, shape (V,): a large offset costs no digits.
        scale: Of each variable, shape (V,), positive.
    """

    readings: Readings
    middle: np.ndarray
    scale: np.ndarray


class Weighted(NamedTuple):
    """A law, and its variance and weight for each variable, shape (V,)."""

    choice: Choice
    variance: Tensor
    weight: Tensor


@final
class Kriging(PerField):
    """Ordinary kriging: a constant unknown mean, and a stationary Gaussian around it.

    The kernel is a Matérn one of order 1/2, 1, 3/2 or 5/2 with a nugget and a length for each axis.
    Unfitted, each field has its own most likely ones; after `fit`, those candidates are tried that
    are likely in the training fields, weighted by how often. Variables are divided by their
    deviation, over the training fields or, unfitted, over the observations of the field; each has
    its own kernel and variance. Errors of a stated size take the place of the nugget, and 0 makes a
    value exact. Repeats at one place become their average. Groups of noise are not told apart.

    Up to `priors.kriging.EXACT` observations one system is solved; of more, each target is kriged
    from its neighbourhood.

    The standard deviation includes what the unknown mean adds and the nugget, not the uncertainty
    of kernel and variance. Of a cell wider than the observed ones it is the mean over its parts, an
    upper bound.

    Args:
        with_std: Whether to compute the standard deviation, which takes longer than the mean.

    Reference:
        Cressie (1993), Statistics for Spatial Data, chapter 3, in particular section 3.2.
    """

    name: ClassVar[str] = "kriging"

    def __init__(self, with_std: bool = True) -> None:
        super().__init__()
        self.with_std = with_std
        self._family: Family | None = None

    def fit(self, data: FieldData) -> Self:
        """See `PerField.fit`; also which kernels, lengths and nuggets occur."""
        super().fit(data)
        assert self._space is not None
        assert self._usual is not None
        self._family = _family(data, self._space, self._usual.deviation)
        return self

    def estimate(
        self, samples: Sequence[Samples], targets: Places, deviation: np.ndarray | None
    ) -> list[Estimate]:
        """See `PerField.estimate`."""
        geometry = targets.geometry
        parts = [_parts(sample, deviation, geometry) for sample in samples]
        boxes = Boxes.of(torch.from_numpy(targets.flat), geometry)
        return [_join([self._estimate(part, boxes, geometry) for part in field]) for field in parts]

    def _laws(self, sample: Sample, geometry: Geometry) -> list[Weighted]:
        """The probable laws of each variable, with variances and weights."""
        family = self._family or own_family(sample, geometry)
        weighed = family.weigh(sample, geometry)
        few = Sample([part.thinned(_LATTICE) for part in sample.parts], sample.fields)
        return [Weighted(c, self._variance(c, few, geometry), w) for c, w in weighed]

    def _variance(self, choice: Choice, sample: Sample, geometry: Geometry) -> Tensor:
        own = torch.ones(sample.fields, dtype=torch.float64)
        if choice.variance is not None:
            return own * choice.variance
        own = best_variance(choice.law, sample, geometry) if sample.freedom else own
        if self._family is not None:
            return self._family.variance(own, sample.freedom)
        # Equal values are no proof that the field is constant: one look at a variance of 1 counts.
        return torch.where(sample.told, own, 1.0 / (1.0 + sample.freedom))

    def _estimate(self, part: Part, boxes: Boxes, geometry: Geometry) -> Estimate:
        laws = self._laws(Sample([part.readings], part.readings.values.shape[1]), geometry)
        found = [self._moments(part, law, boxes, geometry) for law in laws]
        weight = torch.stack([law.weight for law in laws])[:, None]
        means = torch.stack([mean for mean, _ in found])
        mean = (weight * means).sum(dim=0)
        values = part.middle + part.scale * mean.numpy()
        lefts = [left for _, left in found if left is not None]
        if not lefts:
            return Estimate(values)
        total = (weight * (torch.stack(lefts) + (means - mean).square())).sum(dim=0)
        return Estimate(values, total.sqrt().numpy() * part.scale)

    def _moments(
        self, part: Part, law: Weighted, boxes: Boxes, geometry: Geometry
    ) -> tuple[Tensor, Tensor | None]:
        """Mean and variance (n, V) at targets under one law."""
        fixed = law.choice.variance
        moments = moments_of(law.choice.law, geometry, 1.0 if fixed is None else fixed)
        mean, left = condition(moments, part.readings, boxes, self.with_std)
        if left is not None:
            # Without stated errors all of it is proportional to the field's variance.
            left = left * (law.variance if fixed is None else torch.ones_like(law.variance))
        if part.readings.noise is None:
            if left is not None:
                left += law.variance * law.choice.law.nugget
            same = _reproduce(part.readings, boxes, mean)
            if left is not None:
                left[same] = law.variance * JITTER
        return mean, left


def _reproduce(readings: Readings, targets: Boxes, mean: Tensor) -> Tensor:
    """Put what was read at targets that are observed places, in place; which they are (n,), bool.

    So it is if the nugget is variation of the field between the places, as of averages over cells:
    the covariance of a target with the reading at its place is then 1 plus the nugget.
    """
    from scipy.spatial import KDTree

    places, asked = (boxes.nodes[:, 0].numpy() for boxes in (readings.boxes, targets))
    distance, index = KDTree(places).query(asked)
    same = torch.from_numpy(distance <= SAME_PLACE * max(1.0, float(np.abs(places).max())))
    mean[same] = readings.values[torch.from_numpy(index)[same]]
    return same


def _parts(sample: Samples, deviation: np.ndarray | None, geometry: Geometry) -> list[Part]:
    """One part of all variables; where the size of errors is stated, one of each variable."""
    columns = np.arange(sample.values.shape[1])
    split = [columns] if sample.noise is None else np.split(columns, len(columns))
    return [_part(sample, part, deviation, geometry) for part in split]


def _part(
    sample: Samples, columns: np.ndarray, deviation: np.ndarray | None, geometry: Geometry
) -> Part:
    values, noise, count = sample.values[:, columns], None, len(sample.values)
    middle, scale = values.mean(axis=0), _scale(values)
    if deviation is not None:
        scale = deviation[sample.variables[columns]]
    if sample.noise is not None:
        noise = torch.from_numpy(np.square(sample.noise[:, columns[0]] / scale[0]))
    repeats = np.ones(count) if sample.repeats is None else sample.repeats
    readings = Readings(
        Boxes.of(torch.from_numpy(sample.places.flat), geometry),
        torch.from_numpy((values - middle) / scale),
        torch.zeros(count, dtype=torch.int64),
        torch.from_numpy(repeats),
        noise,
    )
    keys = torch.from_numpy(sample.places.embedded)
    return Part(merge(readings, keys, geometry.diameter), middle, scale)


def _join(found: Sequence[Estimate]) -> Estimate:
    stds = [part.std for part in found if part.std is not None]
    mean = np.concatenate([part.mean for part in found], axis=1)
    return Estimate(mean, np.concatenate(stds, axis=1) if stds else None)


def _scale(values: np.ndarray) -> np.ndarray:
    """Deviation of each variable, shape (V,); 1 where all values are equal."""
    own = values.std(axis=0)
    return np.where(own > 1e-12 * np.abs(values).max(axis=0), own, 1)


def _family(data: FieldData, space: Space, deviation: np.ndarray) -> Family:
    """What training fields say of kernels, seen at the shape at which fields are observed."""
    rows = np.sort(np.random.default_rng(0).permutation(len(data))[:_FIELDS])
    shape = data.grid.lattice_shape(_LATTICE)
    seen = data.take(rows).at(data.grid.regrid(shape))
    values, known = (_flat(part) for part in (seen.values / deviation, seen.valid_mask()))
    coords = torch.from_numpy(space.places(seen.grid.centres()).flat)
    return learn(samples_of_fields(coords, values, known, space.geometry), space.geometry)


def _flat(array: np.ndarray) -> Tensor:
    """(S, *shape, C) to (S, P, C); numbers in double precision."""
    flat = array.reshape(len(array), -1, array.shape[-1])
    return torch.from_numpy(flat.copy() if flat.dtype == bool else flat.astype(np.float64))
