"""The network: observations to a latent, the latent (and the points) to the velocity of a field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.code import PrincipalCode
from mamba_diffae.models.config import CONTEXTS, AutoencoderConfig, Context
from mamba_diffae.models.decoder import AnchoredDecoder, ScanDecoder
from mamba_diffae.models.encoder import Encoder, Encoding
from mamba_diffae.models.palette import PaletteCode
from mamba_diffae.models.prior import AnaloguePrior
from mamba_diffae.models.readout import Prepared, Site, StageCondition
from mamba_diffae.models.velocity import parameterisation


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
    phases: ClassVar[tuple[str, ...]] = ("autoencoder", "diffusion", "latent")
    has_latent: ClassVar[bool] = True
    config: AutoencoderConfig  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        self.prior = prior_of(config)
        size = config.prior_cells**config.coord_dim * config.value_dim
        self.principal = PrincipalCode(config.layout, size) if config.exemplars else None
        self.palette = PaletteCode(config.palette, config.value_dim) if config.exemplars else None
        self.encoder = Encoder(config)
        self.stage = StageCondition(config)
        kind = {"anchored": AnchoredDecoder, "scan": ScanDecoder}[config.decoder]
        self.decoder = kind(config)
        self.parameterisation = parameterisation(config)
        self.streams = config.decoder == "anchored"

    @property
    def anchors(self) -> Tensor:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Positions of the anchors, shape (A, D)."""
        return self.decoder.anchors

    @property
    def latent_parts(self) -> dict[str, slice]:
        """Where in a latent stand its layout and its palette, which tells what occurs anywhere."""
        if self.principal is None:
            return {}
        layout = self.config.layout
        return {"layout": slice(layout), "palette": slice(layout, None)}

    def encode(
        self, input_coords: Tensor, input_values: Tensor, input_mask: Tensor | None = None
    ) -> Tensor:
        """The latent of observations.

        Args:
            input_coords: Shape (B, L, D).
            input_values: Shape (B, L, C), scaled.
            input_mask: Shape (B, L); None: all real.

        Returns:
            Shape (B, latent_dim).
        """
        if input_mask is None:
            input_mask = torch.ones_like(input_coords[..., 0], dtype=torch.bool)
        return self.encoding(input_coords, input_values, input_mask).latent

    def encoding(
        self,
        input_coords: Tensor,
        input_values: Tensor,
        input_mask: Tensor,
        estimate: Tensor | None = None,
    ) -> Encoding:
        """All that the encoder makes of observations; see `condition`."""
        if estimate is None and self.prior is not None:
            estimate = self.prior(input_coords, input_values, input_mask)
        encoding = self.encoder(input_coords, input_values, input_mask)
        if self.principal is None or self.palette is None or estimate is None:
            return encoding
        layout = self.principal.encode(estimate[..., : self.config.value_dim])
        code = torch.cat([layout, self.palette.encode(input_values, input_mask)], dim=1)
        beyond = estimate - self._held(code)
        return encoding._replace(latent=encoding.latent + code, beyond=beyond)

    def held(self, latent: Tensor) -> Tensor:
        """The field that a latent (B, latent_dim) holds in principal coordinates, (B, G^D, C)."""
        assert self.principal is not None
        return self.principal.decode(latent[:, : self.config.layout], self.config.value_dim)

    def _held(self, latent: Tensor) -> Tensor:
        """The same as the prior would say it: of no spread, nothing seen."""
        return F.pad(self.held(latent), (0, AnaloguePrior.BESIDE))

    def _prepare(self, latent: Tensor, points: Encoding | None) -> Prepared:
        """What the decoder reads: what no latent can hold of the field comes from the points."""
        if self.principal is None:
            return self.decoder.prepare(latent, points, None)
        estimate = self._held(latent)
        if points is not None and points.beyond is not None:
            estimate = estimate + points.beyond
        return self.decoder.prepare(latent, points, estimate)

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
        prepared = self._prepare(latent, points)
        present = None
        if anchor_values is None:
            anchor_values = latent.new_zeros(batch, len(self.anchors), C)
            if noisy_values is not None:
                present = torch.zeros_like(anchor_values[..., 0], dtype=torch.bool)
        if noisy_values is None:
            noisy_values = latent.new_zeros(batch, query_coords.shape[1], C)
        written, _ = self.anchor_flow(prepared, t, anchor_values, present)
        site = self.site(prepared, query_coords)
        return self.query_flow(prepared, site, t, noisy_values, written)

    def condition(
        self,
        input_coords: Tensor,
        input_values: Tensor,
        input_mask: Tensor,
        *,
        latent: Tensor | None = None,
        context: Context | Tensor = "latent+points",
        estimate: Tensor | None = None,
    ) -> Prepared:
        """See `FieldFlow.condition`."""
        encoding = self.encoding(input_coords, input_values, input_mask, estimate)
        if latent is None:
            latent = encoding.latent
        else:
            encoding = self._holding(encoding, latent)
        if isinstance(context, Tensor):
            latent = latent * (context >= CONTEXTS.index("latent"))[:, None]
            return self._prepare(latent, encoding.heard(context == len(CONTEXTS) - 1))
        points = encoding if context == "latent+points" else None
        return self._prepare(latent * float(context != "none"), points)

    def _holding(self, encoding: Encoding, latent: Tensor) -> Encoding:
        """Points beside which another latent moves the field only as far as they allow."""
        if self.principal is None or encoding.beyond is None:
            return encoding
        assert self.prior is not None
        change = self.held(latent) - self.held(encoding.latent)
        seen = encoding.beyond[..., -1] > 0
        taken_back = self.prior.allowed(change, seen) - change
        beyond = encoding.beyond + F.pad(taken_back, (0, AnaloguePrior.BESIDE))
        return encoding._replace(beyond=beyond)

    def condition_on_latent(self, latent: Tensor) -> Prepared:
        """See `FieldFlow.condition_on_latent`."""
        return self._prepare(latent, None)

    def site(self, condition: Prepared, query_coords: Tensor) -> Site:
        """See `FieldFlow.site`."""
        return self.decoder.site(condition, query_coords)

    def anchor_flow(
        self, condition: Prepared, t: Tensor, x: Tensor, present: Tensor | None = None
    ) -> tuple[Any, Tensor]:
        """See `FieldFlow.anchor_flow`."""
        vector, scaled = self.stage(t, condition.latent), self.parameterisation.scaled(t, x)
        written, outputs = self.decoder.anchor_flow(condition, vector, scaled, present)
        return written, self.parameterisation.velocity(outputs, t, x)

    def query_flow(
        self, condition: Prepared, site: Site, t: Tensor, x: Tensor, written: Any
    ) -> Tensor:
        """See `FieldFlow.query_flow`."""
        vector, scaled = self.stage(t, condition.latent), self.parameterisation.scaled(t, x)
        outputs = self.decoder.query_flow(site, vector, scaled, written)
        return self.parameterisation.velocity(outputs, t, x)

    def origin(self, coords: Tensor, keys: Tensor) -> Tensor:
        """Zero: at t = 0 and x_t = 0 the velocity itself is the posterior mean."""
        return coords.new_zeros(*coords.shape[:-1], self.config.value_dim)

    def remember(self, values: Tensor) -> None:
        """See `FieldFlow.remember`; the latent's code is learned from the same fields."""
        super().remember(values)
        assert self.prior is not None
        assert self.principal is not None
        assert self.palette is not None
        fields = self.prior.library().fields
        self.principal.learn(fields)
        self.palette.learn(fields.unflatten(1, (-1, self.config.value_dim)))

    def frozen_in_diffusion(self) -> Sequence[nn.Module]:
        """The encoder: its latents must stay what phase 1 taught."""
        return (self.encoder,)


def prior_of(config: AutoencoderConfig) -> AnaloguePrior | None:
    """The prior that a config names, still empty."""
    if not config.exemplars:
        return None
    return AnaloguePrior(
        config.exemplars, config.prior_cells, config.coord_dim, config.value_dim, config.mirrored
    )
