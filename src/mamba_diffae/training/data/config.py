"""What a training step observes and asks: the settings."""

from __future__ import annotations

from typing import Annotated, Self, final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

from mamba_diffae.fields import LATTICE_LIMIT, PATTERNS, FieldData, Grid, ShapeError, ValuesError
from mamba_diffae.registry import unknown

Fraction = Annotated[float, Field(gt=0, le=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]

BOXES = "boxes"
"""Averages over boxes of several sizes, anywhere; the other patterns are those of `observe`."""
MIXTURE = {
    "random": 0.7,
    "scattered": 0.1,
    BOXES: 0.06,
    "clusters": 0.04,
    "track": 0.04,
    "block": 0.03,
    "stripes": 0.03,
}


@final
class DataConfig(BaseModel):
    """What a step observes and asks.

    Attributes:
        queries: Native cells that are asked, in each field.
        fractions: Least and largest fraction of the observed lattice, log-uniform between them.
        p_sparse: Probability that a step observes less: from one point up, log-uniform.
        patterns: Weight of each way in which observations lie; `{"random": 1}`: random cells only.
        p_noise: Probability that a step's observations have errors of a known deviation.
        p_variables: Probability that a step lacks variables: everywhere, or at some points.
        foreign_share: Share of foreign fields in a batch, see `ForeignFields`; there are none where
            the prior knows no familiarity.
        reuse: Steps that learn from one set of observations, each at other queries: conditioning
            the prior costs more than a step of a small network.
        observed_shape: Of the lattice whose cells are observed; None: that of `observe`.
        exemplars: Training fields that the prior of an autoencoder keeps, at most; 0: no prior.
        mirrored: Whether fields mirrored along the last axis are as good; None: as the data say.
        layout: Places of sensors, inside coordinates: steps observe some or all of them, and
            nothing else. None: anywhere. `fit(layout=)` takes them in the units of the axes.
        encodings: Latents of each training field that phase "latent" learns from, each from other
            cells; every second one is of the mirrored field, if `mirrored`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    queries: int = Field(384, ge=1)
    fractions: tuple[Fraction, Fraction] = (0.02, 0.6)
    p_sparse: Probability = 0.1
    patterns: dict[str, Weight] = Field(default_factory=lambda: dict(MIXTURE))
    p_noise: Probability = 0.1
    p_variables: Probability = 0.1
    foreign_share: Probability = 0.125
    reuse: PositiveInt = 1
    observed_shape: tuple[PositiveInt, ...] | None = None
    exemplars: int = Field(4096, ge=0)
    mirrored: bool | None = None
    layout: tuple[tuple[float, ...], ...] | None = Field(None, min_length=1)
    encodings: int = Field(4, ge=1)

    @field_validator("fractions")
    @classmethod
    def _ascending(cls, fractions: tuple[float, float]) -> tuple[float, float]:
        if fractions[0] > fractions[1]:
            raise ValueError("the least fraction comes first")
        return fractions

    @field_validator("patterns")
    @classmethod
    def _known(cls, patterns: dict[str, float]) -> dict[str, float]:
        for name in patterns:
            if name not in (*PATTERNS, BOXES):
                raise unknown("pattern", name, (*PATTERNS, BOXES))
        if not sum(patterns.values()) > 0:
            raise ValueError("no pattern has a weight above 0; give one, such as {random: 1}")
        return patterns

    def for_data(self, data: FieldData) -> Self:
        """The same with what the data decide: `observed_shape` and `mirrored`.

        Raises:
            ShapeError: If the observed lattice is finer than the fields, or of other axes.
            ValuesError: If mirrored fields are asked of a grid that is not its own mirror image.
        """
        shape = self.observed_shape or data.grid.lattice_shape(LATTICE_LIMIT)
        fits = len(shape) == data.grid.dim and all(np.less_equal(shape, data.shape))
        if not fits:
            raise ShapeError(
                f"data.observed_shape is {' × '.join(map(str, shape))}, but the fields have "
                f"{data.grid.describe_shape()} cells ({', '.join(data.grid.names)}); set it to at "
                "most so many along each axis, or give finer fields."
            )
        if self.mirrored and self.layout is not None:
            raise ValuesError(
                "data.mirrored is true, but the sensors of a layout stay where they are; leave it "
                "out, or the layout."
            )
        symmetric = is_symmetric(data.grid) and self.layout is None
        if self.mirrored and not symmetric:
            raise ValuesError(
                "data.mirrored is true, but the grid is no mirror image of itself along "
                f"{data.grid.names[-1]}: its cells are of several widths there, or some lack their "
                "counterpart; set data.mirrored to false."
            )
        mirrored = symmetric and (data.mirrored if self.mirrored is None else self.mirrored)
        return self.model_copy(update={"observed_shape": tuple(shape), "mirrored": mirrored})


def is_symmetric(grid: Grid) -> bool:
    """Whether a grid is its own mirror image along the last axis: cells, areas and mask."""
    last = grid.axes[-1]
    alike = np.allclose(last.measures, last.measures[::-1], rtol=1e-6)
    return last.regular_cells and alike and bool((grid.exists == grid.exists[..., ::-1]).all())
