"""What a network is made of. A config and its weights are all that a checkpoint needs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from mamba_diffae.nn.mamba import StepKind

Context = Literal["none", "latent", "latent+points"]
CONTEXTS: tuple[Context, ...] = ("none", "latent", "latent+points")
"""What a decoder may read, each more than the one before; the place of each is its level."""


class FieldConfig(BaseModel):
    """What every network is told of the field it serves.

    Attributes:
        coord_dim: D, axes of a coordinate.
        value_dim: C, channels of a value.
        band: Native Nyquist frequency in waves over the unit length: half the native pixels a side.
        sigma: Root mean square of the scaled values.
        noise_cells: Cells a side of each of the lattices that carry x_0.
        gap: Unit of distance between points; one observed cell of the default task.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    coord_dim: int = Field(2, ge=1, le=4)
    value_dim: int = Field(3, ge=1)
    band: float = Field(48.0, gt=0)
    sigma: float = Field(1.0, gt=0)
    noise_cells: tuple[PositiveInt, ...] = Field((32,), min_length=1)
    gap: float = Field(1 / 32, gt=0)
    fourier_features: int = Field(64, ge=2, multiple_of=2)
    d_model: int = Field(128, ge=8)


class BaselineConfig(FieldConfig):
    """`MambaDiffusion`, `MinimalLatentMamba`; ("none",) is the original, four names the other."""

    blocks: int = Field(6, ge=1)
    d_state: int = Field(16, ge=1)
    directions: tuple[str, ...] = Field(("none",), min_length=1)
    bottleneck: int = Field(256, ge=1, description="Width of MinimalLatentMamba's bottleneck.")


class AutoencoderConfig(FieldConfig):
    """`MambaDiffusionAutoencoder`."""

    latent_dim: int = Field(512, ge=1)
    d_state: int = Field(16, ge=1, le=256)
    encoder_blocks: int = Field(6, ge=0)
    decoder_blocks: int = Field(6, ge=0)
    directions: tuple[str, ...] = Field(
        ("row", "row_reversed", "column", "column_reversed"), min_length=1
    )
    step: StepKind = "distance"
    velocity: Literal["gaussian", "preconditioned"] = "gaussian"
    pooling: Literal["attention", "mean"] = "attention"
    decoder: Literal["anchored", "scan"] = "anchored"
    tokens: int = Field(16, ge=1, description="Tokens of the anchored decoder, a side.")
    patch: int = Field(2, ge=1, description="Anchors of a token, a side.")
    exemplars: int = Field(0, ge=0, description="Training fields kept for the prior; 0: no prior.")
    prior_cells: int = Field(32, ge=1, description="Cells of the prior's lattice, a side.")
    mirrored: bool = Field(False, description="Whether mirror images of exemplars count as well.")
    neighbours: int = Field(12, ge=2, description="Observations that a query reads.")
    message: int = Field(64, ge=8, multiple_of=4, description="Width of what a neighbour sends.")
    head: tuple[PositiveInt, ...] = Field(
        (256, 256), min_length=1, description="Hidden widths of the read-out."
    )

    @property
    def anchors(self) -> int:
        """Anchors a side."""
        return self.tokens * self.patch

    @property
    def palette(self) -> int:
        """Numbers at the end of a latent that tell which values occur; none without a prior."""
        return self.latent_dim // 4 if self.exemplars else 0

    @property
    def layout(self) -> int:
        """Numbers of a latent that the decoder reads, from which the field comes."""
        return self.latent_dim - self.palette


class LatentPriorConfig(BaseModel):
    """`LatentPrior`.

    Attributes:
        latent_dim: Of the autoencoder.
        width: Of the hidden layers.
        blocks: Hidden layers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    latent_dim: int = Field(512, ge=1)
    width: int = Field(192, ge=8)
    blocks: int = Field(4, ge=1)
