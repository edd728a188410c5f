"""The autoencoder: what the decoder reads, where it begins, and that it is continuous."""

import copy
import itertools

import pytest
import torch
from torch import Tensor

from mamba_diffae.fields import Geometry, Observations
from mamba_diffae.models import reconstruct
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.config import DECODER_INPUTS
from mamba_diffae.nn.attention import lattice

DECODERS = pytest.mark.parametrize("decoder", ["anchored", "scanning"])
CHANNEL = Geometry(extent=(0.5, 1.0), periodic=(False, True))


@DECODERS
def test_at_the_start_without_a_state_the_decoder_gives_the_mean(
    network, observed, decoder: str
) -> None:
    net = network(decoder=decoder)
    query, seen, t = torch.rand(2, 9, 2), observed(), torch.zeros(2)
    latent = net.encode(seen)
    zero_x = torch.zeros(2, 9, 2), torch.zeros(2, len(net.anchors), 2)
    by_default = net.decode(query, latent, t)
    given = net.decode(query, latent, t, zero_x[0], anchor_values=zero_x[1])
    assert torch.equal(by_default, given)
    points = net.encoding(seen)
    assert torch.equal(points.latent, latent)
    assert (net.decode(query, latent, t, points=points) - by_default).abs().max() > 1e-2


def test_unknown_anchors_are_not_anchors_at_zero(network, observed) -> None:
    net, seen, asked = network(), observed(), observed(points=9, seed=1)
    latent, t = net.encode(seen), torch.tensor([0.2, 0.9])
    unknown = net.decode(asked.coords, latent, t, asked.values)
    zero = net.decode(asked.coords, latent, t, asked.values, anchor_values=torch.zeros(2, 36, 2))
    assert (unknown - zero).abs().max() > 1e-3
    # What stands in an anchor that counts as absent is not read.
    context, absent = net.encode_context(seen), torch.zeros(2, 36, dtype=torch.bool)
    outputs = [net.anchor_flow(context, t, x * torch.ones(2, 36, 2), absent)[0] for x in (0, 5)]
    for one, other in zip(*outputs, strict=True):
        assert torch.equal(one, other)


@DECODERS
def test_decoder_inputs_can_be_chosen_field_by_field(network, observed, decoder: str) -> None:
    net, query = network(decoder=decoder), torch.rand(2, 9, 2)
    t, x = torch.zeros(2), torch.zeros(2, 9, 2)

    def ask(inputs) -> Tensor:
        context = net.encode_context(observed(missing=0.3), decoder_inputs=inputs)
        output, _ = net.anchor_flow(context, t, torch.zeros(2, len(net.anchors), 2))
        return net.query_flow(context, net.query_features(context, query), t, x, output)

    for levels in itertools.permutations(range(3), 2):
        mixed = ask(torch.tensor(levels))
        for b, level in enumerate(levels):
            expected = ask(DECODER_INPUTS[level])[b]
            torch.testing.assert_close(mixed[b], expected, rtol=0, atol=1e-6)
    for less, more in itertools.pairwise(DECODER_INPUTS):
        assert (ask(less) - ask(more)).abs().amax((1, 2)).min() > 1e-2


def test_a_given_posterior_is_taken(network, observed) -> None:
    net, seen = network(), observed(missing=0.3)
    posterior = net.prior.posterior(seen)
    assert torch.equal(net.encoding(seen, posterior).latent, net.encode(seen))
    other = net.prior.posterior(seen, net.prior.groups[:2])
    assert (net.encoding(seen, other).latent - net.encode(seen)).abs().max() > 1e-3


@pytest.mark.parametrize("geometry", [Geometry.unit(2), CHANNEL, Geometry(extent=(1.0,))])
def test_a_fresh_network_interpolates_the_observations(network, geometry: Geometry) -> None:
    # Before any learning the mean is the weighted average of the nearest values.
    kept = network(geometry=geometry, value_dim=1, exemplars=0).config
    net = MambaDiffusionAutoencoder(kept)
    shape = (16,) * geometry.dim

    def truth(coords: Tensor) -> Tensor:
        turns = coords / torch.tensor(geometry.extent) * 2 * torch.pi
        return 0.4 * torch.sin(turns[..., -1:]) + 0.2 * torch.cos(turns[..., :1] / 2)

    coords = lattice(shape, geometry.extent)[None]
    seen = Observations(coords, truth(coords), torch.ones(1, len(coords[0]), 1, dtype=torch.bool))
    query = (0.2 + 0.6 * torch.rand(1, 50, geometry.dim)) * torch.tensor(geometry.extent)
    error = reconstruct(net, query, seen) - truth(query)
    assert error.square().mean().sqrt() < 0.2 * truth(query).std()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_velocity_is_continuous_in_the_place(network, observed, dim: int) -> None:
    geometry = Geometry.unit(dim)
    net, seen = network(geometry=geometry), observed(1, 40, geometry=geometry, missing=0.3)

    def largest_jump(count: int) -> float:
        x = torch.linspace(0, 1, count)
        line = torch.stack([x, 0.3 + 0.4 * x, 0.9 - 0.8 * x][:dim], dim=-1)[None]
        return reconstruct(net, line, seen)[0].diff(dim=0).abs().max().item()

    assert largest_jump(8001) < 0.3 * largest_jump(2001)


# A periodic axis


@pytest.mark.parametrize("exemplars", [0, 5])
def test_the_field_closes_at_the_seam(network, observed, exemplars: int) -> None:
    net = network(geometry=CHANNEL, exemplars=exemplars)
    seen = observed(geometry=CHANNEL, points=30)
    y = torch.linspace(0, 0.5, 25)

    def at(x: float) -> Tensor:
        line = torch.stack([y, torch.full_like(y, x)], dim=-1).expand(2, -1, -1)
        return reconstruct(net, line, seen)

    torch.testing.assert_close(at(0.0), at(1.0), rtol=0, atol=1e-4)
    across = (at(1e-4) - at(1 - 1e-4)).abs().max()
    beside = (at(0.3) - at(0.3 + 2e-4)).abs().max()
    assert across < 5 * beside + 1e-4
    # Without a seam the two sides have nothing in common.
    flat = network(geometry=CHANNEL.model_copy(update={"periodic": (False, False)}))
    ends = [torch.stack([y, torch.full_like(y, x)], -1).expand(2, -1, -1) for x in (0.0, 1.0)]
    assert (reconstruct(flat, ends[0], seen) - reconstruct(flat, ends[1], seen)).abs().max() > 0.1


@pytest.mark.parametrize("exemplars", [0, 5])
def test_an_observation_moves_the_answer_across_the_seam(network, observed, exemplars) -> None:
    # One at 179 degrees east, asked at 179 degrees west, and as far on its own side.
    net, seen = network(geometry=CHANNEL, exemplars=exemplars), observed(geometry=CHANNEL)
    coords, values = seen.coords.clone(), seen.values.clone()
    coords[:, 0] = torch.tensor([0.25, 1 - 1 / 360])
    seen = seen.replace(coords=coords)
    values[:, 0] += 1
    places = torch.tensor([[0.25, 1 / 360], [0.25, 1 - 3 / 360]]).expand(2, -1, -1)
    asked = [reconstruct(net, places, s) for s in (seen, seen.with_values(values))]
    across, beside = (asked[1] - asked[0]).abs().mean(dim=(0, 2))
    assert across > 0.1
    assert 0.5 < across / beside < 2


# Copies


def test_a_copy_of_a_used_network_leaves_out_what_is_computed(network, observed) -> None:
    net, seen, query = network(), observed(), torch.rand(2, 9, 2)
    expected = reconstruct(net, query, seen)
    copied = copy.deepcopy(net)
    assert net.prior._bank is not None
    assert copied.prior._bank is None
    assert torch.equal(reconstruct(copied, query, seen), expected)
