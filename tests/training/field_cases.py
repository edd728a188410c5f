"""What several tests of fields in training share."""

from mamba_diffae.fields import FieldData, Geometry
from mamba_diffae.priors import NoPrior, PriorConfig


def geometry(data: FieldData) -> Geometry:
    """Of the region of fields in inside coordinates."""
    extent = tuple(axis.span for axis in data.grid.axes)
    return Geometry(extent=extent, periodic=data.grid.periodic)


def no_prior(data: FieldData) -> NoPrior:
    shape, variables = data.grid.lattice_shape(144), data.n_variables
    return NoPrior(PriorConfig(geometry=geometry(data), shape=shape, value_dim=variables))
