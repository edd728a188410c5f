"""What a decoder is: from the latent and the points to the outputs of a flow, anywhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.decoders.unit import CorrectionUnit
from mamba_diffae.models.encoders import Encoding


class DecoderContext(NamedTuple):
    """What a decoder reads at every stage, computed once.

    Attributes:
        latent: Shape (B, latent_dim).
        points: The encoded observations, or None: the latent alone.
        lattice: The field on the prior's lattice, as the latent and the points have it, shape (B,
            P, C + 2); P = 0 where there is no prior.
        background: Normalised covariates of the whole field, shape (B, *native_shape, K); None: the
            network has none.
        prepared: What the decoder has made of them.
    """

    latent: Tensor
    points: Encoding | None
    lattice: Tensor
    background: Tensor | None
    prepared: Any


class FieldDecoder(nn.Module, ABC):
    """Outputs of a network's parameterisation at anchors and queries.

    Of a decoder that `streams`, the value of a query does not depend on other queries: contract 1.

    Args:
        config: Sizes; a decoder of one's own is given `config.decoder_options` by keyword too.

    Attributes:
        anchors: Positions of the anchors, shape (A, D); A = 0 where there are none.
        unit: In what it writes what it adds to the lattice's mean; None: in that of the values.
        token_count: Tokens that may be modulated each by itself; 0: a field as a whole.
    """

    streams: ClassVar[bool]
    anchors: Tensor
    unit: CorrectionUnit | None
    token_count: int = 0

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config, self.unit = config, None

    @abstractmethod
    def prepare(
        self,
        latent: Tensor,
        points: Encoding | None,
        lattice: Tensor,
        background: Tensor | None,
    ) -> Any:
        """Everything that neither queries nor time change; see `DecoderContext`."""

    @abstractmethod
    def query_features(self, context: DecoderContext, query_coords: Tensor) -> Any:
        """Everything at the queries (B, N, D) that time does not change."""

    @abstractmethod
    def anchor_flow(
        self, context: DecoderContext, modulation: Tensor, x: Tensor, present: Tensor | None
    ) -> tuple[Any, Tensor]:
        """What queries read of the anchors, and the outputs at the anchors (B, A, outputs).

        Args:
            context: With what `prepare` made.
            modulation: Time and latent, shape (B, d_model); of a decoder with tokens also one for
                each of them, (B, T, d_model).
            x: Scaled state at the anchors, shape (B, A, C).
            present: False where an anchor's state is not known, shape (B, A); None: all known.
        """

    @abstractmethod
    def query_flow(
        self, features: Any, modulation: Tensor, x: Tensor, anchor_output: Any
    ) -> Tensor:
        """The outputs at the queries (B, N, outputs), from their scaled state (B, N, C)."""
