"""Asking a network: what is refused, and how draws are told apart."""

import math

import pytest
import torch
from torch import Tensor

from mamba_diffae.flow import SOLVERS, field_keys, solve
from mamba_diffae.models import Noise, inference, invert, reconstruct, sample
from mamba_diffae.models.inference import check_inputs, draw
from mamba_diffae.models.pretrained import MODELS


def query(count: int = 9, seed: int = 5) -> Tensor:
    return torch.rand(2, count, 2, generator=torch.Generator().manual_seed(seed))


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


# What comes back


@pytest.mark.parametrize("kind", MODELS)
def test_the_mean_has_no_randomness_and_no_gradient(network, observed, kind: str) -> None:
    net = network(kind)
    mean = reconstruct(net, query(), *observed())
    torch.manual_seed(99)
    assert torch.equal(reconstruct(net, query(), *observed()), mean)
    assert mean.shape == (2, 9, 2)
    assert not mean.requires_grad


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_draws_differ_by_seed_alone(network, observed, kind: str, solver: str) -> None:
    net, options = network(kind), {"solver": solver, "steps": 2}
    first = sample(net, query(), *observed(), seed=0, **options)
    torch.manual_seed(99)
    assert torch.equal(sample(net, query(), *observed(), seed=0, **options), first)
    assert (sample(net, query(), *observed(), seed=1, **options) - first).abs().mean() > 0.01
    assert not first.requires_grad


def test_the_mean_is_the_velocity_at_the_start(network, observed) -> None:
    net, (coords, values) = network(), observed()
    points = net.encoding(coords, values, torch.ones(2, 20, dtype=torch.bool))
    velocity = net.decode(query(), points.latent, torch.zeros(2), points=points)
    close(reconstruct(net, query(), coords, values), velocity)
    close(
        reconstruct(net, query(), coords, values, context="latent"),
        net.decode(query(), points.latent, torch.zeros(2)),
    )


def test_a_given_latent_takes_the_place_of_the_encoded_one(network, observed) -> None:
    net, seen = network(), observed()
    other = net.encode(*observed(seed=3)).detach()
    for ask in (reconstruct, sample):
        # By the latent alone, only the latent matters: not even what was observed.
        one = ask(net, query(), *seen, latent=other, context="latent")
        close(ask(net, query(), *observed(seed=8), latent=other, context="latent"), one)
        close(ask(net, query(), *observed(seed=3), context="latent"), one)
        assert (ask(net, query(), *seen, context="latent") - one).abs().max() > 1e-3
        assert (ask(net, query(), *seen, latent=other) - one).abs().max() > 1e-2


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_evaluations_are_reported(network, observed, kind: str, solver: str, monkeypatch) -> None:
    net, calls = network(kind), []
    velocity = net.query_flow
    monkeypatch.setattr(net, "query_flow", lambda *a: calls.append(1) or velocity(*a))
    inputs = check_inputs(net, query(), *observed(), None)
    solution = draw(net, query(), inputs, None, None, 0, solver=solver, steps=3)
    assert solution.evaluations == len(calls) == 3 * SOLVERS[solver].evaluations


@pytest.mark.parametrize("solver", ["euler", "heun"])
def test_a_draw_is_the_one_flow_of_anchors_and_queries(network, observed, solver: str) -> None:
    net, seen = network(), (*observed(), torch.ones(2, 20, dtype=torch.bool))
    points, condition = net.encoding(*seen), net.condition(*seen)
    places = torch.cat([net.anchors.expand(2, -1, -1), query()], dim=1)

    def velocity(x: Tensor, t: float, number: int) -> Tensor:
        time, (anchors, queries) = x.new_full((2,), t), x.split([36, 9], dim=1)
        options = {"anchor_values": anchors, "points": points}
        asked = net.decode(query(), points.latent, time, queries, **options)
        return torch.cat([net.anchor_flow(condition, time, anchors)[1], asked], dim=1)

    with torch.no_grad():
        start = net.noise(places, field_keys(4, 2))
        together = solve(velocity, start, solver=solver, steps=3).x[:, 36:]
    close(sample(net, query(), *seen, solver=solver, steps=3, seed=4), together)


def test_anchors_are_integrated_once_however_many_chunks(network, observed, monkeypatch) -> None:
    net, calls = network(), []
    velocity = net.anchor_flow
    monkeypatch.setattr(net, "anchor_flow", lambda *a: calls.append(1) or velocity(*a))
    monkeypatch.setattr(inference, "CHUNK", 2)
    sample(net, query(), *observed(), solver="heun", steps=3)
    assert len(calls) == 6


def test_queries_that_feel_one_another_are_not_chunked(network, observed, monkeypatch) -> None:
    net = network(decoder="scan")
    whole = reconstruct(net, query(), *observed())
    monkeypatch.setattr(inference, "CHUNK", 2)
    assert torch.equal(reconstruct(net, query(), *observed()), whole)


def test_temperature_zero_is_euler(network, observed) -> None:
    net = network()
    cold = sample(net, query(), *observed(), solver="stochastic", temperature=0, steps=3)
    close(cold, sample(net, query(), *observed(), solver="euler", steps=3))
    warm = sample(net, query(), *observed(), solver="stochastic", temperature=1, steps=3)
    assert (warm - cold).abs().max() > 1e-2


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("garbage", [math.nan, math.inf, -7.0])
def test_what_stands_in_padded_points_is_never_seen(network, observed, kind, garbage) -> None:
    net, (coords, values) = network(kind), observed()
    mask = (torch.arange(24) < 20).expand(2, -1)
    padded = [torch.cat([x, torch.full((2, 4, 2), garbage)], dim=1) for x in (coords, values)]
    for ask in (reconstruct, sample):
        close(ask(net, query(), *padded, mask), ask(net, query(), coords, values))


@pytest.mark.parametrize("points", [1, 2, 5])
@pytest.mark.parametrize("kind", MODELS)
def test_a_handful_of_observations_is_enough(network, observed, kind: str, points: int) -> None:
    # The tiny autoencoder reads six neighbours; fewer are all that there are, padded or not.
    net, (coords, values) = network(kind), observed(points=points)
    mean = reconstruct(net, query(), coords, values)
    more = observed(points=9, seed=3)
    padded = [torch.cat([x, p], dim=1) for x, p in zip((coords, values), more, strict=True)]
    mask = (torch.arange(points + 9) < points).expand(2, -1)
    close(reconstruct(net, query(), *padded, mask), mean)
    moved = reconstruct(net, query(), coords, values + 1)
    assert (moved - mean).abs().mean() > 1e-2


# Back to noise


def field(net, seed: int = 2) -> Noise:
    """A field at the queries and at the anchors."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (2, 9, 2), (2, len(net.anchors), 2)
    return Noise(*(torch.rand(*shape, generator=generator) - 0.5 for shape in shapes))


@pytest.mark.parametrize("kind", MODELS)
def test_a_field_comes_back_from_its_noise(network, observed, kind: str) -> None:
    net = network(kind)
    data, errors = field(net), []
    for steps in (40, 80):
        found = invert(net, query(), *data, *observed(), steps=steps)
        assert [part.shape for part in found] == [part.shape for part in data]
        assert not found.queries.requires_grad
        again = sample(net, query(), *observed(), seed=found, steps=steps)
        errors.append((again - data.queries).abs().max().item())
    assert errors[1] < 0.01
    assert errors[1] < errors[0] / 3  # order 2


def test_noise_comes_back_from_its_draw(network, observed) -> None:
    net, seen, steps = network(), (*observed(), torch.ones(2, 20, dtype=torch.bool)), 120
    start = field(net, seed=7)
    with torch.no_grad():
        condition = net.condition(*seen)
        flow = lambda x, t, _: net.anchor_flow(condition, x.new_full((2,), t), x)[1]  # noqa: E731
        anchors = solve(flow, start.anchors, steps=steps).x
    drawn = sample(net, query(), *seen, seed=start, steps=steps)
    found = invert(net, query(), drawn, anchors, *seen, steps=steps)
    torch.testing.assert_close(found, start, atol=0.04, rtol=0)


def test_the_noise_of_a_query_does_not_depend_on_the_others(network, observed, monkeypatch) -> None:
    net = network()
    data = field(net)
    whole = invert(net, query(), *data, *observed(), steps=2)
    part = invert(net, query()[:, 3:5], data.queries[:, 3:5], data.anchors, *observed(), steps=2)
    close(part.queries, whole.queries[:, 3:5])
    monkeypatch.setattr(inference, "CHUNK", 2)
    close(invert(net, query(), *data, *observed(), steps=2).queries, whole.queries)


def test_a_given_noise_is_drawn_from_as_a_seed_is(network, observed) -> None:
    net, keys = network(), field_keys(4, 2)
    places = net.anchors.expand(2, -1, -1)
    start = Noise(*(net.noise(at, keys) for at in (query(), places)))
    for solver in SOLVERS:
        one = sample(net, query(), *observed(), seed=start, solver=solver, steps=2)
        if solver != "stochastic":  # whose fresh normals have a seed of their own
            close(one, sample(net, query(), *observed(), seed=4, solver=solver, steps=2))
        assert torch.isfinite(one).all()


def test_a_field_that_does_not_fit_is_refused(network, observed) -> None:
    net = network()
    data = field(net)
    with pytest.raises(
        ValueError, match=r"state at the queries has shape \(2, 8, 2\).*\(2, 9, 2\)"
    ):
        invert(net, query(), data.queries[:, 1:], data.anchors, *observed())
    with pytest.raises(ValueError, match=r"state at the anchors .* need \(2, 36, 2\)"):
        invert(net, query(), data.queries, data.anchors[:, 1:], *observed())
    with pytest.raises(ValueError, match="state at the anchors holds NaN"):
        sample(net, query(), *observed(), seed=Noise(data.queries, data.anchors * math.nan))


# What is refused


def refused(network, observed, kind: str = "autoencoder", ask=reconstruct, **given) -> str:
    """The message with which a question is refused."""
    coords, values = observed()
    mask = torch.ones(2, 20, dtype=torch.bool)
    usual = {"query_coords": query(), "input_coords": coords, "input_values": values}
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the caller reads the message
        ask(network(kind), **{**usual, "input_mask": mask, **given})
    return str(error.value)


WRONG = {
    "query_coords": [torch.rand(2, 9, 3), torch.rand(3, 9, 2), torch.rand(9, 2), torch.rand(2, 9)],
    "input_coords": [torch.rand(2, 20, 1), torch.rand(2, 20)],
    "input_values": [torch.rand(2, 20, 3), torch.rand(2, 19, 2), torch.rand(2, 20)],
    "input_mask": [torch.ones(2, 19, dtype=torch.bool), torch.ones(2, 20, 2, dtype=torch.bool)],
    "latent": [torch.zeros(2, 13), torch.zeros(1, 12), torch.zeros(12)],
}


@pytest.mark.parametrize(("name", "tensor"), [(n, t) for n, all_ in WRONG.items() for t in all_])
def test_a_wrong_shape_is_named(network, observed, name: str, tensor: Tensor) -> None:
    message = refused(network, observed, **{name: tensor})
    assert message.startswith(f"{name} has shape {tuple(tensor.shape)}; this network")


def test_the_shape_that_is_needed_is_told(network, observed) -> None:
    message = refused(network, observed, input_values=torch.rand(2, 20, 3))
    assert "need (2, 20, 2), fields first" in message
    message = refused(network, observed, query_coords=torch.rand(2, 9, 3))
    assert "need (2, N, 2), fields first" in message


@pytest.mark.parametrize("name", ["query_coords", "input_coords", "input_values", "latent"])
def test_another_precision_is_named(network, observed, name: str) -> None:
    width = {"query_coords": (2, 9, 2), "latent": (2, 12)}.get(name, (2, 20, 2))
    message = refused(network, observed, **{name: torch.zeros(width, dtype=torch.float64)})
    assert f"{name} is of torch.float64; expected torch.float32: convert" in message


def test_a_mask_of_numbers_is_refused(network, observed) -> None:
    message = refused(network, observed, input_mask=torch.ones(2, 20, dtype=torch.int64))
    assert "input_mask is of torch.int64; expected torch.bool" in message


@pytest.mark.parametrize("name", ["query_coords", "input_coords"])
@pytest.mark.parametrize(("value", "shown"), [(-0.01, "-0.01"), (1.5, "1.5"), (math.nan, "nan")])
def test_a_place_outside_the_square_is_shown(network, observed, name, value, shown) -> None:
    coords = torch.rand(2, 20, 2)
    coords[1, 3, 0] = value
    message = refused(network, observed, **{name: coords})
    assert f"{name}: 1 coordinates are outside [0, 1], such as {shown}" in message
    assert "pixel centres at (i + 0.5) / n" in message


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_counted(network, observed, value: float) -> None:
    _, values = observed()
    values[0, 2, 1] = values[1, 5, 0] = value
    message = refused(network, observed, input_values=values)
    assert "input_values: 2 of 80 are NaN or infinite" in message
    assert "False in input_mask" in message


def test_a_field_without_an_observation_is_named(network, observed) -> None:
    mask = torch.ones(2, 20, dtype=torch.bool)
    mask[1] = False
    assert "Fields [1] have no observation" in refused(network, observed, input_mask=mask)
    nothing = {"input_coords": torch.rand(2, 0, 2), "input_values": torch.rand(2, 0, 2)}
    message = refused(network, observed, **nothing, input_mask=None)
    assert "Fields [0, 1] have no observation" in message


def test_asking_nowhere_is_refused(network, observed) -> None:
    message = refused(network, observed, query_coords=torch.rand(2, 0, 2))
    assert "query_coords: there are no points at all" in message


@pytest.mark.parametrize("kind", ["mamba-diffusion", "minimal-latent"])
@pytest.mark.parametrize("given", [{"latent": torch.zeros(2, 12)}, {"context": "latent"}])
def test_a_baseline_has_no_latent(network, observed, kind: str, given: dict) -> None:
    for ask in (reconstruct, sample):
        message = refused(network, observed, kind, ask, **given)
        assert f"{kind} has no latent; leave `latent` and `context` out" in message


def test_unknown_names_are_refused_with_the_known_ones(network, observed) -> None:
    message = refused(network, observed, context="points")
    assert "context 'points'; choose one of none, latent, latent+points" in message
    message = refused(network, observed, ask=sample, solver="rk4")
    assert "solver 'rk4'; choose one of heun, euler, stochastic" in message
    assert "steps is 0" in refused(network, observed, ask=sample, steps=0)
    message = refused(network, observed, ask=sample, seed=torch.zeros(3, dtype=torch.int64))
    assert "seed is a torch.int64 tensor of shape (3,)" in message
    message = refused(network, observed, ask=sample, solver="stochastic", temperature=-1.0)
    assert "temperature of 0 or more (got -1)" in message
