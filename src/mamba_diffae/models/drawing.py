"""Draws in one evaluation: of the prior, then by the decoder of draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.decoders import DecoderContext
from mamba_diffae.models.inference import network_mean
from mamba_diffae.models.queries import in_chunks
from mamba_diffae.nn.interpolation import cubic, interpolate


def member_values(
    net: MambaDiffusionAutoencoder,
    context: DecoderContext,
    query_coords: Tensor,
    keys: Sequence[Tensor],
    drawn: Sequence[Tensor | None],
) -> list[tuple[Tensor, Tensor]]:
    """Of several draws the network's own values at queries (B, N, C) and at anchors (B, A, C)."""
    assert net.ensemble is not None
    prepared, found = net.ensemble.prepare(context), []
    for key, draw in zip(keys, drawn, strict=True):
        lattice = anomaly(net, context, draw)
        if context.points is not None:
            # A draw of a field whose points are dropped is the noise's alone.
            lattice = lattice * context.points.read[:, None, None]
        member = net.ensemble.member(prepared, lattice, key)
        found.append((net.ensemble.queries(member, query_coords), member.at_anchors))
    return found


def draws(
    net: MambaDiffusionAutoencoder,
    context: DecoderContext,
    query_coords: Tensor,
    keys: Tensor,
    drawn: Tensor | None,
    tokens: Tensor | None = None,
) -> Iterator[Tensor]:
    """Draws at queries, each of shape (B, N, C), scaled.

    They are gated as the mean is: docs/concepts.md, eq. (49). Where nothing the network learned
    counts, they are those of the prior. If the network has not learned to draw, the prior's draws
    take the place of its mean in the decoder of the mean.

    Args:
        net: Trained.
        context: What is known of the fields; from `encode_context`, or from a latent alone.
        query_coords: Shape (B, N, D).
        keys: K for each field, shape (B, K), int64.
        drawn: Draws of the prior on its lattice, shape (B, K, P, C); None: there are none.
        tokens: See `EnsembleDecoder.member`.
    """
    with torch.no_grad():
        write = _by_ensemble(net, context, tokens) if net.writes_draws else _by_mean(net, context)
    for k in range(keys.shape[1]):
        with torch.no_grad():
            lattice = anomaly(net, context, None if drawn is None else drawn[:, k])
            at = _gated(net, context, lattice, write(lattice, keys[:, k]))
            values = torch.cat([at(coords) for coords in in_chunks(net, query_coords)], dim=1)
        yield values


def anomaly(
    net: MambaDiffusionAutoencoder, context: DecoderContext, drawn: Tensor | None
) -> Tensor:
    """A draw of the prior around its mean, (B, P, C); 0 if there is none."""
    lattice, points = context.lattice[..., : net.config.value_dim], context.points
    if drawn is None or points is None:
        return torch.zeros_like(lattice)
    return drawn - points.posterior.mean


_At = Callable[[Tensor], Tensor]
"""From coordinates (B, N, D) to the values of one draw (B, N, C)."""


def _by_ensemble(
    net: MambaDiffusionAutoencoder, context: DecoderContext, tokens: Tensor | None
) -> Callable[[Tensor, Tensor], _At]:
    """By the decoder of draws, from an anomaly of the prior and keys."""
    ensemble = net.ensemble
    assert ensemble is not None
    prepared = ensemble.prepare(context)

    def write(lattice: Tensor, keys: Tensor) -> _At:
        member = ensemble.member(prepared, lattice, keys, tokens)
        return lambda coords: ensemble.queries(member, coords)

    return write


def _by_mean(
    net: MambaDiffusionAutoencoder, context: DecoderContext
) -> Callable[[Tensor, Tensor], _At]:
    """By the decoder of the mean, on whose lattice the prior's draw stands."""
    latent, points, mean, background, _ = context

    def write(lattice: Tensor, keys: Tensor) -> _At:
        extra = mean.shape[-1] - lattice.shape[-1]
        moved = mean + torch.nn.functional.pad(lattice, (0, extra))
        prepared = net.decoder.prepare(latent, points, moved, background)
        own = DecoderContext(latent, points, moved, background, prepared)
        return network_mean(net, own, len(latent))

    return write


def _gated(
    net: MambaDiffusionAutoencoder, context: DecoderContext, lattice: Tensor, at: _At
) -> _At:
    """A draw that is the prior's where the network is not trusted."""
    share, config = net.trust(context), net.config
    if share is None:
        return at

    def gated(coords: Tensor) -> Tensor:
        moved = interpolate(lattice, coords, config.prior_shape, config.geometry, cubic)
        base = net.base_mean(context, coords) + moved
        return base + share * (at(coords) - base)

    return gated
