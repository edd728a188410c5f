"""The decoder of draws: one evaluation, noise in, a whole field out.

A draw of the prior takes the place of its mean, and a decoder modulated by noise writes the field
that it stands for. Noise belongs to tokens and to whole fields, none is added to values. So one key
is one function of the coordinate, whatever else is asked: see docs/concepts.md, eq. (47).
"""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from mamba_diffae.flow import fold, normals
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.decoders import DECODERS, DecoderContext
from mamba_diffae.models.decoders.base import FieldDecoder
from mamba_diffae.models.decoders.lattice import LatticeResampling
from mamba_diffae.models.decoders.readout import StageModulation, zero_linear

_OF_FIELD, _OF_TOKEN = 1, 2
"""What a key's numbers are for."""
NOISE_RATE = 0.25
"""Learning rate of the noise's layers beside that of all others, under an optimiser that scales
each gradient: faster, and they collapse to 0 before the network can use them."""


class Member(NamedTuple):
    """One draw of B fields, before any query.

    Attributes:
        context: What the decoder reads, with the prior's draw in place of its mean.
        modulation: Latent and noise of the whole field, shape (B, d_model).
        of_tokens: The same with the noise of each token, shape (B, T, d_model); T = 1 for a decoder
            without tokens.
        anomaly: The prior's draw around its mean, at the anchors, shape (B, A, C).
    """

    context: DecoderContext
    modulation: Tensor
    of_tokens: Tensor
    anomaly: Tensor


@final
class EnsembleDecoder(nn.Module):
    """A decoder of its own that writes draws.

    It begins as the decoder of the mean, on which noise has no effect.

    Args:
        config: Sizes; `noise_dim` numbers of noise for each token and for each field.
        decoded_dim: Numbers at the start of a latent that count.

    Reference:
        Shao et al. (2025), Continuous visual autoregressive generation via score maximization,
        arXiv 2505.07812; Alet et al. (2025), Skillful joint probabilistic weather forecasting from
        marginals, arXiv 2506.10772.
    """

    fitted: Tensor

    def __init__(self, config: AutoencoderConfig, decoded_dim: int) -> None:
        super().__init__()
        self.config, self.C = config, config.value_dim
        self.stage = StageModulation(config, decoded_dim)
        self.decoder: FieldDecoder = DECODERS.make(config.decoder, config, **config.decoder_options)
        self.of_field = zero_linear(config.noise_dim, config.d_model)
        self.of_token = zero_linear(config.noise_dim, config.d_model)
        anchored = config.prior != "none" and len(self.decoder.anchors)
        self.resample = LatticeResampling(config, config.anchor_shape) if anchored else None
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))

    def start_from(self, stage: StageModulation, decoder: FieldDecoder) -> None:
        """Begin as the decoder of the mean; noise has no effect yet."""
        self.stage.load_state_dict(stage.state_dict())
        self.decoder.load_state_dict(decoder.state_dict())
        for layer in (self.of_field, self.of_token):
            nn.init.zeros_(layer.weight)
        self.fitted.fill_(True)

    def member(self, context: DecoderContext, lattice: Tensor, keys: Tensor) -> Member:
        """A draw of B fields.

        Args:
            context: Of the mean, with latent, points and lattice.
            lattice: The prior's draw around its mean, shape (B, P, C); P = 0 without a prior, 0
                where nothing of the prior is read.
            keys: One for each field, shape (B,), int64.
        """
        moved = context.lattice
        if moved.shape[1]:
            extra = moved.shape[-1] - lattice.shape[-1]
            moved = moved + nn.functional.pad(lattice, (0, extra))
        prepared = self.decoder.prepare(context.latent, context.points, moved)
        drawn = DecoderContext(context.latent, context.points, moved, prepared)
        t = lattice.new_zeros(len(keys))
        whole = self.of_field(self._noise(fold(keys, _OF_FIELD)))
        modulation = self.stage(t, context.latent) + NOISE_RATE * whole
        tokens = torch.arange(max(1, self.decoder.token_count), device=keys.device)
        each = self.of_token(self._noise(fold(fold(keys, _OF_TOKEN)[:, None], tokens)))
        of_tokens = modulation[:, None] + NOISE_RATE * each
        if self.resample is None:
            count = len(self.decoder.anchors)
            return Member(drawn, modulation, of_tokens, lattice.new_zeros(len(keys), count, self.C))
        return Member(drawn, modulation, of_tokens, self.resample(lattice))

    def anchors(self, member: Member) -> tuple[object, Tensor]:
        """What queries read of the anchors, and the draw there, shape (B, A, C)."""
        modulation = member.of_tokens if self.decoder.token_count else member.of_tokens[:, 0]
        output, outputs = self.decoder.anchor_flow(member.context, modulation, member.anomaly, None)
        return output, self._values(outputs)

    def queries(self, member: Member, coords: Tensor, output: object) -> Tensor:
        """The draw at queries (B, N, D), shape (B, N, C).

        Args:
            member: From `member`.
            coords: Shape (B, N, D).
            output: From `anchors`.
        """
        features = self.decoder.query_features(member.context, coords)
        nothing = coords.new_zeros(*coords.shape[:-1], self.C)
        return self._values(self.decoder.query_flow(features, member.modulation, nothing, output))

    def _values(self, outputs: Tensor) -> Tensor:
        return self.config.sigma * outputs[..., : self.C]

    def _noise(self, keys: Tensor) -> Tensor:
        return normals(keys, self.config.noise_dim)
