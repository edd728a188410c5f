"""What a network is made of. A config and its weights are all that a checkpoint needs."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from mamba_diffae.fields import Geometry, Shape
from mamba_diffae.flow import octaves
from mamba_diffae.models.field_config import FieldConfig
from mamba_diffae.models.measured import TrainingFields
from mamba_diffae.models.shapes import distribute, dividing, thinned_patch
from mamba_diffae.nn.convolution import MOST_AXES
from mamba_diffae.nn.mamba import StepKind
from mamba_diffae.nn.scan_order import usable_directions
from mamba_diffae.priors import PRIORS, PriorConfig

DecoderInputs = Literal["none", "latent", "latent+points"]
DECODER_INPUTS: tuple[DecoderInputs, ...] = ("none", "latent", "latent+points")
"""What a decoder may read, each more than the one before; the place of each is its level."""

LATTICE_VALUES = 4096
"""Values of a field on the prior's lattice, at most: its covariance is a square of so many."""
DEFAULT_PRIOR = "mixture"
"""Prior of an autoencoder whose training fields are of two groups or more."""
CONVOLUTIONAL = "convolutional"
"""Decoder of an autoencoder with a prior."""
CODES = ("pca", "histogram")
"""Parts of a latent that are known in closed form where there is a prior."""


class BaselineConfig(FieldConfig):
    """`MambaDiffusion` and `MinimalLatentMamba`.

    `directions=("none",)` scans points in input order (the original); four sweep names give the
    multi-directional variant.
    """

    blocks: int = Field(6, ge=1)
    d_state: int = Field(16, ge=1)
    directions: tuple[str, ...] = Field(("none",), min_length=1)
    bottleneck: int = Field(256, ge=1, description="Width of MinimalLatentMamba's bottleneck.")


class AutoencoderConfig(FieldConfig):
    """`MambaDiffusionAutoencoder`; encoder, decoder, prior and codes by their registered names."""

    latent_dim: int = Field(512, ge=1)
    d_state: int = Field(16, ge=1, le=256)
    encoder: str = "mamba"
    encoder_options: dict[str, Any] = Field(default_factory=dict)
    encoder_blocks: int = Field(6, ge=0)
    decoder: str = "anchored"
    decoder_options: dict[str, Any] = Field(default_factory=dict)
    decoder_blocks: int = Field(6, ge=0)
    directions: tuple[str, ...] = Field(
        ("row", "row_reversed", "column", "column_reversed"), min_length=1
    )
    step: StepKind = "distance"
    velocity: Literal["gaussian", "preconditioned"] = "gaussian"
    pooling: Literal["attention", "mean"] = "attention"
    tokens: int = Field(16, ge=1, description="Tokens along each axis of a square field.")
    patch: int = Field(2, ge=1, description="Anchors of a token along each axis, at most.")
    prior: str = "none"
    prior_options: dict[str, Any] = Field(default_factory=dict)
    prior_shape: tuple[PositiveInt, ...] = (32, 32)
    exemplars: int = Field(0, ge=0, description="Training fields kept for the prior.")
    mirrored: bool = Field(False, description="Whether mirrored exemplars count as well.")
    codes: tuple[str, ...] = Field((), description="Parts of the latent in closed form.")
    neighbours: int = Field(12, ge=2, description="Observations that a query reads.")
    message: int = Field(64, ge=8, multiple_of=4, description="Width of what a neighbour sends.")
    head: tuple[PositiveInt, ...] = Field(
        (256, 256), min_length=1, description="Hidden widths of the anchored decoder's read-out."
    )
    channels: int = Field(16, ge=1, description="Channels of the convolutional decoder.")
    conv_blocks: int = Field(4, ge=0, description="Its residual convolutions.")
    conv_cells: int = Field(
        48, ge=1, description="Cells that it convolves along each axis of a square field, at most."
    )
    noise_dim: int = Field(
        0, ge=0, description="Numbers of noise of a token in the decoder of draws; 0: no such."
    )

    @model_validator(mode="after")
    def _prior_fits(self) -> Self:
        if self.prior != "none" and len(self.prior_shape) != self.geometry.dim:
            raise ValueError(
                f"the geometry has {self.geometry.dim} axes, but prior_shape is {self.prior_shape}"
            )
        if self.codes and self.prior == "none":
            raise ValueError(
                f"the codes {', '.join(self.codes)} are of a prior's reconstruction, but there is "
                "no prior; give codes=() or a prior"
            )
        if self.codes and self.prior in PRIORS.names() and not PRIORS.get(self.prior).keeps_fields:
            raise ValueError(
                f"the codes {', '.join(self.codes)} learn from fields that a prior keeps, but the "
                f"prior {self.prior!r} keeps none; give codes=() or another prior"
            )
        return self

    @model_validator(mode="after")
    def _decoder_fits(self) -> Self:
        if self.decoder != CONVOLUTIONAL:
            return self
        if self.prior == "none" or self.geometry.dim > MOST_AXES:
            raise ValueError(
                f"the decoder {CONVOLUTIONAL!r} starts from a prior and convolves at most "
                f"{MOST_AXES} axes, but the prior is {self.prior!r} and there are "
                f"{self.geometry.dim} axes; give another prior or decoder='anchored'"
            )
        return self

    @property
    def token_shape(self) -> Shape:
        """Tokens of a decoder along each axis: about as many in all as on a square.

        As many as divide the native cells evenly, if a number near the wanted one does: then
        anchors are native cells.
        """
        wanted = distribute(self.tokens**2, self.geometry.extent, self.native_shape)
        pairs = zip(self.native_shape, wanted, strict=True)
        return tuple(dividing(n, tokens, self.patch) for n, tokens in pairs)

    @property
    def patch_shape(self) -> Shape:
        """Anchors of a token along each axis: anchors finer than native cells have no truth."""
        pairs = zip(self.native_shape, self.token_shape, strict=True)
        return tuple(min(self.patch, max(1, n // tokens)) for n, tokens in pairs)

    @property
    def convolved_patch(self) -> tuple[Shape, Shape]:
        """Cells that are convolved of each token along each axis, and anchors of each of those.

        As many as are allowed in all: the anchors themselves if they are few.
        """
        inner = thinned_patch(self.patch_shape, self.token_shape, self.conv_cells**2)
        return inner, tuple(p // n for p, n in zip(self.patch_shape, inner, strict=True))

    @property
    def anchor_shape(self) -> Shape:
        """Anchors along each axis."""
        return tuple(t * p for t, p in zip(self.token_shape, self.patch_shape, strict=True))

    @property
    def prior_config(self) -> PriorConfig:
        """Of the prior."""
        return PriorConfig(
            geometry=self.geometry,
            shape=self.prior_shape,
            value_dim=self.value_dim,
            exemplars=self.exemplars,
            mirrored=self.mirrored,
        )

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
        """See `FieldConfig._said`; exemplars need two groups, or a field is its own best guess."""
        options = {"exemplars": exemplars, "mirrored": mirrored}
        said = super()._said(data, geometry, observed_shape, **options)
        train = data.groups[data.splits == "train"]
        kept = min(exemplars, len(train)) if len(np.unique(train)) > 1 else 0
        # The cells that are observed, so that each observation has a cell of its own, if they fit.
        most = LATTICE_VALUES // data.n_variables
        fits = math.prod(observed_shape) <= most
        lattice = observed_shape if fits else data.grid.lattice_shape(most)
        return said | {
            "noise_shapes": octaves(data.shape),
            "exemplars": kept,
            "mirrored": mirrored,
            "prior": DEFAULT_PRIOR if kept else "kriging" if exemplars else "none",
            "prior_shape": lattice,
            "codes": CODES if kept else (),
        }

    @classmethod
    def _completed(cls, chosen: dict[str, Any]) -> dict[str, Any]:
        """See `FieldConfig._completed`.

        With a prior a decoder that starts from it. No scan over the observations, which was better
        in no question that was asked (studies/scan), unless something of the scan is set.
        """
        starts, dim = chosen["prior"] != "none", chosen["geometry"].dim
        fits = starts and dim <= MOST_AXES
        usual = usable_directions(cls.model_fields["directions"].default, dim)
        scans = chosen["directions"] != usual or {"step", "encoder_options"} & chosen.keys()
        parts = {
            "encoder": "mamba" if scans else "pointwise",
            "decoder": CONVOLUTIONAL if fits else "anchored",
        }
        return {**parts, **chosen}


class LatentFlowConfig(BaseModel):
    """`LatentFlow`.

    Attributes:
        latent_dim: Of the autoencoder.
        width: Of the hidden layers.
        blocks: Hidden layers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    latent_dim: int = Field(512, ge=1)
    width: int = Field(192, ge=8)
    blocks: int = Field(4, ge=1)
