"""The decoder of draws: one evaluation, noise in, a whole field out.

It starts from the mean of the prior, as the decoder of the mean does, and from a draw of the prior,
which is added and stands at the anchors as their state. Noise modulates its blocks. That belongs to
tokens and to whole fields, none is added to values. So one key is one function of the coordinate,
whatever else is asked: see docs/concepts.md, eq. (47).
"""

from __future__ import annotations

from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn

from mamba_diffae.flow import fold, normals
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.decoders import DECODERS, DecoderContext
from mamba_diffae.models.decoders.base import FieldDecoder
from mamba_diffae.models.decoders.lattice import LatticeResampling
from mamba_diffae.models.decoders.readout import StageModulation, zero_linear
from mamba_diffae.nn.interpolation import cubic, interpolate

_OF_FIELD, _OF_TOKEN = 1, 2
"""What a key's numbers are for."""


class Prepared(NamedTuple):
    """What all draws of B fields have in common.

    Attributes:
        context: What the decoder reads, as it prepared it.
        modulation: Of the latent, shape (B, d_model).
        unit: Of the prior's draws, shape (B, 1, 1): the deviation that is stated of a field.
    """

    context: DecoderContext
    modulation: Tensor
    unit: Tensor | float


class Member(NamedTuple):
    """One draw of B fields, before any query.

    Attributes:
        prepared: Of the fields.
        anomaly: The prior's draw around its mean, shape (B, P, C).
        modulation: Latent and noise of the whole field, shape (B, d_model).
        output: What queries read of the anchors.
        at_anchors: The draw there, shape (B, A, C).
    """

    prepared: Prepared
    anomaly: Tensor
    modulation: Tensor
    output: Any
    at_anchors: Tensor


@final
class EnsembleDecoder(nn.Module):
    """A decoder of its own that writes draws.

    It begins as the decoder of the mean, to whose field the prior's draw is added as it is; noise
    has no effect yet. How much of that draw is added is learned, for each variable: of grain that
    fields of a kind do not have, less.

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
        self.of_prior = nn.Parameter(torch.ones(self.C))
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))

    def start_from(self, stage: StageModulation, decoder: FieldDecoder) -> None:
        """Begin as the decoder of the mean, moved by the prior's draw."""
        self.stage.load_state_dict(stage.state_dict())
        self.decoder.load_state_dict(decoder.state_dict())
        for layer in (self.of_field, self.of_token):
            nn.init.zeros_(layer.weight)
        nn.init.ones_(self.of_prior)
        self.fitted.fill_(True)

    def prepare(self, context: DecoderContext) -> Prepared:
        """Everything that no noise changes.

        Args:
            context: Of the mean, with latent, points, lattice and background.
        """
        known = context[:4]
        own, unit = DecoderContext(*known, self.decoder.prepare(*known)), self.decoder.unit
        modulation = self.stage(context.latent.new_zeros(len(context.latent)), context.latent)
        size = self.config.sigma if unit is None else unit(context.lattice, context.points)
        return Prepared(own, modulation, size)

    def member(
        self, prepared: Prepared, anomaly: Tensor, keys: Tensor, tokens: Tensor | None = None
    ) -> Member:
        """A draw of B fields.

        Args:
            prepared: From `prepare`.
            anomaly: The prior's draw around its mean on its lattice, shape (B, P, C); P = 0 without
                a prior, 0 where nothing of the prior is read.
            keys: One for each field, shape (B,), int64.
            tokens: Numbers by which noise is keyed to each field's T tokens, shape (B, T): those of
                a window are numbered in the whole. None: from 0 on.
        """
        decoder = self.decoder
        whole = self.of_field(normals(fold(keys, _OF_FIELD), self.config.noise_dim))
        modulation = prepared.modulation + whole
        each = modulation
        if decoder.token_count:
            if tokens is None:
                tokens = torch.arange(decoder.token_count, device=keys.device)
            noise = normals(fold(fold(keys, _OF_TOKEN)[:, None], tokens), self.config.noise_dim)
            each = modulation[:, None] + self.of_token(noise)
        at_anchors = anomaly.new_zeros(len(keys), len(decoder.anchors), self.C)
        if self.resample is not None:
            at_anchors = self.resample(anomaly)
        x = at_anchors / prepared.unit
        output, outputs = decoder.anchor_flow(prepared.context, each, x, None)
        values = self._values(outputs) + self.of_prior * at_anchors
        return Member(prepared, anomaly, modulation, output, values)

    def queries(self, member: Member, coords: Tensor) -> Tensor:
        """The draw at queries (B, N, D), shape (B, N, C)."""
        config = self.config
        features = self.decoder.query_features(member.prepared.context, coords)
        nothing = coords.new_zeros(*coords.shape[:-1], self.C)
        given = features, member.modulation, nothing, member.output
        values = self._values(self.decoder.query_flow(*given))
        if not member.anomaly.shape[1]:
            return values
        there = interpolate(member.anomaly, coords, config.prior_shape, config.geometry, cubic)
        return values + self.of_prior * there

    def _values(self, outputs: Tensor) -> Tensor:
        return self.config.sigma * outputs[..., : self.C]
