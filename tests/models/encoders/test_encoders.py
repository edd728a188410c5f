"""Every encoder: shapes on any geometry, a set of points, and what is missing."""

import pytest
import torch

from mamba_diffae.fields import Geometry, Observations
from mamba_diffae.models.encoders import ENCODERS, EncoderOptionError
from mamba_diffae.models.encoders.mamba import MambaEncoder
from mamba_diffae.testing import check_encoder

TRAPEZOIDAL = {"discretisation": "exponential-trapezoidal"}
EVERY = pytest.mark.parametrize("encoder", ENCODERS.names())
GLOBE = Geometry(extent=(0.5, 1.0), periodic=(False, True))


def close(a, b) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


@EVERY
@pytest.mark.parametrize("geometry", [Geometry.unit(1), GLOBE, Geometry.unit(3)])
def test_shapes_on_any_geometry(network, observed, encoder: str, geometry: Geometry) -> None:
    net = network(encoder=encoder, geometry=geometry)
    seen = observed(geometry=geometry, missing=0.3, support=True, noise=True)
    latent, tokens = net.encoder(seen)
    assert latent.shape == (2, 12)
    assert tokens.shape == (2, 20, 16)
    assert latent.isfinite().all()


@EVERY
def test_tokens_follow_their_points_and_the_latent_the_set(network, observed, encoder) -> None:
    net, seen = network(encoder=encoder), observed(missing=0.3)
    latent, tokens = net.encoder(seen)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    parts = (seen.coords[:, order], seen.values[:, order], seen.mask[:, order])
    again, moved = net.encoder(Observations(*parts))
    close(again, latent)
    present = seen.present[:, order]
    close(moved[present], tokens[:, order][present])


@EVERY
@pytest.mark.parametrize("pooling", ["attention", "mean"])
def test_one_variable_alone_is_no_zero(network, observed, encoder: str, pooling: str) -> None:
    # A missing value is told apart from a value of 0.
    net, seen = network(encoder=encoder, pooling=pooling), observed()
    zero = seen.with_values(seen.values * torch.tensor([1.0, 0.0]))
    missing = seen.replace(mask=seen.mask & torch.tensor([True, False]))
    assert torch.equal(zero.values, missing.values)
    assert (net.encoder(zero)[0] - net.encoder(missing)[0]).abs().max() > 1e-3


@EVERY
def test_beside_codes_an_encoder_begins_by_adding_nothing(network, encoder: str) -> None:
    kept = network(encoder=encoder).config
    fresh = ENCODERS.get(encoder)(kept)
    assert not any(weight.any() for weight in fresh.to_latent.parameters())
    alone = kept.model_copy(update={"codes": ()})
    assert ENCODERS.get(encoder)(alone).to_latent.weight.any()


@EVERY
@pytest.mark.parametrize("pooling", ["attention", "mean"])
def test_a_field_without_points_beside_one_with_some(network, observed, encoder, pooling) -> None:
    net, seen = network(encoder=encoder, pooling=pooling).requires_grad_(), observed()
    half = seen.replace(mask=seen.mask & torch.tensor([True, False])[:, None, None])
    latent, tokens = net.encoder(half)
    close(latent[:1], net.encoder(seen)[0][:1])
    close(latent[1], net.encoder.to_latent.bias)
    net.zero_grad()
    (latent.square().sum() + tokens.square().sum()).backward()
    gradients = [p.grad for p in net.encoder.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize(
    ("encoder", "options"),
    [("attention", {"latents": 0}), ("convcnp", {"cells": 0}), ("convcnp", {"cells": -2})],
)
def test_options_that_make_no_sense_are_refused(network, encoder: str, options) -> None:
    with pytest.raises(EncoderOptionError, match="expected 1 or more"):
        network(encoder=encoder, encoder_options=options)


def test_a_discretisation_that_is_unknown_is_refused(network) -> None:
    with pytest.raises(EncoderOptionError, match="'exponential-euler' or 'exponential-trap"):
        network(encoder_options={"discretisation": "euler"})


@pytest.mark.parametrize("geometry", [Geometry.unit(1), GLOBE, Geometry.unit(3)])
@pytest.mark.parametrize("step", ["distance", "count", "learned"])
def test_a_trapezoidal_scan_on_any_geometry(network, observed, geometry, step: str) -> None:
    net = network(geometry=geometry, step=step, encoder_options=TRAPEZOIDAL)
    seen = observed(geometry=geometry, missing=0.3)
    latent, _ = net.encoder(seen)
    assert latent.isfinite().all()
    close(net.encoder(seen[[1]])[0], latent[1:])
    assert (network(geometry=geometry, step=step).encoder(seen)[0] - latent).abs().max() > 1e-3


def test_the_contract_of_a_trapezoidal_encoder() -> None:
    check_encoder(MambaEncoder, **TRAPEZOIDAL)


def test_convolutions_do_not_see_where_a_torus_begins(network, observed) -> None:
    geometry = Geometry(extent=(0.5, 1.0), periodic=(True, True))
    encoder = network(encoder="convcnp", geometry=geometry, tokens=6).encoder
    assert encoder.shape == (8, 16)
    seen, tokens = observed(geometry=geometry), torch.randn(2, 20, 16)
    moved = seen.replace(coords=seen.coords + torch.tensor([0.25, 0.5]))
    close(encoder.mix(tokens, moved), encoder.mix(tokens, seen))
    # A shift by a part of a cell changes the distances from its nodes.
    other = seen.replace(coords=seen.coords + torch.tensor([0.02, 0.0]))
    assert (encoder.mix(tokens, other) - encoder.mix(tokens, seen)).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("geometry", "options", "shape"),
    [
        (Geometry.unit(2), {}, (6, 6)),
        (Geometry.unit(2), {"cells": 4}, (4, 4)),
        (Geometry.unit(2), {"cells": 500}, (16, 16)),
        (Geometry.unit(1), {"cells": 3}, (9,)),
        (GLOBE, {"cells": 6}, (4, 8)),
        (Geometry.unit(3), {"cells": 8}, (4, 4, 4)),
    ],
)
def test_the_lattice_of_convolutions(network, geometry, options, shape) -> None:
    net = network(encoder="convcnp", geometry=geometry, encoder_options=options)
    assert net.encoder.shape == shape
