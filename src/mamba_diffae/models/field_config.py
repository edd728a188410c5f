"""What every network is told of the fields it serves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from mamba_diffae.fields import Geometry, Shape
from mamba_diffae.models.measured import TrainingFields, root_mean_square
from mamba_diffae.models.presets import build_config
from mamba_diffae.nn.scan_order import check_directions, usable_directions
from mamba_diffae.priors import PRIORS

FOLLOWS = ("geometry", "native_shape", "value_dim", "covariate_dim")
"""Fields of a config that follow from the data alone."""


class FieldConfig(BaseModel):
    """What every network is told of the fields it serves.

    Attributes:
        geometry: Extents of the axes, inside, and which of them close.
        native_shape: Cells of the training fields along each axis.
        observed_shape: Cells of the lattice that is observed by default.
        value_dim: C, variables.
        covariate_dim: K, covariates: quantities that are known everywhere.
        max_frequency: Native Nyquist frequency along each axis, in waves over the unit length.
        sigma: Root mean square of the scaled values.
        noise_shapes: Cells of each of the lattices that carry x_0.
        length_scale: Unit of distance between points; one observed cell of the default task.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    geometry: Geometry = Geometry.unit(2)
    native_shape: tuple[PositiveInt, ...] = (96, 96)
    observed_shape: tuple[PositiveInt, ...] = (32, 32)
    value_dim: int = Field(3, ge=1)
    covariate_dim: int = Field(0, ge=0)
    max_frequency: tuple[float, ...] = (48.0, 48.0)
    sigma: float = Field(1.0, gt=0)
    noise_shapes: tuple[tuple[PositiveInt, ...], ...] = Field(((32, 32),), min_length=1)
    length_scale: float = Field(1 / 32, gt=0)
    fourier_features: int = Field(64, ge=2, multiple_of=2)
    d_model: int = Field(128, ge=8)

    @model_validator(mode="after")
    def _same_dimension(self) -> Self:
        single = (self.native_shape, self.observed_shape, self.max_frequency)
        lengths = {len(part) for part in (*single, *self.noise_shapes)}
        if lengths != {self.geometry.dim}:
            raise ValueError(
                f"the geometry has {self.geometry.dim} axes, but shapes of {sorted(lengths)} axes "
                "were given"
            )
        return self

    @property
    def coord_dim(self) -> int:
        """Axes, D."""
        return self.geometry.dim

    @classmethod
    def for_data(
        cls,
        data: TrainingFields,
        geometry: Geometry,
        observed_shape: Shape,
        fields: Mapping[str, Any],
        *,
        exemplars: int = 0,
        mirrored: bool = False,
    ) -> Self:
        """A config for fields.

        Args:
            data: Inside coordinates, scaled values; what is measured is the training split.
            geometry: Of their region.
            observed_shape: Of the lattice that is observed.
            fields: Sizes and choices; they come before what the data say.
            exemplars: Training fields that a prior keeps, at most.
            mirrored: Whether mirrored fields are as good.

        Raises:
            ValueError: If a field is unknown (with the nearest name), or a value does not fit.
        """
        # Who wants no prior, or none that keeps fields, is not given codes that learn from them.
        prior = fields.get("prior")
        keeps = prior is None or PRIORS.get(prior).keeps_fields
        wanted = fields.get("exemplars") if keeps else 0
        kept = min(exemplars, wanted) if isinstance(wanted, int) else exemplars
        said = cls._said(data, geometry, observed_shape, exemplars=kept, mirrored=mirrored)
        if "directions" in cls.model_fields:
            default = cls.model_fields["directions"].default
            wanted = tuple(fields.get("directions", default))
            check_directions(wanted, max(2, geometry.dim))
            said["directions"] = usable_directions(wanted, geometry.dim) if wanted else ()
        chosen = {**fields, **said, **_given(fields, said)}
        return build_config(cls, cls._completed(chosen), cls.__name__)

    @classmethod
    def _completed(cls, chosen: dict[str, Any]) -> dict[str, Any]:
        """What follows from choices that are made."""
        return chosen

    @classmethod
    def _said(
        cls,
        data: TrainingFields,
        geometry: Geometry,
        observed_shape: Shape,
        *,
        exemplars: int,
        mirrored: bool,
    ) -> dict[str, Any]:
        """What the data say of a network."""
        cells = zip(geometry.extent, observed_shape, strict=True)
        return {
            "geometry": geometry,
            "native_shape": data.shape,
            "observed_shape": observed_shape,
            "value_dim": data.n_variables,
            "covariate_dim": data.n_covariates,
            "max_frequency": tuple(
                1 / (2 * float(np.median(axis.widths))) for axis in data.grid.axes
            ),
            "sigma": root_mean_square(data),
            "noise_shapes": (observed_shape,),
            "length_scale": math.exp(np.mean([math.log(a / n) for a, n in cells])),
        }


def _given(fields: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What a user set, where it does not follow from the data alone."""
    return {k: v for k, v in fields.items() if k in said and k not in (*FOLLOWS, "directions")}
