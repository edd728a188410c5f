"""Draws in one evaluation: of the prior, then by the decoder of draws."""

from __future__ import annotations

import torch
from torch import Tensor

from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.decoders import DecoderContext
from mamba_diffae.models.ensemble import EnsembleDecoder
from mamba_diffae.models.queries import in_chunks
from mamba_diffae.nn.interpolation import cubic, interpolate


def member_values(
    net: MambaDiffusionAutoencoder,
    context: DecoderContext,
    query_coords: Tensor,
    keys: Tensor,
    drawn: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """The network's own draw at queries (B, N, C) and at anchors (B, A, C); see `draw`."""
    ensemble = net.drawing()
    one = ensemble.member(context, anomaly(net, context, drawn), keys)
    output, at_anchors = ensemble.anchors(one)
    return ensemble.queries(one, query_coords, output), at_anchors


def draw(
    net: MambaDiffusionAutoencoder,
    context: DecoderContext,
    query_coords: Tensor,
    keys: Tensor,
    drawn: Tensor | None,
    ensemble: EnsembleDecoder | None = None,
) -> Tensor:
    """A draw at queries, shape (B, N, C), scaled.

    It is gated as the mean is: docs/concepts.md, eq. (49). Where nothing the network learned
    counts, it is the draw of the prior.

    Args:
        net: With a decoder of draws.
        context: What is known of the fields; from `encode_context`, or from a latent alone.
        query_coords: Shape (B, N, D).
        keys: One for each field, shape (B,), int64.
        drawn: A draw of the prior on its lattice, shape (B, P, C); None: there is none.
        ensemble: The decoder of draws, where it was asked for already.
    """
    with torch.no_grad():
        ensemble, lattice = ensemble or net.drawing(), anomaly(net, context, drawn)
        one = ensemble.member(context, lattice, keys)
        output, _ = ensemble.anchors(one)
        share = net.trust(context)
        parts = []
        for coords in in_chunks(net, query_coords):
            values = ensemble.queries(one, coords, output)
            if share is not None:
                shape, geometry = net.config.prior_shape, net.config.geometry
                moved = interpolate(lattice, coords, shape, geometry, cubic)
                base = net.base_mean(context, coords) + moved
                values = base + share * (values - base)
            parts.append(values)
        return torch.cat(parts, dim=1)


def anomaly(
    net: MambaDiffusionAutoencoder, context: DecoderContext, drawn: Tensor | None
) -> Tensor:
    """A draw of the prior around its mean, (B, P, C); 0 where the points are not read."""
    lattice, points = context.lattice[..., : net.config.value_dim], context.points
    if drawn is None or points is None:
        return torch.zeros_like(lattice)
    read = points.observations.mask.flatten(1).any(dim=1)
    return (drawn - points.posterior.mean) * read[:, None, None]
