"""What several tests of fields in training share."""

from dataclasses import fields

import numpy as np
import torch

from mamba_diffae.fields import FieldData, Geometry, Observations
from mamba_diffae.priors import AnaloguePrior, NoPrior, PriorConfig, PriorPosterior
from mamba_diffae.training.data.batches import TrainingBatch


def geometry(data: FieldData) -> Geometry:
    """Of the region of fields in inside coordinates."""
    extent = tuple(axis.span for axis in data.grid.axes)
    return Geometry(extent=extent, periodic=data.grid.periodic)


def no_prior(data: FieldData) -> NoPrior:
    shape, variables = data.grid.lattice_shape(144), data.n_variables
    return NoPrior(PriorConfig(geometry=geometry(data), shape=shape, value_dim=variables))


def prior_of(data: FieldData) -> AnaloguePrior:
    config = no_prior(data).config
    prior = AnaloguePrior(
        PriorConfig(geometry=config.geometry, shape=(6, 6), value_dim=2, exemplars=len(data))
    )
    prior.fit(data)
    return prior


def tensors(batch: TrainingBatch) -> dict[str, torch.Tensor]:
    found = {}
    for part in fields(batch):
        value = getattr(batch, part.name)
        if isinstance(value, Observations | PriorPosterior):
            inner = {f"{part.name}.{f.name}": getattr(value, f.name) for f in fields(value)}
            found |= {name: tensor for name, tensor in inner.items() if tensor is not None}
        else:
            found[part.name] = value
    return found


def same(a: TrainingBatch, b: TrainingBatch) -> bool:
    ours, theirs = tensors(a), tensors(b)
    return ours.keys() == theirs.keys() and all(ours[k].equal(theirs[k]) for k in ours)


def cell(coords: torch.Tensor, size: int) -> np.ndarray:
    """Index of the cell of a square lattice that holds each place, the last axis fastest."""
    row, column = (coords * size).long().unbind(-1)
    return (row * size + column).numpy()
