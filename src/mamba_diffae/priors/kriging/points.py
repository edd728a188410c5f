"""What is usual in snapshots of scattered points, none of which need be a complete field."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import Geometry, Observations
from mamba_diffae.priors.kriging.likelihood import Sample
from mamba_diffae.priors.kriging.moments import UsualMoments, correlation_between, sills_and_trend
from mamba_diffae.priors.kriging.readings import Readings
from mamba_diffae.priors.kriging.training import PLACES, SNAPSHOTS, learn


def plain_moments(observations: Observations) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each variable over all points of all snapshots, each (C,), float64.

    A variable of one value has the deviation 1.
    """
    known = observations.mask
    count = known.sum(dim=(0, 1)).clamp(min=1)
    mean = observations.values.double().sum(dim=(0, 1)) / count
    centred = (observations.values.double() - mean).masked_fill(~known, 0)
    variance = centred.square().sum(dim=(0, 1)) / count
    return mean, torch.where(variance > 0, variance.sqrt(), 1.0)


def measure_points(
    observations: Observations,
    sample_of: Callable[[Observations], Sample],
    geometry: Geometry,
) -> UsualMoments:
    """Moments and laws by the likelihood pooled over snapshots.

    Stated errors are taken into account; where none are stated the nugget holds them.

    Args:
        observations: Inside coordinates, scaled values.
        sample_of: From one snapshot to its sample, values in units of `plain_moments`.
        geometry: Of the region.
    """
    mean, scale = plain_moments(observations)
    parts = _some_snapshots(observations).fields()
    variables = [_of_variable(parts, c, sample_of) for c in range(observations.n_variables)]
    family = learn(variables, geometry)
    sill, trend = sills_and_trend(variables, family, geometry)
    known = observations.mask.double()
    centred = (observations.values.double() - mean).masked_fill(~observations.mask, 0)
    return UsualMoments(mean, scale * sill**0.5, correlation_between(centred, known), trend, family)


def _of_variable(
    parts: Sequence[Observations], c: int, sample_of: Callable[[Observations], Sample]
) -> list[Sample]:
    """Samples of one variable, from snapshots where it was observed."""
    only = torch.arange(parts[0].n_variables) == c if parts else torch.zeros(0, dtype=torch.bool)
    alone = [part.replace(mask=part.mask & only) for part in parts]
    return pooled([sample_of(part) for part in alone if bool(part.mask.any())])


def _some_snapshots(observations: Observations) -> Observations:
    """At most `SNAPSHOTS` of those that have two points, or one where none has."""
    counts = observations.counts.numpy()
    rows = np.flatnonzero(counts > (1 if (counts > 1).any() else 0))
    chosen = np.random.default_rng(0).permutation(len(rows))[:SNAPSHOTS]
    return observations[np.sort(rows[chosen])]


def pooled(samples: Sequence[Sample]) -> list[Sample]:
    """Samples of at most `PLACES` readings a part; those of the same places are made one.

    Stations that report every time so share each factorisation.
    """
    alike: dict[tuple[bytes, ...], list[Sample]] = {}
    for sample in samples:
        few = Sample([part.in_small_groups(PLACES) for part in sample.parts], sample.fields)
        alike.setdefault(tuple(_key(part) for part in few.parts), []).append(few)
    return [_joined(group) for group in alike.values()]


def _key(part: Readings) -> bytes:
    """What decides on the covariance of readings."""
    given = (part.boxes.nodes, part.boxes.weights, part.repeats, part.kind, part.noise, part.group)
    width = str(part.values.shape[1]).encode()
    return width + b"".join(b"-" if x is None else x.numpy().tobytes() for x in given)


def _joined(samples: Sequence[Sample]) -> Sample:
    """One sample of the fields of several: of each variable the columns of all fields."""
    if len(samples) == 1:
        return samples[0]
    parts = []
    for same in zip(*(sample.parts for sample in samples), strict=True):
        values = torch.stack([part.values for part in same], dim=-1).flatten(1)
        first = same[0]
        parts.append(
            Readings(first.boxes, values, first.kind, first.repeats, first.noise, first.group)
        )
    return Sample(parts, sum(sample.fields for sample in samples))
