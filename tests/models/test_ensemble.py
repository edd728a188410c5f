"""Draws in one evaluation: functions of key and coordinate, the mean's decoder at the start."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mamba_diffae.fields import Geometry
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.decoders import DecoderContext
from mamba_diffae.models.drawing import anomaly, draws, member_values
from mamba_diffae.models.inference import reconstruct
from mamba_diffae.models.queries import known_context
from mamba_diffae.nn.interpolation import cubic, interpolate

KINDS = {
    "convolutional": {"decoder": "convolutional"},
    "anchored": {"decoder": "anchored"},
    "without a prior": {"exemplars": 0, "decoder": "anchored"},
}
KEYS = torch.tensor([3, 4])


def drawing(network: Callable, **fields) -> MambaDiffusionAutoencoder:
    """A tiny network with a decoder of draws, as if trained."""
    net = network(noise_dim=4, **fields)
    net.ensemble.fitted.fill_(True)
    return net


def draw(net: MambaDiffusionAutoencoder, context, coords, keys, of_prior) -> Tensor:
    """One of each field."""
    of_prior = None if of_prior is None else of_prior[:, None]
    return next(draws(net, context, coords, keys[:, None], of_prior))


def known(net: MambaDiffusionAutoencoder, observed: Callable) -> tuple[DecoderContext, Tensor]:
    """The context of two observed fields, and a draw of their prior."""
    seen = observed()
    with torch.no_grad():
        context = known_context(net, seen, None, None)
    of_prior = net.prior.posterior(seen, keys=KEYS[:, None]).draws
    return context, of_prior[:, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_does_not_depend_on_other_queries(kind: str, network, observed):
    net = drawing(network, **KINDS[kind])
    context, of_prior = known(net, observed)
    coords = torch.rand(2, 30, 2)
    whole = draw(net, context, coords, KEYS, of_prior)
    some = draw(net, context, coords[:, [7, 2]], KEYS, of_prior)
    torch.testing.assert_close(some, whole[:, [7, 2]], atol=1e-5, rtol=0)
    again = draw(net, context, coords, KEYS, of_prior)
    assert torch.equal(again, whole)


@pytest.mark.parametrize("kind", KINDS)
def test_another_key_is_another_draw_and_another_field_has_its_own(kind: str, network, observed):
    net = drawing(network, **KINDS[kind])
    context, of_prior = known(net, observed)
    coords = torch.rand(2, 9, 2)
    one = draw(net, context, coords, KEYS, of_prior)
    two = draw(net, context, coords, torch.tensor([3, 5]), of_prior)
    assert torch.equal(one[0], two[0])
    assert not torch.allclose(one[1], two[1], atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_it_begins_as_the_mean_moved_by_the_draw_of_the_prior(kind: str, network, observed):
    net = network(noise_dim=4, **KINDS[kind])
    for name, weight in net.decoder.named_parameters():
        if "state" in name:  # phase 1 sees no state: these stay at zero
            torch.nn.init.zeros_(weight)
    net.ensemble.start_from(net.stage, net.decoder)
    context, of_prior = known(net, observed)
    coords = torch.rand(2, 9, 2)
    ((found, _),) = member_values(net, context, coords, [KEYS], [of_prior])
    mean = reconstruct(net, coords, context.points.observations)
    if not net.prior.empty:
        config, moved = net.config, anomaly(net, context, of_prior)
        mean = mean + interpolate(moved, coords, config.prior_shape, config.geometry, cubic)
    torch.testing.assert_close(found, mean, atol=1e-5, rtol=0)


def test_before_it_has_learned_the_prior_alone_moves_a_draw(network, observed):
    net = network(noise_dim=0, decoder="convolutional")
    context, of_prior = known(net, observed)
    coords = torch.rand(2, 9, 2)
    one, two = (draw(net, context, coords, keys, of_prior) for keys in (KEYS, KEYS + 1))
    assert torch.equal(one, two)
    assert not torch.allclose(one, draw(net, context, coords, KEYS, 0 * of_prior), atol=1e-4)


def test_of_a_latent_alone_noise_makes_the_draw(network, observed):
    net = drawing(network, decoder="convolutional")
    context, of_prior = known(net, observed)
    alone = net.latent_context(context.latent)
    assert not anomaly(net, alone, of_prior).any()
    coords = torch.rand(2, 9, 2)
    one, two = (draw(net, alone, coords, keys, None) for keys in (KEYS, KEYS + 1))
    assert not torch.allclose(one, two, atol=1e-4)


def test_a_shut_gate_leaves_the_draw_of_the_prior(network, observed):
    net = drawing(network, prior="mixture", decoder="convolutional")
    context, of_prior = known(net, observed)
    net.gate.fitted.fill_(True)
    net.gate.intercepts.fill_(-30.0)
    coords = net.prior.config.centres().float().expand(2, -1, -1)
    found = draw(net, context, coords, KEYS, of_prior)
    added = context.points.correction  # by the encoder, through the latent: not in the draw
    torch.testing.assert_close(found, of_prior, atol=1e-4, rtol=0)
    assert added.abs().max() > 1e-2


@pytest.mark.parametrize("dim", [1, 3])
def test_fields_of_one_and_of_three_axes(dim: int, network, observed):
    geometry = Geometry.unit(dim)
    net = drawing(network, geometry=geometry)
    seen = observed(geometry=geometry)
    with torch.no_grad():
        context = known_context(net, seen, None, None)
    of_prior = net.prior.posterior(seen, keys=KEYS[:, None]).draws[:, 0]
    found = draw(net, context, torch.rand(2, 9, dim), KEYS, of_prior)
    assert found.shape == (2, 9, 2)
    assert torch.isfinite(found).all()
