"""The contracts of the package, each stated once, on random weights: they hold before any training.

1. A query's value does not depend on the other queries.
2. One sample is one field, at every resolution.
3. The latent sees a set of observations: no order, no padding, no batch.
4. The fast scan is the reference; an order and its inverse cancel; duplicates are harmless.
5. The velocity is the path's derivative; a solver has its declared order and tells its cost.
7. What is saved is what is loaded; training that was stopped goes on as if it had not been.
9. An oracle scores above 60 dB at every scale, so no grid is shifted.

Contracts 6 and 8 come with the fields' units. Depth is in the folders beside this file.
"""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mamba_diffae import FieldAutoencoder, observe, reconstruct, sample
from mamba_diffae.evaluation import judge
from mamba_diffae.fields import pixel_centres
from mamba_diffae.flow import SOLVERS, field_keys, linear_path, solve
from mamba_diffae.models import inference
from mamba_diffae.nn.scan_order import DIRECTIONS, scan_orders
from mamba_diffae.scan import selective_scan
from mamba_diffae.training import Run
from mamba_diffae.training.batches import FieldBatches

CONTEXTS = ("latent", "latent+points")
SEEDS = st.integers(0, 2**20)
PROPERTY = settings(max_examples=8)


def mean(net, query, coords, values, context) -> Tensor:
    return reconstruct(net, query, coords, values, context=context)


def draw(net, query, coords, values, context) -> Tensor:
    return sample(net, query, coords, values, context=context, steps=3, seed=1)


def stochastic_draw(net, query, coords, values, context) -> Tensor:
    options = {"solver": "stochastic", "steps": 3, "seed": 1}
    return sample(net, query, coords, values, context=context, **options)


def interpolation(net, query, coords, values, context) -> Tensor:
    latent = net.encode(coords, values).detach()
    halfway = latent.mean(0).expand(2, -1)
    return reconstruct(net, query, coords, values, latent=halfway, context=context)


PRIORS = pytest.mark.parametrize("exemplars", [0, 90])  # without a prior, and with one that chooses
ANSWERS = pytest.mark.parametrize("ask", [mean, draw, stochastic_draw, interpolation])


def places(count: int, seed: int) -> Tensor:
    return torch.rand(2, count, 2, generator=torch.Generator().manual_seed(seed))


def permutation(count: int, seed: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def grid(size: int) -> Tensor:
    return torch.from_numpy(pixel_centres(size)).expand(2, -1, -1)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


@ANSWERS
@PRIORS
@pytest.mark.parametrize("context", CONTEXTS)
@PROPERTY
@given(seed=SEEDS)
def test_1_a_query_does_not_depend_on_other_queries(
    network, observed, ask, context: str, exemplars: int, seed: int
) -> None:
    net, seen = network(exemplars=exemplars), observed()
    query, others = places(30, seed), places(25, seed + 1)
    whole = ask(net, query, *seen, context)
    order = permutation(30, seed)
    close(ask(net, query[:, order], *seen, context), whole[:, order])
    close(ask(net, query[:, 7:9], *seen, context), whole[:, 7:9])
    close(ask(net, torch.cat([others, query], dim=1), *seen, context)[:, 25:], whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inference, "CHUNK", 7)
        close(ask(net, query, *seen, context), whole)
    assert whole.std(dim=1).min() > 1e-3


@ANSWERS
@PRIORS
@pytest.mark.parametrize("context", CONTEXTS)
def test_2_one_sample_is_one_field_at_every_resolution(
    network, observed, ask, context: str, exemplars: int
) -> None:
    net, seen = network(exemplars=exemplars), observed()
    coarse = ask(net, grid(8), *seen, context).reshape(2, 8, 8, -1)
    fine = ask(net, grid(24), *seen, context).reshape(2, 24, 24, -1)
    # The centres of the coarse pixels are those of every third fine one.
    close(fine[:, 1::3, 1::3], coarse)


def test_2_seeds_name_fields(network, observed) -> None:
    net, seen, query = network(), observed(), grid(6)
    one = sample(net, query, *seen, steps=2, seed=5)
    close(sample(net, query, *seen, steps=2, seed=field_keys(5, 2)), one)
    assert (sample(net, query, *seen, steps=2, seed=6) - one).abs().mean() > 0.05
    # The same key is the same field, in whatever batch.
    second = [tensor[1:] for tensor in (query, *seen)]
    close(sample(net, *second, steps=2, seed=field_keys(5, 2)[1:]), one[1:])


@PRIORS
@pytest.mark.parametrize("points", [3, 20])  # fewer than a query reads, and more
@PROPERTY
@given(seed=SEEDS)
def test_3_the_latent_sees_a_set(network, observed, points: int, exemplars: int, seed: int) -> None:
    net = network(exemplars=exemplars)
    coords, values = observed(points=points, seed=seed)
    latent = net.encode(coords, values)
    order = permutation(points, seed)
    close(net.encode(coords[:, order], values[:, order]), latent)
    close(net.encode(coords[1:], values[1:]), latent[1:])
    padding = observed(points=5, seed=seed + 1)
    padded = [torch.cat([p, x], dim=1) for p, x in zip(padding, (coords, values), strict=True)]
    mask = (torch.arange(points + 5) >= 5).expand(2, -1)
    close(net.encode(*padded, mask), latent)
    # So does the field that is decoded, by either context.
    for context in CONTEXTS:
        whole = reconstruct(net, grid(5), coords, values, context=context)
        close(reconstruct(net, grid(5), *padded, mask, context=context), whole)
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
    order = scan_orders(coords, torch.ones(2, 50, dtype=torch.bool), ("row", "column", "hilbert"))
    results = []
    for backend in ("auto", "reference"):
        y = selective_scan(**inputs, order=order, backend=backend)
        results.append((y, *torch.autograd.grad(y.square().sum(), list(inputs.values()))))
    for fast, reference in zip(*results, strict=True):
        scale = reference.abs().max().item()
        torch.testing.assert_close(fast, reference, rtol=0, atol=2e-5 * scale)


def test_4_an_order_and_its_inverse_cancel() -> None:
    coords = places(60, 3)
    order = scan_orders(coords, torch.ones(2, 60, dtype=torch.bool), DIRECTIONS)
    inverse = order.argsort(dim=-1)
    assert torch.equal(order.gather(-1, inverse), torch.arange(60).expand_as(order))


@PRIORS
def test_4_duplicate_points_are_harmless(network, observed, exemplars: int) -> None:
    net = network(exemplars=exemplars)
    coords, values = observed()
    twice = [torch.cat([tensor, tensor[:, :8]], dim=1) for tensor in (coords, values)]
    order = permutation(28, 1)
    latent = net.encode(*twice)
    assert latent.isfinite().all()
    close(net.encode(*(tensor[:, order] for tensor in twice)), latent)
    everywhere_the_same = torch.full_like(coords, 0.5), values
    for context in CONTEXTS:
        assert reconstruct(net, grid(5), *everywhere_the_same, context=context).isfinite().all()


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


MODEL = {
    "d_model": 16,
    "fourier_features": 8,
    "latent_dim": 12,
    "tokens": 2,
    "patch": 2,
    "neighbours": 4,
}
STEPS = {"batch_size": 3, "checkpoint_every": 2, "log_every": 1, "validate_every": 3}
CHANGES = {
    "model": MODEL | {"message": 8, "head": [16]},
    "data": {"queries": 40, "cells": 12},
    "autoencoder": STEPS | {"steps": 6, "show_progress": False},
    "diffusion": STEPS | {"steps": 4, "show_progress": False},
    "latent": STEPS | {"steps": 4, "show_progress": False},
}


def tiny_model() -> FieldAutoencoder:
    return FieldAutoencoder("tiny", device="cpu", changes=CHANGES)


def test_7_saved_and_loaded_is_the_same(smooth_fields, tmp_path: Path) -> None:
    truth = smooth_fields()
    model = tiny_model().fit(truth)
    model.save_pretrained(tmp_path / "model")
    loaded = FieldAutoencoder.from_pretrained(tmp_path / "model", device="cpu")
    seen = observe(truth, 0.2, cells=12)
    ours, theirs = (m.predict(seen, targets=24, n_samples=1, steps=2) for m in (model, loaded))
    np.testing.assert_array_equal(ours.mean, theirs.mean)
    np.testing.assert_array_equal(ours.sample, theirs.sample)
    np.testing.assert_array_equal(model.encode(seen), loaded.encode(seen))


@pytest.mark.parametrize("stop", [3, 6 + 3])  # batches made: in phase 1, in phase 2
def test_7_stopped_and_resumed_is_never_stopped(
    smooth_fields, tmp_path: Path, monkeypatch, stop: int
) -> None:
    truth = smooth_fields()
    whole = tiny_model().fit(truth, run=tmp_path / "whole")
    made, make = itertools.count(), FieldBatches.__call__

    def failing(self: FieldBatches, step: int):
        if next(made) == stop:
            raise OSError("the machine went down")
        return make(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(FieldBatches, "__call__", failing)
        with pytest.raises(OSError, match="went down"):
            tiny_model().fit(truth, run=tmp_path / "stopped")
    resumed = tiny_model().fit(truth, run=tmp_path / "stopped", resume=True)

    timed = {"seconds", "pictures_per_second"}
    curves = [
        [{k: v for k, v in row.items() if k not in timed} for row in Run.open(folder).metrics()]
        for folder in (tmp_path / "whole", tmp_path / "stopped")
    ]
    assert len(curves[0]) == (6 + 2) + 2 * (4 + 2)  # a loss for every step, and the validations
    assert curves[1] == curves[0]
    seen = observe(truth, 0.2, cells=12)
    np.testing.assert_array_equal(resumed.predict(seen).mean, whole.predict(seen).mean)


def test_9_an_oracle_scores_above_60_db_at_every_scale(smooth_fields) -> None:
    # A linear field equals its average over a cell at the cell's centre: an oracle that knows the
    # formula, not the grid, is right at every scale if the grid's centres are where it thinks.
    truth = smooth_fields(count=3, size=96, channels=2)
    slopes = np.array([[4.0, -2.0], [1.0, 3.0]], np.float32)

    def linear(coords: np.ndarray) -> np.ndarray:
        values = ((coords - 0.5) @ slopes).reshape(1, math.isqrt(len(coords)), -1, 2)
        return np.repeat(values, 3, axis=0)

    truth.values[:] = linear(pixel_centres(96))

    def pixel_edges(scale: int) -> np.ndarray:
        return (pixel_centres(scale) * scale - 0.5) / (scale - 1)

    scores = judge(
        {
            "oracle": lambda observations, scale: linear(pixel_centres(scale)),
            "shifted": lambda observations, scale: linear(pixel_edges(scale)),
        },
        truth,
        observe(truth, 0.2),
        scales=[24, 32, 64, 96],
    )
    for score in scores:
        assert (score.psnr.mean > 60) == (score.method == "oracle")
