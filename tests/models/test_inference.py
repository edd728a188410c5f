"""Asking a network: the mean, and draws that are told apart by their seed alone."""

import math

import pytest
import torch
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.flow import SOLVERS, field_keys, solve
from mamba_diffae.models import queries, reconstruct, sample_flow
from mamba_diffae.models.checks import check_observations
from mamba_diffae.models.inference import solve_flow
from mamba_diffae.models.queries import known_context
from mamba_diffae.models.registry import ARCHITECTURES

KINDS = pytest.mark.parametrize("kind", ARCHITECTURES.names())


def query(count: int = 9, seed: int = 5) -> Tensor:
    return torch.rand(2, count, 2, generator=torch.Generator().manual_seed(seed))


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


# What comes back


@KINDS
def test_the_mean_has_no_randomness_and_no_gradient(network, observed, kind: str) -> None:
    net = network(kind)
    mean = reconstruct(net, query(), observed())
    torch.manual_seed(99)
    assert torch.equal(reconstruct(net, query(), observed()), mean)
    assert mean.shape == (2, 9, 2)
    assert not mean.requires_grad


@KINDS
@pytest.mark.parametrize("solver", SOLVERS)
def test_draws_differ_by_seed_alone(network, observed, kind: str, solver: str) -> None:
    net, options = network(kind), {"solver": solver, "steps": 2}
    first = sample_flow(net, query(), observed(), seed=0, **options)
    torch.manual_seed(99)
    assert torch.equal(sample_flow(net, query(), observed(), seed=0, **options), first)
    assert (sample_flow(net, query(), observed(), seed=1, **options) - first).abs().mean() > 0.01
    assert not first.requires_grad


def test_the_mean_is_the_velocity_at_the_start(network, observed) -> None:
    net, seen = network(), observed(missing=0.3)
    points = net.encoding(seen)
    velocity = net.decode(query(), points.latent, torch.zeros(2), points=points)
    close(reconstruct(net, query(), seen), velocity)
    close(
        reconstruct(net, query(), seen, decoder_inputs="latent"),
        net.decode(query(), points.latent, torch.zeros(2)),
    )


def test_a_given_latent_takes_the_place_of_the_encoded_one(network, observed) -> None:
    net, seen = network(), observed()
    other = net.encode(observed(seed=3)).detach()
    for ask in (reconstruct, sample_flow):
        # By the latent alone, only the latent matters: not even what was observed.
        one = ask(net, query(), seen, latent=other, decoder_inputs="latent")
        close(ask(net, query(), observed(seed=8), latent=other, decoder_inputs="latent"), one)
        close(ask(net, query(), observed(seed=3), decoder_inputs="latent"), one)
        assert (ask(net, query(), seen, decoder_inputs="latent") - one).abs().max() > 1e-3
        assert (ask(net, query(), seen, latent=other) - one).abs().max() > 1e-2


@KINDS
@pytest.mark.parametrize("solver", SOLVERS)
def test_evaluations_are_reported(network, observed, kind: str, solver: str, monkeypatch) -> None:
    net, calls = network(kind), []
    velocity = net.query_flow
    monkeypatch.setattr(net, "query_flow", lambda *a: calls.append(1) or velocity(*a))
    seen = check_observations(net, query(), observed())
    with torch.no_grad():
        context = known_context(net, seen, None, None)
    solution = solve_flow(net, context, query(), 0, solver=solver, steps=3)
    assert solution.evaluations == len(calls) == 3 * SOLVERS[solver].evaluations


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_a_draw_is_the_one_flow_of_anchors_and_queries(network, observed, solver: str) -> None:
    net, seen = network(), observed(missing=0.3)
    points, context = net.encoding(seen), net.encode_context(seen)
    places = torch.cat([net.anchors.expand(2, -1, -1), query()], dim=1)

    def velocity(x: Tensor, t: float, number: int) -> Tensor:
        time, (anchors, queries) = x.new_full((2,), t), x.split([36, 9], dim=1)
        options = {"anchor_values": anchors, "points": points}
        asked = net.decode(query(), points.latent, time, queries, **options)
        return torch.cat([net.anchor_flow(context, time, anchors)[1], asked], dim=1)

    with torch.no_grad():
        start = net.noise(places, field_keys(4, 2))
        together = solve(velocity, start, solver=solver, steps=3).x[:, 36:]
    close(sample_flow(net, query(), seen, solver=solver, steps=3, seed=4), together)


def test_anchors_are_integrated_once_however_many_chunks(network, observed, monkeypatch) -> None:
    net, calls = network(), []
    velocity = net.anchor_flow
    monkeypatch.setattr(net, "anchor_flow", lambda *a: calls.append(1) or velocity(*a))
    monkeypatch.setattr(queries, "CHUNK", 2)
    sample_flow(net, query(), observed(), solver="heun", steps=3)
    assert len(calls) == 6


def test_queries_that_feel_one_another_are_not_chunked(network, observed, monkeypatch) -> None:
    net = network(decoder="scanning")
    whole = reconstruct(net, query(), observed())
    monkeypatch.setattr(queries, "CHUNK", 2)
    assert torch.equal(reconstruct(net, query(), observed()), whole)


def test_temperature_zero_is_euler(network, observed) -> None:
    net = network()
    cold = sample_flow(net, query(), observed(), solver="stochastic", temperature=0, steps=3)
    close(cold, sample_flow(net, query(), observed(), solver="euler", steps=3))
    warm = sample_flow(net, query(), observed(), solver="stochastic", temperature=1, steps=3)
    assert (warm - cold).abs().max() > 1e-2


@KINDS
@pytest.mark.parametrize("garbage", [math.nan, math.inf, -7.0])
def test_what_stands_at_absent_points_is_never_seen(network, observed, kind, garbage) -> None:
    net, seen = network(kind), observed(missing=0.3, support=True, noise=True)
    there = seen.present[..., None]
    strange = Observations(
        torch.where(there, seen.coords, garbage),
        torch.where(seen.mask, seen.values, garbage),
        seen.mask,
        support=torch.where(there, seen.support, garbage),
        noise=torch.where(seen.mask, seen.noise, garbage),
    )
    assert not seen.present.all()
    for ask in (reconstruct, sample_flow):
        close(ask(net, query(), strange), ask(net, query(), seen))


@pytest.mark.parametrize("points", [1, 2, 5])
@KINDS
def test_a_handful_of_observations_is_enough(network, observed, kind: str, points: int) -> None:
    # The tiny autoencoder reads six neighbours; fewer are all that there are, padded or not.
    net, seen, more = network(kind), observed(points=points), observed(points=points + 9, seed=3)
    mean = reconstruct(net, query(), seen)
    more.coords[:, :points], more.values[:, :points] = seen.coords, seen.values
    padded = more.replace(mask=more.mask & (torch.arange(points + 9) < points)[:, None])
    close(reconstruct(net, query(), padded), mean)
    moved = reconstruct(net, query(), seen.with_values(seen.values + 1))
    assert (moved - mean).abs().mean() > 1e-2
