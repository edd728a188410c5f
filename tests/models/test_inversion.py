"""Back to noise: `invert` is the inverse of drawing, query by query."""

import math

import pytest
import torch
from torch import Tensor

from mamba_diffae.flow import SOLVERS, field_keys, solve
from mamba_diffae.models import State, invert, queries, sample_flow
from mamba_diffae.models.registry import ARCHITECTURES

KINDS = pytest.mark.parametrize("kind", ARCHITECTURES.names())


def query(count: int = 9, seed: int = 5) -> Tensor:
    return torch.rand(2, count, 2, generator=torch.Generator().manual_seed(seed))


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def field(net, seed: int = 2) -> State:
    """A field at the queries and at the anchors."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (2, 9, 2), (2, len(net.anchors), 2)
    return State(*(torch.rand(*shape, generator=generator) - 0.5 for shape in shapes))


@KINDS
def test_a_field_comes_back_from_its_noise(network, observed, kind: str) -> None:
    net = network(kind)
    data, errors = field(net), []
    for steps in (20, 40):
        found = invert(net, query(), data, observed(), steps=steps)
        assert [part.shape for part in found] == [part.shape for part in data]
        assert not found.queries.requires_grad
        again = sample_flow(net, query(), observed(), seed=found, steps=steps)
        errors.append((again - data.queries).abs().max().item())
    assert errors[1] < 0.04
    assert errors[1] < errors[0] / 3  # order 2


def test_noise_comes_back_from_its_draw(network, observed) -> None:
    net, seen, steps = network(), observed(missing=0.3), 60
    start = field(net, seed=7)
    with torch.no_grad():
        context = net.encode_context(seen)
        flow = lambda x, t, _: net.anchor_flow(context, x.new_full((2,), t), x)[1]  # noqa: E731
        anchors = solve(flow, start.anchors, steps=steps).x
    drawn = sample_flow(net, query(), seen, seed=start, steps=steps)
    found = invert(net, query(), State(drawn, anchors), seen, steps=steps)
    torch.testing.assert_close(found, start, atol=0.15, rtol=0)


def test_the_noise_of_a_query_does_not_depend_on_the_others(network, observed, monkeypatch) -> None:
    net = network()
    data = field(net)
    whole = invert(net, query(), data, observed(), steps=2)
    some = State(data.queries[:, 3:5], data.anchors)
    part = invert(net, query()[:, 3:5], some, observed(), steps=2)
    close(part.queries, whole.queries[:, 3:5])
    monkeypatch.setattr(queries, "CHUNK", 2)
    close(invert(net, query(), data, observed(), steps=2).queries, whole.queries)


def test_a_given_noise_is_drawn_from_as_a_seed_is(network, observed) -> None:
    net, keys = network(), field_keys(4, 2)
    places = net.anchors.expand(2, -1, -1)
    start = State(*(net.noise(at, keys) for at in (query(), places)))
    for solver in SOLVERS:
        one = sample_flow(net, query(), observed(), seed=start, solver=solver, steps=2)
        if solver != "stochastic":  # whose fresh normals have a seed of their own
            close(one, sample_flow(net, query(), observed(), seed=4, solver=solver, steps=2))
        assert torch.isfinite(one).all()


def test_a_field_that_does_not_fit_is_refused(network, observed) -> None:
    net = network()
    data = field(net)
    with pytest.raises(
        ValueError, match=r"state at the queries has shape \(2, 8, 2\).*\(2, 9, 2\)"
    ):
        invert(net, query(), State(data.queries[:, 1:], data.anchors), observed())
    with pytest.raises(ValueError, match=r"state at the anchors .* need \(2, 36, 2\)"):
        invert(net, query(), State(data.queries, data.anchors[:, 1:]), observed())
    with pytest.raises(ValueError, match="state at the anchors holds NaN"):
        sample_flow(net, query(), observed(), seed=State(data.queries, data.anchors * math.nan))
