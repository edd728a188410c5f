"""The network: observations to a latent, the latent (and the points) to the velocity of a field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.models.base import FieldFlow, State
from mamba_diffae.models.codes import LatentCodes
from mamba_diffae.models.config import DECODER_INPUTS, AutoencoderConfig, DecoderInputs
from mamba_diffae.models.covariates import background_of
from mamba_diffae.models.decoders import DECODERS, DecoderContext
from mamba_diffae.models.decoders.readout import StageModulation
from mamba_diffae.models.decoders.unit import LEAST
from mamba_diffae.models.encoders import ENCODERS, Encoding
from mamba_diffae.models.ensemble import EnsembleDecoder
from mamba_diffae.models.gate import SkillGate
from mamba_diffae.models.measured import within_cells
from mamba_diffae.models.parameterisation import parameterisation
from mamba_diffae.nn.attention import lattice
from mamba_diffae.nn.interpolation import cubic, interpolate, linear
from mamba_diffae.priors import PRIORS, PriorPosterior

_FIELDS = 256
"""Training fields by which it is measured what a latent leaves of a field."""


@final
class MambaDiffusionAutoencoder(FieldFlow):
    """A semantic latent from scattered observations, and a decoder that writes the field.

    Args:
        config: Sizes and choices; see `AutoencoderConfig`.

    Reference:
        Preechakul et al. (2022), Diffusion Autoencoders, arXiv 2111.15640; Lipman et al. (2022),
        arXiv 2210.02747; Gu & Dao (2023), arXiv 2312.00752.
    """

    kind: ClassVar[str] = "autoencoder"
    config_class = AutoencoderConfig
    phases: ClassVar[tuple[str, ...]] = ("autoencoder", "ensemble", "flow", "latent")
    optional_phases: ClassVar[tuple[str, ...]] = ("flow",)
    has_latent: ClassVar[bool] = True
    config: AutoencoderConfig  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        self.prior = PRIORS.make(config.prior, config.prior_config, **config.prior_options)
        self.codes = LatentCodes(config)
        self.encoder = ENCODERS.make(config.encoder, config, **config.encoder_options)
        self.stage = StageModulation(config, self.codes.decoded_dim)
        self.decoder = DECODERS.make(config.decoder, config, **config.decoder_options)
        self.parameterisation = parameterisation(config)
        self.gate = SkillGate(config.value_dim)
        decoded = self.codes.decoded_dim
        self.ensemble = EnsembleDecoder(config, decoded) if config.noise_dim else None

    @property
    def streams(self) -> bool:
        """See `FieldFlow.streams`."""
        return self.decoder.streams

    @property
    def anchors(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Positions of the anchors, shape (A, D)."""
        return self.decoder.anchors

    @property
    def anchor_shape(self) -> tuple[int, ...]:
        """See `FieldFlow.anchor_shape`."""
        return self.config.anchor_shape if len(self.anchors) else super().anchor_shape

    @property
    def latent_parts(self) -> dict[str, slice]:
        """Where in a latent stand the parts that codes hold in closed form, by name."""
        return dict(self.codes.parts)

    def encode(self, observations: Observations, posterior: PriorPosterior | None = None) -> Tensor:
        """The latent of observations, shape (B, latent_dim)."""
        return self.encoding(observations, posterior).latent

    def encoding(
        self, observations: Observations, posterior: PriorPosterior | None = None
    ) -> Encoding:
        """All that the encoder makes of observations; see `encode_context`."""
        if posterior is None:
            posterior = self.prior.posterior(observations)
        latent, tokens = self.encoder(observations)
        code = self.codes.encode(observations, posterior)
        latent, field = latent + code, self.decode_latent_field(code)
        residual = posterior.lattice - F.pad(field, (0, PriorPosterior.EXTRA))
        correction = self.decode_latent_field(latent) - field
        return Encoding(latent, tokens, observations, residual, posterior, correction)

    def decode_latent_field(self, latent: Tensor) -> Tensor:
        """The field that a latent (B, latent_dim) holds in closed form, (B, P, C)."""
        return self.codes.decode(latent)

    def _lattice(self, latent: Tensor) -> Tensor:
        """The same as the prior would say it: of no spread, nothing observed."""
        return F.pad(self.decode_latent_field(latent), (0, PriorPosterior.EXTRA))

    def _context(
        self, latent: Tensor, points: Encoding | None, seen: Observations | None
    ) -> DecoderContext:
        """What the decoder reads: what no latent can hold of the field comes from the points.

        See docs/concepts.md, eq. (18).
        """
        lattice = self._lattice(latent)
        if points is not None:
            lattice = lattice + points.prior_residual
        background = background_of(seen, latent, self.config)
        prepared = self.decoder.prepare(latent, points, lattice, background)
        return DecoderContext(latent, points, lattice, background, prepared)

    def decode(
        self,
        query_coords: Tensor,
        latent: Tensor,
        t: Tensor,
        noisy_values: Tensor | None = None,
        *,
        anchor_values: Tensor | None = None,
        points: Encoding | None = None,
    ) -> Tensor:
        """The velocity at the queries.

        Args:
            query_coords: Shape (B, N, D).
            latent: Shape (B, latent_dim).
            t: Time, shape (B,).
            noisy_values: x_t at the queries, shape (B, N, C). None: x_t = 0 there and at the
                anchors, so at t = 0 the velocity is the posterior mean.
            anchor_values: x_t at the anchors, shape (B, A, C); None beside `noisy_values`: not
                known.
            points: Encoded observations to read, from `encoding`; None: the latent alone.

        Returns:
            Velocity, shape (B, N, C).
        """
        batch, C = len(latent), self.config.value_dim
        present = None
        if anchor_values is None:
            anchor_values = latent.new_zeros(batch, len(self.anchors), C)
            if noisy_values is not None:
                present = torch.zeros_like(anchor_values[..., 0], dtype=torch.bool)
        if noisy_values is None:
            noisy_values = latent.new_zeros(batch, query_coords.shape[1], C)
        context = self._context(latent, points, points and points.observations)
        state = State(noisy_values, anchor_values)
        return self.velocities(context, query_coords, t, state, present).queries

    def encode_context(
        self,
        observations: Observations,
        *,
        latent: Tensor | None = None,
        decoder_inputs: DecoderInputs | Tensor = "latent+points",
        posterior: PriorPosterior | None = None,
    ) -> DecoderContext:
        """See `FieldFlow.encode_context`."""
        encoding = self.encoding(observations, posterior)
        if latent is None:
            latent = encoding.latent
        else:
            encoding = self._adjusted(encoding, latent)
        if isinstance(decoder_inputs, Tensor):
            level = decoder_inputs
            latent = latent * (level >= DECODER_INPUTS.index("latent"))[:, None]
            points = encoding.mask_fields(level == DECODER_INPUTS.index("latent+points"))
            return self._context(latent, points, observations)
        points = encoding if decoder_inputs == "latent+points" else None
        return self._context(latent * float(decoder_inputs != "none"), points, observations)

    def _adjusted(self, encoding: Encoding, latent: Tensor) -> Encoding:
        """Adjust the encoding for a user-supplied latent.

        The field change it implies is conditioned on zero change in observed cells:
        docs/concepts.md, eq. (14).
        """
        change = self.decode_latent_field(latent) - self.decode_latent_field(encoding.latent)
        increment = self.prior.condition_increment(change, encoding.posterior.observed) - change
        residual = encoding.prior_residual + F.pad(increment, (0, PriorPosterior.EXTRA))
        return replace(encoding, prior_residual=residual)

    def latent_context(self, latent: Tensor) -> DecoderContext:
        """See `FieldFlow.latent_context`."""
        return self._context(latent, None, None)

    def query_features(self, context: DecoderContext, query_coords: Tensor) -> Any:
        """See `FieldFlow.query_features`."""
        return self.decoder.query_features(context, query_coords)

    def anchor_flow(
        self, context: DecoderContext, t: Tensor, x: Tensor, present: Tensor | None = None
    ) -> tuple[Any, Tensor]:
        """See `FieldFlow.anchor_flow`."""
        modulation, scaled = self.stage(t, context.latent), self.parameterisation.scaled(t, x)
        output, outputs = self.decoder.anchor_flow(context, modulation, scaled, present)
        return output, self.parameterisation.velocity(outputs, t, x)

    def query_flow(
        self, context: DecoderContext, features: Any, t: Tensor, x: Tensor, anchor_output: Any
    ) -> Tensor:
        """See `FieldFlow.query_flow`."""
        modulation, scaled = self.stage(t, context.latent), self.parameterisation.scaled(t, x)
        outputs = self.decoder.query_flow(features, modulation, scaled, anchor_output)
        return self.parameterisation.velocity(outputs, t, x)

    def mean_initial_state(self, coords: Tensor, keys: Tensor) -> Tensor:
        """Zero: at t = 0 and x_t = 0 the velocity itself is the posterior mean."""
        return coords.new_zeros(*coords.shape[:-1], self.config.value_dim)

    def base_mean(self, context: DecoderContext, coords: Tensor) -> Tensor:
        """See `FieldFlow.base_mean`: the lattice without what the encoder adds by its latent.

        Beside a latent that the user gave it holds what that changes: an edit is not gated.
        """
        if self.prior.empty:
            return super().base_mean(context, coords)
        mean = context.lattice[..., : self.config.value_dim]
        mean = mean.contiguous() if context.points is None else mean - context.points.correction
        return interpolate(mean, coords, self.config.prior_shape, self.config.geometry, cubic)

    def gated_mean(self, context: DecoderContext, coords: Tensor, mean: Tensor) -> Tensor:
        """See `FieldFlow.gated_mean`."""
        share = self.trust(context)
        if share is None:
            return mean
        base = self.base_mean(context, coords)
        return base + share * (mean - base)

    def trust(self, context: DecoderContext) -> Tensor | None:
        """See `FieldFlow.trust`: all of a latent alone, nothing of a window without observation."""
        if context.points is None:
            return None
        share, read = self.gate(context.points.posterior), context.points.read
        whole = bool(read.all())
        return share if whole else (1.0 if share is None else share) * read[:, None, None]

    def prior_std(self, context: DecoderContext, coords: Tensor) -> Tensor:
        """See `FieldFlow.prior_std`; a latent alone comes without one."""
        if self.prior.empty:
            return super().prior_std(context, coords)
        std = context.lattice[..., self.config.value_dim, None].clamp(min=0)
        shape, geometry = self.config.prior_shape, self.config.geometry
        return interpolate(std, coords, shape, geometry, linear)

    def stated_error(self, context: DecoderContext, posterior: PriorPosterior) -> Tensor | None:
        """See `FieldFlow.stated_error`: docs/concepts.md, eq. (32)."""
        unit = self.decoder.unit
        if unit is None:
            return None
        moved = posterior.mean - context.lattice[..., : self.config.value_dim].detach()
        error = posterior.std.square().mean(dim=(1, 2)) + moved.square().mean(dim=(1, 2))
        return (error + unit.within_cells).clamp(min=LEAST**2)

    @property
    def writes_draws(self) -> bool:
        """See `FieldFlow.writes_draws`."""
        return self.ensemble is not None and bool(self.ensemble.fitted)

    def fit_prior(
        self,
        data: FieldData | Observations,
        validation: FieldData | Observations | None = None,
    ) -> None:
        """See `FieldFlow.fit_prior`; the codes learn from the same fields."""
        super().fit_prior(data, validation)
        fields, known = self.prior.fields()
        self.codes.fit(fields, known)
        if self.decoder.unit is not None:
            shape, geometry = self.config.prior_shape, self.config.geometry
            fine = within_cells(data, shape, geometry) if isinstance(data, FieldData) else 0.0
            self.decoder.unit.fit(fine, self._latent_error(fields, known))

    def _latent_error(self, fields: Tensor, known: Tensor) -> float:
        """Mean squared error of fields on the prior's lattice, decoded from their codes alone."""
        rows = torch.linspace(0, max(0, len(fields) - 1), min(len(fields), _FIELDS)).round().long()
        fields, known = fields[rows] * known[rows], known[rows]
        if not known.any():
            return self.config.sigma**2
        places = lattice(self.config.prior_shape, self.config.geometry.extent).to(fields)
        seen = Observations(places.expand(len(fields), -1, -1), fields, known)
        nothing = torch.zeros_like(fields[..., :1])
        code = self.codes.encode(seen, PriorPosterior.of(fields, nothing, known))
        left = (fields - self.decode_latent_field(code)).square()[known]
        return float(left.mean())

    def frozen_in_flow(self) -> Sequence[nn.Module]:
        """The encoder: its latents must stay what phase 1 taught."""
        return (self.encoder,)
