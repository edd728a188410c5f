"""Contracts of encoders, decoders and codes."""

from __future__ import annotations

from typing import Any

import torch

from mamba_diffae.models.base import FieldFlow, State
from mamba_diffae.models.codes import CODES, LatentCode
from mamba_diffae.models.decoders import DECODERS, FieldDecoder
from mamba_diffae.models.encoders import ENCODERS, PointEncoder
from mamba_diffae.models.inference import reconstruct, sample_flow
from mamba_diffae.registry import Registry
from mamba_diffae.testing.cases import (
    at_points,
    close,
    padded,
    permuted,
    places,
    scattered,
    subsets,
    tiny_network,
    waves,
    without_points,
)


def check_encoder(encoder: type[PointEncoder], **options: Any) -> None:
    """Contracts 3 and 12: the latent sees a set, perhaps an empty one; what is masked is not read.

    Args:
        encoder: The class.
        options: What it is given beside the config.
    """
    net = tiny_network(encoder=_named(ENCODERS, encoder), encoder_options=options)
    seen = scattered()
    latent, tokens = net.encoder(seen)
    assert latent.shape == (2, net.config.latent_dim), "the latent has another shape"
    assert tokens.shape == (*seen.coords.shape[:2], net.config.d_model), "tokens: another shape"
    assert latent.isfinite().all(), "the latent is not finite"
    assert tokens.isfinite().all(), "tokens are not finite"
    close(net.encoder(permuted(seen))[0], latent, "the order of the points matters")
    close(net.encoder(padded(seen))[0], latent, "absent points matter")
    close(net.encoder(seen[[1]])[0], latent[1:], "the other fields of the batch matter")
    close(net.encoder(seen)[0], latent, "a second time the answer is another one")
    masked = net.encoder(without_points(seen))[0]
    assert masked.isfinite().all(), "the latent of no points is not finite"
    close(net.encoder(at_points(seen, slice(0)))[0], masked, "absent points and none at all differ")


def check_decoder(decoder: type[FieldDecoder], **options: Any) -> None:
    """Contracts 1 and 2, if it streams; that outputs are finite and learn, in any case.

    Args:
        decoder: The class.
        options: What it is given beside the config.
    """
    net = tiny_network(decoder=_named(DECODERS, decoder), decoder_options=options)
    seen, query = scattered(), places()
    mean = reconstruct(net, query, seen)
    assert mean.shape == (2, query.shape[1], 2), "the mean has another shape"
    assert mean.isfinite().all(), "the mean is not finite"
    for name, answer in {"mean": reconstruct, "draw": sample_flow}.items():
        options = {"steps": 2} if name == "draw" else {}
        whole = answer(net, query, seen, **options)
        for part in subsets(query.shape[1]):
            if net.streams:
                found = answer(net, query[:, part], seen, **options)
                close(found, whole[:, part], f"the {name} depends on other queries")
    net.requires_grad_(True)
    context = net.encode_context(seen)
    velocity = net.velocities(context, query, torch.full((2,), 0.5), _zero(net, query))
    velocity.queries.square().sum().backward()
    assert any(p.grad is not None for p in net.decoder.parameters()), "no weight gets a gradient"


def check_code(code: type[LatentCode]) -> None:
    """That a code has its shape, does not depend on order, padding or batch, and decodes.

    Args:
        code: The class.
    """
    name = _named(CODES, code)
    net = tiny_network(codes=(name,) if code.share is None else ("pca", name))
    part, seen = net.codes.parts[name], scattered()
    one = net.codes.encode(seen, net.prior.posterior(seen))[:, part]
    other = padded(permuted(seen))
    two = net.codes.encode(other, net.prior.posterior(other))[:, part]
    assert one.isfinite().all(), "the code is not finite"
    close(two, one, "order or absent points matter")
    field = net.decode_latent_field(torch.randn(2, net.config.latent_dim))
    assert field.shape == (2, net.config.prior_config.cells, 2), "it decodes to another shape"
    net.fit_prior(waves(seed=3).split("train"))
    again = net.codes.encode(seen, net.prior.posterior(seen))[:, part]
    assert (again - one).abs().max() > 1e-6, "it learns nothing from the training fields"


def _zero(net: FieldFlow, query: torch.Tensor) -> State:
    anchors = query.new_zeros(len(query), len(net.anchors), 2)
    return State(query.new_zeros(*query.shape[:2], 2), anchors)


def _named(registry: Registry[Any], part: type) -> str:
    """The name of a part, registered if it is not there yet."""
    for name in registry.names():
        if registry.get(name) is part:
            return name
    name = f"{part.__module__}.{part.__qualname__}"
    registry.register(name, part)
    return name
