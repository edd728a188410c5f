"""Kriging against its textbook form, and in every geometry."""

import math

import numpy as np
import pytest
import torch

from mamba_diffae.fields import Geometry
from mamba_diffae.fields.geometry import Sphere
from mamba_diffae.priors.kriging import KERNELS, Boxes, Law, Readings, condition, merge, moments_of
from mamba_diffae.priors.kriging import neighbourhoods as module
from mamba_diffae.priors.kriging.gaussian import Moments, covariance, predict, solve, within
from mamba_diffae.priors.kriging.likelihood import Sample, best_variance, variance_of

GEOMETRIES = {
    "line": Geometry.unit(1),
    "square": Geometry.unit(2),
    "cylinder": Geometry(extent=(0.6, 1.0), periodic=(False, True)),
    "globe": Geometry(
        extent=(0.5, 1.0),
        periodic=(False, True),
        sphere=Sphere(
            latitude_axis=0, longitude_axis=1, latitude_origin=-math.pi / 2, radians=2 * math.pi
        ),
    ),
    "volume": Geometry.unit(3),
}


def places(geometry: Geometry, count: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.uniform(size=(count, geometry.dim)) * geometry.extent)


def readings(geometry: Geometry, coords, values, kind=None, **parts) -> Readings:
    count = len(coords)
    kind = torch.zeros(count, dtype=torch.int64) if kind is None else kind
    boxes = Boxes.of(coords, geometry, parts.pop("sides", None))
    made = Readings(boxes, values, kind, torch.ones(count, dtype=torch.float64), **parts)
    return merge(made, geometry.embed(coords), geometry.diameter)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
def test_it_is_ordinary_kriging(geometry, kernel):
    moments = moments_of(Law(kernel, (0.3,) * geometry.dim, 0.01), geometry, 2.0)
    made = readings(geometry, places(geometry, 20), torch.randn(20, 3).double())
    asked = Boxes.of(places(geometry, 7, 1), geometry)
    mean, left = predict(moments, made, solve(moments, made), asked)
    # The textbook's form: weights that sum to one, by a Lagrange multiplier.
    K = 2 * covariance(moments, made.boxes, made.boxes)
    assert torch.linalg.eigvalsh(K).min() > -1e-9
    k = 2 * covariance(moments, made.boxes, asked)
    system = torch.ones(21, 21).double()
    system[:20, :20], system[20, 20] = K + 0.02 * torch.eye(20), 0
    right = torch.cat([k, torch.ones(1, 7).double()])
    w = torch.linalg.solve(system, right)[:20]
    torch.testing.assert_close(mean, w.T @ made.values)
    expected = 2 - 2 * (w * k).sum(0) + (w * ((K + 0.02 * torch.eye(20)) @ w)).sum(0)
    torch.testing.assert_close(left[:, 0], expected)


def test_all_variables_everywhere_are_one_factor_for_all():
    geometry = GEOMETRIES["square"]
    law, C = Law("matern32", (0.3, 0.2), 0.05), torch.tensor([[2.0, 0.5], [0.5, 1.0]]).double()
    coords, values = places(geometry, 15), torch.randn(15, 2).double()
    asked = Boxes.of(places(geometry, 6, 1), geometry)
    fast = readings(geometry, coords, values)
    one = moments_of(law, geometry)
    mean, left = predict(one, fast, solve(one, fast), asked)
    kind = torch.arange(2).repeat_interleave(15)
    full = readings(geometry, coords.repeat(2, 1), values.T.reshape(30, 1), kind)
    both = Moments(law, law.scale(geometry), C, torch.zeros(2, 2).double())
    mean_2, left_2 = predict(both, full, solve(both, full), asked)
    torch.testing.assert_close(mean, mean_2)
    torch.testing.assert_close(left * C.diagonal(), left_2)


def test_a_variable_is_told_by_another_that_goes_with_it():
    geometry = GEOMETRIES["line"]
    law, C = Law("matern52", (0.3,), 1e-6), torch.tensor([[1.0, 0.95], [0.95, 1.0]]).double()
    moments = Moments(law, law.scale(geometry), C, 1e-2 * torch.eye(2).double())
    coords = torch.tensor([[0.1], [0.5], [0.9], [0.1], [0.9]]).double()
    values = torch.tensor([0.0, 2.0, 0.0, 0.0, 0.0]).double()[:, None]
    made = readings(geometry, coords, values, torch.tensor([0, 0, 0, 1, 1]))
    mean, left = predict(moments, made, solve(moments, made), Boxes.of(coords[1:2], geometry))
    assert mean[0, 0] == pytest.approx(2, abs=1e-3)
    assert mean[0, 1] == pytest.approx(1.9, abs=0.2)
    assert left[0, 0] < 1e-4 < left[0, 1] < 0.3


def test_boxes_are_averages():
    geometry = GEOMETRIES["square"]
    moments = moments_of(Law("matern52", (0.3, 0.5), 0.0), geometry)
    box = Boxes.of(torch.tensor([[0.4, 0.5]]).double(), geometry, torch.tensor([[0.3, 0.2]]))
    steps = (torch.arange(40).double() + 0.5) / 40 - 0.5
    fine = torch.cartesian_prod(0.4 + 0.3 * steps, 0.5 + 0.2 * steps)
    points, asked = Boxes.of(fine, geometry), Boxes.of(places(geometry, 5), geometry)
    expected = covariance(moments, asked, points).mean(dim=1)
    torch.testing.assert_close(covariance(moments, asked, box)[:, 0], expected, atol=1e-4, rtol=0)
    inner = covariance(moments, points, points).mean()
    assert within(moments, box).item() == pytest.approx(inner.item(), abs=2e-4)


def test_readings_of_one_group_share_an_offset():
    geometry, rng = GEOMETRIES["square"], np.random.default_rng(0)
    coords = places(geometry, 60)
    truth = torch.sin(5 * coords.sum(dim=1, keepdim=True))
    group = torch.from_numpy(rng.integers(0, 2, 60))
    values = truth + 3.0 * (group == 1)[:, None]
    law, noise = Law("matern52", (0.5, 0.5), 1e-6, 10.0), torch.full((60,), 1e-4).double()
    made = readings(geometry, coords, values, noise=noise, group=group)
    moments = moments_of(law, geometry)
    mean, _ = condition(moments, made, Boxes.of(coords, geometry))
    # The offset itself cannot be told from the trend; what is left is the shape.
    error = mean - truth
    assert error.std() < 0.1


def test_readings_of_one_place_become_one():
    geometry = GEOMETRIES["line"]
    coords = torch.tensor([[0.5], [0.2], [0.5], [0.5]]).double()
    values = torch.tensor([[1.0], [7.0], [2.0], [6.0]]).double()
    made = readings(geometry, coords, values)
    assert made.values[:, 0].tolist() == [7, 3]
    assert made.repeats.tolist() == [1, 3]
    noise = torch.tensor([1.0, 1.0, 1.0, 0.5]).double()
    made = readings(geometry, coords, values, noise=noise)
    assert made.values[1].item() == pytest.approx((1 + 2 + 12) / 4)
    assert made.noise.tolist() == [1, 0.25]
    noise[0] = 0
    made = readings(geometry, coords, values, noise=noise)
    assert made.values[1].item() == pytest.approx(1, abs=1e-9)
    assert made.noise.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("kernel", "nugget"), [("exponential", 1e-6), ("matern52", 1e-4), ("matern32", 0.05)]
)
@pytest.mark.parametrize("pattern", ["scattered", "clusters"])
def test_neighbourhoods_are_within_two_percent(kernel, nugget, pattern):
    geometry, rng = GEOMETRIES["square"], np.random.default_rng(0)
    coords, asked = places(geometry, 2000), places(geometry, 300, 1)
    if pattern == "clusters":
        centres = rng.uniform(0.1, 0.9, (12, 2))
        near = centres[rng.integers(0, 12, 2000)] + 0.05 * rng.normal(size=(2000, 2))
        coords = torch.from_numpy(near.clip(0, 1))
    moments = moments_of(Law(kernel, (0.2, 0.3), nugget), geometry)
    everywhere = Boxes.of(torch.cat([coords, asked]), geometry)
    S = covariance(moments, everywhere, everywhere)
    S.diagonal().add_(1e-9)
    noise = torch.from_numpy(rng.normal(size=(2300, 8)))
    field = torch.linalg.cholesky(S) @ noise
    values = field[:2000] + nugget**0.5 * torch.from_numpy(rng.normal(size=(2000, 8)))
    made, targets = readings(geometry, coords, values), Boxes.of(asked, geometry)
    exact, left = predict(moments, made, solve(moments, made), targets)
    near, left_near = condition(moments, made, targets)
    errors = [(found - field[2000:]).square().mean().sqrt().item() for found in (exact, near)]
    assert errors[1] < 1.02 * errors[0]
    assert left_near.mean().sqrt().item() == pytest.approx(left.mean().sqrt().item(), rel=0.02)


def test_neighbourhoods_change_little_from_place_to_place(monkeypatch):
    geometry = GEOMETRIES["square"]
    moments = moments_of(Law("matern32", (0.2, 0.2), 1e-3), geometry)
    coords = places(geometry, 1500)
    made = readings(geometry, coords, torch.sin(9 * coords.sum(dim=1, keepdim=True)))
    line = torch.stack([torch.linspace(0.3, 0.7, 2000), torch.full((2000,), 0.5)], 1).double()
    targets = Boxes.of(line, geometry)
    near = condition(moments, made, targets)[0][:, 0]
    monkeypatch.setattr(module, "EXACT", 2000)
    exact = condition(moments, made, targets)[0][:, 0]
    jump = ((near - exact).diff().abs()).max()
    assert jump < 0.01 * near.std()
    assert (near - exact).abs().max() < 0.02 * near.std()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", ["line", "square", "cylinder", "volume"])
def test_cells_of_a_lattice_are_compared_as_any_points(name, kernel):
    geometry = GEOMETRIES[name]
    shape = (40, 9, 7)[: geometry.dim]
    extent = zip(shape, geometry.extent, strict=True)
    axes = [(torch.arange(n).double() + 0.5) / n * a for n, a in extent]
    centres = torch.cartesian_prod(*axes).reshape(-1, geometry.dim)
    some = centres[torch.randperm(len(centres), generator=torch.Generator().manual_seed(0))]
    moments = moments_of(Law(kernel, (0.2, 0.3, 0.4)[: geometry.dim], 0.0), geometry)
    on, off = (Boxes.of(centres, geometry, shape=s) for s in (shape, None))
    half_on, half_off = (Boxes.of(some[:30], geometry, shape=s) for s in (shape, None))
    assert on.cells is not None
    assert off.cells is None
    expected = covariance(moments, off, half_off)
    for rows in (slice(None), slice(3, 9)):
        found = covariance(moments, on[rows], half_on)
        torch.testing.assert_close(found, expected[rows], rtol=0, atol=1e-12)


def test_points_beside_a_lattice_are_no_cells_of_it():
    square, globe = GEOMETRIES["square"], GEOMETRIES["globe"]
    centre = torch.tensor([[0.125, 0.375]]).double()
    assert Boxes.of(centre, square, shape=(4, 4)).cells is not None
    assert Boxes.of(centre + 1e-3, square, shape=(4, 4)).cells is None
    assert Boxes.of(centre + 1, square, shape=(4, 4)).cells is None
    assert Boxes.of(centre, globe, shape=(2, 4)).cells is None


def test_the_best_variance_follows_from_a_system_with_a_weak_trend():
    geometry = GEOMETRIES["square"]
    law = Law("matern32", (0.3, 0.3), 0.01)
    made = readings(geometry, places(geometry, 20), torch.randn(20, 3).double())
    moments = moments_of(law, geometry, 1.0, 0.7)
    expected = best_variance(law, Sample([made], 3), geometry)
    torch.testing.assert_close(variance_of(solve(moments, made), 19), expected)
