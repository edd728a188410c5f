"""What every way of asking a network shares: its context, its anchors, queries in chunks."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.checks import check_tensor
from mamba_diffae.models.config import DECODER_INPUTS, DecoderInputs
from mamba_diffae.priors import PriorPosterior

CHUNK = 8192
"""Queries of all fields that a CPU is asked at once, where a network lets them come in chunks: what
they are computed from stays in a core's cache."""
DEVICE_CHUNK = 4096
"""Queries of each field that any other device is asked at once: many, in bounded memory."""


def known_context(
    net: FieldFlow,
    observations: Observations | None,
    latent: Tensor | None,
    decoder_inputs: DecoderInputs | None,
    posterior: PriorPosterior | None = None,
) -> Any:
    """What is known of fields, encoded: from observations, a latent, or both.

    Raises:
        ValueError: If a latent or decoder inputs are given to a network without a latent, do not
            fit it, or neither observations nor a latent are given.
    """
    if not net.has_latent and (latent is not None or decoder_inputs is not None):
        raise ValueError(f"{net.kind} has no latent; leave `latent` and `decoder_inputs` out.")
    if decoder_inputs not in (None, *DECODER_INPUTS):
        raise ValueError(
            f"Unknown decoder inputs {decoder_inputs!r}; choose one of {', '.join(DECODER_INPUTS)}."
        )
    if latent is not None:
        width = net.config.latent_dim  # pyright: ignore[reportAttributeAccessIssue]
        kind = next(net.parameters()).dtype
        batch = None if observations is None else len(observations)
        check_tensor("latent", latent, (batch, width), kind)
    if observations is not None:
        inputs = decoder_inputs or "latent+points"
        return net.encode_context(
            observations, latent=latent, decoder_inputs=inputs, posterior=posterior
        )
    if latent is None:
        raise ValueError("Neither observations nor a latent were given; give one of them, or both.")
    return net.latent_context(latent)


def anchors_of(net: FieldFlow, batch: int) -> Tensor:
    """Positions of the anchors for each field, shape (batch, A, D)."""
    return net.anchors.expand(batch, -1, -1)


def in_chunks(net: FieldFlow, points: Tensor) -> tuple[Tensor, ...]:
    """Queries (B, N, ·) in parts, where a network lets them come so."""
    if not net.streams:
        return (points,)
    on_cpu = points.device.type == "cpu"
    count = CHUNK // max(1, len(points)) if on_cpu else DEVICE_CHUNK
    return points.split(max(1, count), dim=1)
