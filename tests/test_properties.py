"""The contracts of the package, each stated once, on random weights: they hold before any training.

1. A query's value does not depend on the other queries.
2. One sample is one field, at every resolution.
3. The latent sees a set of observations: no order, no padding, no batch.
4. The fast scan is the reference; an order and its inverse cancel; duplicates are harmless.
5. The velocity is the path's derivative; a solver has its declared order and tells its cost.
12. A gap, an absent variable and an absent point never leak a value into anything.

Contracts 7 and 9 are in `test_fitted_properties.py`, 8 and 11 with the fields and their scaling.
Depth is in the folders beside this file.
"""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mamba_diffae.fields import FieldData, Geometry, Grid, Observations, Variable
from mamba_diffae.flow import SOLVERS, field_keys, linear_path, solve
from mamba_diffae.models import ARCHITECTURES, drawing, queries, reconstruct, sample_flow
from mamba_diffae.models.ensemble import EnsembleDecoder
from mamba_diffae.nn.attention import lattice
from mamba_diffae.nn.scan_order import DIRECTIONS, scan_orders
from mamba_diffae.scan import selective_scan

INPUTS = ("latent", "latent+points")
SEEDS = st.integers(0, 2**20)
PROPERTY = settings(max_examples=5)
SQUARE = Geometry.unit(2)
GEOMETRIES = {
    "rectangle": Geometry(extent=(0.5, 1.0)),
    "profile": Geometry(extent=(1.0,)),
    "volume": Geometry(extent=(0.5, 0.5, 1.0)),
    "channel": Geometry(extent=(0.5, 1.0), periodic=(False, True)),
}
EVERYWHERE = pytest.mark.parametrize("place", GEOMETRIES)


def mean(net, query, seen, inputs) -> Tensor:
    return reconstruct(net, query, seen, decoder_inputs=inputs)


def draw(net, query, seen, inputs) -> Tensor:
    return sample_flow(net, query, seen, decoder_inputs=inputs, steps=3, seed=1)


def stochastic_draw(net, query, seen, inputs) -> Tensor:
    options = {"solver": "stochastic", "steps": 3, "seed": 1}
    return sample_flow(net, query, seen, decoder_inputs=inputs, **options)


def draw_in_one_evaluation(net, query, seen, inputs) -> Tensor:
    keys, ensemble = field_keys(1, len(query)), _decoder_of_draws(net)
    net.ensemble = ensemble
    posterior = net.prior.posterior(seen, keys=keys[:, None])
    context = queries.known_context(net, seen, None, inputs, posterior)
    net.ensemble.fitted.fill_(True)
    return next(drawing.draws(net, context, query, keys[:, None], posterior.draws))


def _decoder_of_draws(net) -> EnsembleDecoder:
    """One of random weights, the same at every call."""
    generator = torch.Generator().manual_seed(0)
    config = net.config.model_copy(update={"noise_dim": 4})
    ensemble = EnsembleDecoder(config, net.codes.decoded_dim)
    ensemble.start_from(net.stage, net.decoder)
    for weight in ensemble.parameters():
        weight.data += 0.15 * torch.randn(weight.shape, generator=generator)
    return ensemble.eval()


def interpolation(net, query, seen, inputs) -> Tensor:
    latent = net.encode(seen).detach()
    halfway = latent.mean(0).expand(2, -1)
    return reconstruct(net, query, seen, latent=halfway, decoder_inputs=inputs)


PRIORS = pytest.mark.parametrize("exemplars", [0, 90])  # without a prior, and with one that chooses
ANSWERS = pytest.mark.parametrize(
    "ask", [mean, draw, stochastic_draw, draw_in_one_evaluation, interpolation]
)


def places(count: int, seed: int, geometry: Geometry = SQUARE) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, count, geometry.dim, generator=generator) * torch.tensor(geometry.extent)


def permutation(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def grid(size: int, geometry: Geometry = SQUARE) -> Tensor:
    """Centres of cells that are as wide as high, so many along the longest axis."""
    shape = [round(size * a) for a in geometry.extent]
    return lattice(shape, geometry.extent).expand(2, -1, -1)


def joined(first: Observations, second: Observations, *, keep: bool) -> Observations:
    """Points of two batches; those of the first are absent unless kept."""
    pairs = [(getattr(first, n), getattr(second, n)) for n in ("coords", "values", "mask")]
    coords, values, mask = (torch.cat(pair, dim=1) for pair in pairs)
    mask[:, : first.coords.shape[1]] &= keep
    return Observations(coords, values, mask)


def ordered(seen: Observations, order: Tensor) -> Observations:
    return Observations(seen.coords[:, order], seen.values[:, order], seen.mask[:, order])


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


@ANSWERS
@PRIORS
@pytest.mark.parametrize("inputs", INPUTS)
@PROPERTY
@given(seed=SEEDS)
def test_1_a_query_does_not_depend_on_other_queries(
    network, observed, ask, inputs: str, exemplars: int, seed: int
) -> None:
    net, seen = network(exemplars=exemplars), observed(missing=0.2)
    _no_other_query_matters(net, seen, ask, inputs, seed)


@pytest.mark.parametrize("ask", [mean, draw, draw_in_one_evaluation])
@EVERYWHERE
def test_1_so_it_is_on_any_grid(network, observed, ask, place: str) -> None:
    geometry = GEOMETRIES[place]
    net, seen = network(geometry=geometry), observed(geometry=geometry, missing=0.2)
    _no_other_query_matters(net, seen, ask, "latent+points", 0)


def _no_other_query_matters(net, seen, ask, inputs: str, seed: int) -> None:
    geometry = net.config.geometry
    query, others = places(30, seed, geometry), places(25, seed + 1, geometry)
    whole = ask(net, query, seen, inputs)
    order = permutation(30, seed)
    close(ask(net, query[:, order], seen, inputs), whole[:, order])
    close(ask(net, query[:, 7:9], seen, inputs), whole[:, 7:9])
    close(ask(net, torch.cat([others, query], dim=1), seen, inputs)[:, 25:], whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "CHUNK", 7)
        close(ask(net, query, seen, inputs), whole)
    assert whole.std(dim=1).min() > 1e-3


@ANSWERS
@PRIORS
@pytest.mark.parametrize("inputs", INPUTS)
def test_2_one_sample_is_one_field_at_every_resolution(
    network, observed, ask, inputs: str, exemplars: int
) -> None:
    net, seen = network(exemplars=exemplars), observed()
    _every_resolution_is_the_same_field(net, seen, ask, inputs)


@pytest.mark.parametrize("ask", [mean, draw, draw_in_one_evaluation])
@EVERYWHERE
def test_2_so_it_is_on_any_grid(network, observed, ask, place: str) -> None:
    geometry = GEOMETRIES[place]
    net, seen = network(geometry=geometry), observed(geometry=geometry)
    _every_resolution_is_the_same_field(net, seen, ask, "latent+points")


def _every_resolution_is_the_same_field(net, seen, ask, inputs: str) -> None:
    geometry = net.config.geometry
    coarse, fine = (
        ask(net, grid(size, geometry), seen, inputs).unflatten(
            1, [round(size * a) for a in geometry.extent]
        )
        for size in (8, 24)
    )
    # The centres of the coarse cells are those of every third fine one.
    close(fine[(slice(None), *[slice(1, None, 3)] * geometry.dim)], coarse)


def test_2_seeds_name_fields(network, observed) -> None:
    net, seen, query = network(), observed(), grid(6)
    one = sample_flow(net, query, seen, steps=2, seed=5)
    close(sample_flow(net, query, seen, steps=2, seed=field_keys(5, 2)), one)
    assert (sample_flow(net, query, seen, steps=2, seed=6) - one).abs().mean() > 0.05
    # The same key is the same field, in whatever batch.
    keys = field_keys(5, 2)[1:]
    close(sample_flow(net, query[1:], seen[[1]], steps=2, seed=keys), one[1:])


@PRIORS
@pytest.mark.parametrize("points", [3, 20])  # fewer than a query reads, and more
@pytest.mark.parametrize("missing", [0.0, 0.4])
@PROPERTY
@given(seed=SEEDS)
def test_3_the_latent_sees_a_set(
    network, observed, points: int, exemplars: int, missing: float, seed: int
) -> None:
    net, seen = network(exemplars=exemplars), observed(points=points, missing=missing, seed=seed)
    _the_latent_sees_a_set(net, seen, observed(points=5, seed=seed + 1), seed)


@EVERYWHERE
def test_3_so_it_is_on_any_grid(network, observed, place: str) -> None:
    geometry = GEOMETRIES[place]
    seen, padding = (observed(geometry=geometry, missing=0.4, seed=s) for s in (0, 1))
    _the_latent_sees_a_set(network(geometry=geometry), seen, padding, 0)


def _the_latent_sees_a_set(net, seen, padding, seed: int) -> None:
    latent, query = net.encode(seen), grid(5, net.config.geometry)
    shuffled = ordered(seen, permutation(seen.coords.shape[1], seed))
    close(net.encode(shuffled), latent)
    close(net.encode(seen[[1]]), latent[1:])
    padded = joined(padding, seen, keep=False)
    close(net.encode(padded), latent)
    # So does the field that is decoded, by either input.
    for inputs in INPUTS:
        whole = reconstruct(net, query, seen, decoder_inputs=inputs)
        for other in (padded, shuffled):
            close(reconstruct(net, query, other, decoder_inputs=inputs), whole)
    assert (latent[0] - latent[1]).abs().max() > 1e-2


def scan_inputs(length: int = 50) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = {"x": (2, length, 8), "dt": (2, length, 8), "A": (3, 8, 2)}
    shapes |= {"B": (2, 3, length, 2), "C": (2, 3, length, 2), "D": (8,), "step": (2, 3, length)}
    inputs = {name: torch.randn(*s, generator=generator) for name, s in shapes.items()}
    inputs |= {"dt": inputs["dt"].exp(), "A": -inputs["A"].exp(), "step": inputs["step"].exp()}
    return {name: tensor.requires_grad_() for name, tensor in inputs.items()}


def test_4_the_fast_scan_is_the_reference_scan() -> None:
    inputs = scan_inputs()
    coords = places(50, 0)
    here, directions = torch.ones(2, 50, dtype=torch.bool), ("row", "column", "hilbert")
    order = scan_orders(coords, here, directions, SQUARE)
    results = []
    for backend in ("auto", "reference"):
        y = selective_scan(**inputs, order=order, backend=backend)
        results.append((y, *torch.autograd.grad(y.square().sum(), list(inputs.values()))))
    for fast, reference in zip(*results, strict=True):
        scale = reference.abs().max().item()
        torch.testing.assert_close(fast, reference, rtol=0, atol=2e-5 * scale)


def test_4_an_order_and_its_inverse_cancel() -> None:
    coords = places(60, 3)
    order = scan_orders(coords, torch.ones(2, 60, dtype=torch.bool), DIRECTIONS, SQUARE)
    inverse = order.argsort(dim=-1)
    assert torch.equal(order.gather(-1, inverse), torch.arange(60).expand_as(order))


@PRIORS
def test_4_duplicate_points_are_harmless(network, observed, exemplars: int) -> None:
    net, seen = network(exemplars=exemplars), observed(missing=0.2)
    twice = joined(ordered(seen, torch.arange(8)), seen, keep=True)
    latent = net.encode(twice)
    assert latent.isfinite().all()
    close(net.encode(ordered(twice, permutation(28, 1))), latent)
    everywhere_the_same = seen.replace(coords=torch.full_like(seen.coords, 0.5))
    for inputs in INPUTS:
        answer = reconstruct(net, grid(5), everywhere_the_same, decoder_inputs=inputs)
        assert answer.isfinite().all()


@given(t=st.floats(0.01, 0.99), seed=SEEDS)
def test_5_u_t_is_the_derivative_of_x_t(t: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x_0, x_1 = torch.randn(2, 1, 5, 3, dtype=torch.float64, generator=generator)
    times = torch.tensor([[t - 1e-3], [t + 1e-3]], dtype=torch.float64)
    before, after = (linear_path(x_0, x_1, time) for time in times)
    derivative = (after.x_t - before.x_t) / 2e-3
    torch.testing.assert_close(derivative, after.u_t, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["euler", "heun"])
def test_5_a_solver_has_its_declared_order_and_tells_its_cost(name: str) -> None:
    calls = itertools.count()

    def velocity(x: Tensor, t: float, number: int) -> Tensor:
        next(calls)
        return -2 * t * x  # x(1) = x(0) / e

    x = torch.ones(1, dtype=torch.float64)
    solutions = [solve(velocity, x, solver=name, steps=steps) for steps in (200, 400)]
    errors = [abs(solution.x.item() - math.exp(-1)) for solution in solutions]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(SOLVERS[name].order, abs=0.05)
    assert sum(solution.evaluations for solution in solutions) == next(calls)


# Nothing leaks


@pytest.mark.parametrize("kind", ARCHITECTURES.names())
@pytest.mark.parametrize("under", [math.nan, math.inf, 1e6])
@PROPERTY
@given(seed=SEEDS)
def test_12_what_lies_under_a_mask_changes_nothing(
    network, observed, kind: str, under: float, seed: int
) -> None:
    net = network(kind)
    clean = observed(missing=0.5, support=True, noise=True, seed=seed)
    parts = {
        "coords": torch.where(clean.present[..., None], clean.coords, under),
        "values": torch.where(clean.mask, clean.values, under),
        "support": torch.where(clean.present[..., None], clean.support, under),
        "noise": torch.where(clean.mask, clean.noise, under),
    }
    strange, query = Observations(mask=clean.mask, **parts), places(9, seed)
    assert torch.equal(reconstruct(net, query, strange), reconstruct(net, query, clean))
    one, other = (sample_flow(net, query, seen, steps=2) for seen in (strange, clean))
    assert torch.equal(one, other)


@PRIORS
def test_12_a_variable_that_nobody_observed_could_be_anything(network, observed, exemplars) -> None:
    net, seen = network(exemplars=exemplars), observed()
    mask = seen.mask & torch.tensor([True, False])
    answers = [
        reconstruct(net, grid(5), Observations(seen.coords, values, mask))
        for values in (seen.values, seen.values.flip(-1) * torch.tensor([0.0, 1.0]) + seen.values)
    ]
    assert torch.equal(*answers)
    assert answers[0].isfinite().all()
    # And where it is observed, it is read.
    assert (reconstruct(net, grid(5), seen) - answers[0]).abs().max() > 1e-2


def test_12_gaps_and_land_of_training_fields_could_hold_anything(network, observed) -> None:
    rng, answers = np.random.default_rng(0), []
    values = rng.uniform(-1, 1, (9, 16, 16, 2)).astype(np.float32)
    valid, sea = rng.random(values.shape) < 0.7, rng.random((16, 16)) < 0.8
    variables = [Variable("a"), Variable("b")]
    for under in (0.0, 0.9, math.nan, math.inf):
        net = network(exemplars=6)
        filled = np.where(valid & sea[..., None], values, under).astype(np.float32)
        net.fit_prior(FieldData(variables, Grid(Grid.default((16, 16)).axes, sea), filled, valid))
        answers.append(reconstruct(net, grid(5), observed(missing=0.2)))
    for answer in answers[1:]:
        assert torch.equal(answer, answers[0])
    assert answers[0].isfinite().all()
