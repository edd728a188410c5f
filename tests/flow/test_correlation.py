"""The law of x_0: unit variance, its correlation in closed form, and the fit that finds it."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import Tensor

from mamba_diffae.flow import NoiseLaw, coloured_noise, field_keys, fit_noise_law, noise, octaves
from mamba_diffae.flow.correlation import autocorrelation, lattice_correlation
from mamba_diffae.flow.noise import fold

SIZE = 24
MIXING = ((1.0, 0.0, 0.0), (0.8, 0.6, 0.0), (0.48, 0.64, 0.6))
LAW = NoiseLaw((24, 12, 4), (0.1, 0.6, 0.3), MIXING)


def grid(size: int, dim: int = 2) -> Tensor:
    axis = (torch.arange(size) + 0.5) / size
    return torch.stack(torch.meshgrid(*[axis] * dim, indexing="ij"), dim=-1).reshape(1, -1, dim)


def fields(law: NoiseLaw, count: int, size: int = SIZE, dim: int = 2, seed: int = 0) -> Tensor:
    """Simulated fields on a grid, shape (count, size, ..., size, C)."""
    coords = grid(size, dim).expand(count, -1, -1)
    values = coloured_noise(coords, field_keys(seed, count), law)
    return values.reshape(count, *[size] * dim, law.channels)


# The law


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_channel_has_mean_zero_and_variance_one_everywhere(dim: int, channels: int) -> None:
    mixing = tuple(row[:channels] for row in MIXING[:channels])
    law = NoiseLaw(LAW.cells, LAW.weights, mixing)
    count = 8192
    coords = torch.rand(1, 10, dim, generator=torch.Generator().manual_seed(0))
    values = coloured_noise(coords.expand(count, -1, -1), field_keys(0, count), law)
    assert values.mean(0).abs().max() < 5 / math.sqrt(count)
    assert (values.var(0) - 1).abs().max() < 5 * math.sqrt(2 / count)


def test_channels_correlate_as_the_mixing_says() -> None:
    found = torch.corrcoef(fields(LAW, 100).flatten(0, -2).T)
    mixing = torch.tensor(MIXING)
    torch.testing.assert_close(found, mixing @ mixing.T, atol=0.03, rtol=0)


def test_the_value_at_a_place_does_not_depend_on_the_grid() -> None:
    # A third of the centres of 24 pixels a side are those of 8.
    fine, coarse = fields(LAW, 3, 24), fields(LAW, 3, 8)
    torch.testing.assert_close(fine[:, 1::3, 1::3], coarse, atol=1e-5, rtol=0)
    one = coloured_noise(grid(24)[:, 17:18], field_keys(0, 1), LAW)
    torch.testing.assert_close(one[0, 0], fine[0].reshape(-1, 3)[17], atol=1e-5, rtol=0)


def test_lattices_are_independent_of_each_other() -> None:
    # Two lattices of one pitch: were they the same numbers, the variance would be near 2.
    twice = fields(NoiseLaw((12, 12), (0.5, 0.5), ((1.0,),)), 200)
    assert twice.var().item() == pytest.approx(1, abs=0.05)


def test_one_lattice_is_the_plain_noise() -> None:
    key, coords = field_keys(3, 2), grid(9).expand(2, -1, -1)
    plain = noise(coords, 2, fold(key, 0), 7)
    assert torch.equal(coloured_noise(coords, key, NoiseLaw.single(7, 2)), plain)


def test_a_law_survives_json() -> None:
    kept = json.loads(json.dumps(asdict(LAW)))
    mixing = tuple(tuple(row) for row in kept["mixing"])
    assert NoiseLaw(tuple(kept["cells"]), tuple(kept["weights"]), mixing) == LAW


@pytest.mark.parametrize(
    ("cells", "weights"),
    [((), ()), ((8, 4), (1.0,)), ((0,), (1.0,)), ((8, 4), (1.5, -0.5)), ((8, 4), (0.5, 0.4))],
)
def test_weights_that_are_no_shares_are_refused(cells: tuple, weights: tuple) -> None:
    with pytest.raises(ValueError, match="one weight for each lattice, none negative"):
        NoiseLaw(cells, weights, ((1.0,),))


@pytest.mark.parametrize(
    "mixing",
    [(), ((0.5,),), ((1.0, 0.0), (1.0,)), ((0.6, 0.8), (0.0, 1.0)), ((1.0, 0.0), (0.9, 0.9))],
)
def test_a_mixing_that_changes_the_variance_is_refused(mixing: tuple) -> None:
    with pytest.raises(ValueError, match="lower-triangular square matrix whose rows have norm 1"):
        NoiseLaw((8,), (1.0,), mixing)


# Its correlation


@pytest.mark.parametrize("cells", [3, 8, 12, 17, 24])
def test_the_closed_form_is_the_correlation_of_simulated_fields(cells: int) -> None:
    simulated = autocorrelation(fields(NoiseLaw.single(cells, 8), 150), 8)
    exact = lattice_correlation(cells, SIZE, 8)
    # A coarse lattice has few numbers, so that its correlation is known less well.
    torch.testing.assert_close(simulated, exact, atol=0.15 / cells, rtol=0)


def test_a_lattice_of_the_native_size_is_white_at_the_pixels() -> None:
    white = torch.zeros(5, dtype=torch.float64)
    white[0] = 1
    torch.testing.assert_close(lattice_correlation(24, 24, 4), white)


def test_octaves_halve_the_native_size() -> None:
    assert octaves(96) == (96, 48, 24, 12)
    assert octaves(5, 9) == (5, 2, 1)


# The fit


@pytest.mark.parametrize(("dim", "count"), [(1, 4000), (2, 400), (3, 30)])
def test_a_known_law_is_found_again(dim: int, count: int) -> None:
    found = fit_noise_law(7 * fields(LAW, count, dim=dim), (24, 12, 4))
    assert found.cells == LAW.cells
    np.testing.assert_allclose(found.weights, LAW.weights, atol=0.04)
    np.testing.assert_allclose(found.mixing, MIXING, atol=0.03)


def test_a_spread_that_varies_in_space_does_not_change_the_law() -> None:
    spread = 1 + grid(SIZE)[..., :1].reshape(1, SIZE, SIZE, 1) * 3
    found = fit_noise_law(spread * fields(LAW, 400), (24, 12, 4))
    np.testing.assert_allclose(found.weights, LAW.weights, atol=0.06)


def test_weights_are_shares_even_where_no_lattice_fits() -> None:
    x = torch.linspace(0, 40, SIZE)
    waves = torch.sin(x[:, None] + x)[None, ..., None] * torch.randn(5, 1, 1, 1)
    found = fit_noise_law(waves, octaves(SIZE))
    assert min(found.weights) > 0
    assert sum(found.weights) == pytest.approx(1, abs=1e-9)


def test_a_channel_that_never_varies_stays_independent() -> None:
    residual = fields(LAW, 20)
    residual[..., 2] = 0
    assert fit_noise_law(residual, octaves(SIZE)).mixing[2] == pytest.approx((0, 0, 1), abs=1e-6)


@pytest.mark.parametrize(
    ("residual", "message"),
    [
        (torch.zeros(3, 8, 8, 3), "zero throughout"),
        (torch.full((3, 8, 8, 3), math.nan), "not finite"),
        (torch.ones(3, 8, 9, 3), r"shape \(3, 8, 9, 3\)"),
        (torch.ones(8, 3), r"expected \(S, n, ..., n, C\)"),
    ],
)
def test_a_residual_without_a_law_is_refused(residual: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_noise_law(residual, (8, 4))
