"""The law of x_0: unit variance, its correlation in closed form, and the fit that finds it."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mamba_diffae.fields.geometry import Geometry
from mamba_diffae.flow import NoiseLaw, coloured_noise, field_keys, fit_noise_law, noise, octaves
from mamba_diffae.flow.correlation import autocorrelation, lattice_correlation
from mamba_diffae.flow.noise import fold
from mamba_diffae.nn.attention import lattice

SIZE = 24
MIXING = ((1.0, 0.0, 0.0), (0.8, 0.6, 0.0), (0.48, 0.64, 0.6))
WEIGHTS = (0.1, 0.6, 0.3)


def law_of(shape: tuple[int, ...]) -> NoiseLaw:
    """Lattices of the shape itself, half and a sixth of it."""
    shapes = tuple(tuple(max(n // k, 1) for n in shape) for k in (1, 2, 6))
    return NoiseLaw(shapes, WEIGHTS, MIXING)


def geometry_of(shape: tuple[int, ...], periodic: bool | tuple[bool, ...] = False) -> Geometry:
    """Square cells."""
    flags = (periodic,) * len(shape) if isinstance(periodic, bool) else periodic
    return Geometry(extent=tuple(n / SIZE for n in shape), periodic=flags)


def fields(
    law: NoiseLaw, count: int, shape: tuple[int, ...], *, periodic: bool | tuple = False
) -> Tensor:
    """Simulated fields on a grid, shape (count, *shape, C)."""
    geometry = geometry_of(shape, periodic)
    coords = lattice(shape, geometry.extent)[None].expand(count, -1, -1)
    return coloured_noise(coords, field_keys(0, count), law, geometry).reshape(count, *shape, -1)


SQUARE = (SIZE, SIZE)
LAW = law_of(SQUARE)

# The law


@pytest.mark.parametrize("shape", [(24,), (24, 12), (6, 24, 12)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("periodic", [False, True])
def test_every_channel_has_mean_zero_and_variance_one_everywhere(
    shape: tuple[int, ...], channels: int, periodic: bool
) -> None:
    mixing = tuple(row[:channels] for row in MIXING[:channels])
    law = NoiseLaw(law_of(shape).shapes, WEIGHTS, mixing)
    count, geometry = 8192, geometry_of(shape, periodic)
    coords = torch.rand(1, 10, len(shape), generator=torch.Generator().manual_seed(0))
    coords = (coords * torch.tensor(geometry.extent)).expand(count, -1, -1)
    values = coloured_noise(coords, field_keys(0, count), law, geometry)
    assert values.mean(0).abs().max() < 5 / math.sqrt(count)
    assert (values.var(0) - 1).abs().max() < 5 * math.sqrt(2 / count)


def test_channels_correlate_as_the_mixing_says() -> None:
    found = torch.corrcoef(fields(LAW, 100, SQUARE).flatten(0, -2).T)
    mixing = torch.tensor(MIXING)
    torch.testing.assert_close(found, mixing @ mixing.T, atol=0.03, rtol=0)


def test_the_value_at_a_place_does_not_depend_on_the_grid() -> None:
    # A third of the centres of 24 by 12 pixels are those of 8 by 4.
    law, geometry = law_of((24, 12)), geometry_of((24, 12))
    fine, coarse = (
        coloured_noise(
            lattice(shape, geometry.extent)[None], field_keys(0, 1), law, geometry
        ).reshape(*shape, 3)
        for shape in ((24, 12), (8, 4))
    )
    torch.testing.assert_close(fine[1::3, 1::3], coarse, atol=1e-5, rtol=0)


def test_lattices_are_independent_of_each_other() -> None:
    # Two lattices of one pitch: were they the same numbers, the variance would be near 2.
    twice = fields(NoiseLaw(((12, 12), (12, 12)), (0.5, 0.5), ((1.0,),)), 200, SQUARE)
    assert twice.var().item() == pytest.approx(1, abs=0.05)


def test_one_lattice_is_the_plain_noise() -> None:
    key, coords, geometry = field_keys(3, 2), lattice((9, 5)).expand(2, -1, -1), Geometry.unit(2)
    plain = noise(coords, 2, fold(key, 0), (7, 4), geometry)
    law = NoiseLaw.single((7, 4), 2)
    assert torch.equal(coloured_noise(coords, key, law, geometry), plain)


def test_a_law_survives_json() -> None:
    again = json.loads(json.dumps(asdict(LAW)))
    shapes, mixing = (tuple(tuple(row) for row in again[key]) for key in ("shapes", "mixing"))
    assert NoiseLaw(shapes, tuple(again["weights"]), mixing) == LAW


@pytest.mark.parametrize(
    ("shapes", "weights"),
    [
        ((), ()),
        (((8,), (4,)), (1.0,)),
        (((0, 3),), (1.0,)),
        (((),), (1.0,)),
        (((8, 8), (4,)), (0.5, 0.5)),
        (((8,), (4,)), (1.5, -0.5)),
        (((8,), (4,)), (0.5, 0.4)),
    ],
)
def test_weights_that_are_no_fractions_are_refused(shapes: tuple, weights: tuple) -> None:
    with pytest.raises(ValueError, match="one weight for each lattice, none negative"):
        NoiseLaw(shapes, weights, ((1.0,),))


@pytest.mark.parametrize(
    "mixing",
    [(), ((0.5,),), ((1.0, 0.0), (1.0,)), ((0.6, 0.8), (0.0, 1.0)), ((1.0, 0.0), (0.9, 0.9))],
)
def test_a_mixing_that_changes_the_variance_is_refused(mixing: tuple) -> None:
    with pytest.raises(ValueError, match="lower-triangular square matrix whose rows have norm 1"):
        NoiseLaw(((8,),), (1.0,), mixing)


# Its correlation


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("cells", [3, 8, 12, 17, 24])
def test_the_closed_form_is_the_correlation_of_simulated_fields(cells: int, periodic: bool) -> None:
    simulated = fields(NoiseLaw.single((12, cells), 8), 150, (12, SIZE), periodic=periodic)
    found = autocorrelation(simulated, torch.ones_like(simulated), 1, 8, periodic)
    exact = lattice_correlation(cells, SIZE, 8, periodic)
    # A coarse lattice has few numbers, so that its correlation is known less well.
    torch.testing.assert_close(found, exact, atol=0.2 / cells, rtol=0)


@pytest.mark.parametrize("periodic", [False, True])
def test_a_lattice_of_the_native_size_is_white_at_the_pixels(periodic: bool) -> None:
    white = torch.zeros(5, dtype=torch.float64)
    white[0] = 1
    torch.testing.assert_close(lattice_correlation(24, 24, 4, periodic), white)


def test_one_cell_of_a_periodic_axis_is_a_constant() -> None:
    one = torch.ones(5, dtype=torch.float64)
    torch.testing.assert_close(lattice_correlation(1, 24, 4, periodic=True), one)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), periodic=st.booleans())
def test_an_autocorrelation_counts_only_pairs_of_values(seed: int, periodic: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    r = torch.randn(2, 5, 7, 2, generator=generator).double()
    w = torch.rand(r.shape, generator=generator).double()
    w = w * (w > 0.4)
    found = autocorrelation(r, w, 1, 3, periodic)
    for lag in range(1, 4):
        a, b, v = [], [], []
        for x in range(7 if periodic else 7 - lag):
            y = (x + lag) % 7
            a.append(r[:, :, x].flatten())
            b.append(r[:, :, y].flatten())
            v.append((w[:, :, x] * w[:, :, y]).sqrt().flatten())
        a, b, v = (torch.cat(part) for part in (a, b, v))
        expected = (v * a * b).sum() / ((v * a * a).sum() * (v * b * b).sum()).sqrt()
        torch.testing.assert_close(found[lag], expected)


def test_octaves_halve_the_native_shape() -> None:
    assert octaves((96, 96)) == ((96, 96), (48, 48), (24, 24), (12, 12))
    assert octaves((5,), 9) == ((5,), (2,), (1,))
    assert octaves((4, 40, 1), 5) == ((4, 40, 1), (2, 20, 1), (1, 10, 1), (1, 5, 1), (1, 2, 1))


# The fit


@pytest.mark.parametrize(
    ("shape", "count", "periodic"),
    [
        ((24,), 4000, (False,)),
        ((24, 24), 400, (False, False)),
        ((12, 36), 500, (False, True)),
        ((24, 12, 18), 60, (True, False, False)),
    ],
)
def test_a_known_law_is_found_again(
    shape: tuple[int, ...], count: int, periodic: tuple[bool, ...]
) -> None:
    law = law_of(shape)
    found = fit_noise_law(
        7 * fields(law, count, shape, periodic=periodic), law.shapes, periodic=periodic
    )
    assert found.shapes == law.shapes
    np.testing.assert_allclose(found.weights, WEIGHTS, atol=0.04)
    np.testing.assert_allclose(found.mixing, MIXING, atol=0.03)


def test_a_known_law_is_found_again_among_gaps() -> None:
    shape = (24, 24)
    residual = fields(LAW, 400, shape)
    weight = (torch.rand(residual.shape) < 0.6).float()
    weight[:, :, 20:] = 0  # land
    found = fit_noise_law(residual.masked_fill(weight == 0, math.nan), LAW.shapes, weight=weight)
    assert found.shapes == LAW.shapes
    np.testing.assert_allclose(found.weights, WEIGHTS, atol=0.06)
    np.testing.assert_allclose(found.mixing, MIXING, atol=0.03)


def test_what_stands_where_the_weight_is_zero_changes_nothing() -> None:
    residual = fields(LAW, 20, (24, 24))
    weight = (torch.rand(1, 24, 24, 1) < 0.7).double() * torch.rand(24, 1, 1)
    a, b = (
        fit_noise_law(residual.masked_fill(weight == 0, x), LAW.shapes, weight=weight)
        for x in (math.inf, 3.0)
    )
    assert a == b


def test_equal_weights_are_no_weights() -> None:
    residual = fields(LAW, 20, SQUARE)
    plain = fit_noise_law(residual, LAW.shapes)
    found = fit_noise_law(residual, LAW.shapes, weight=torch.full((), 0.3))
    np.testing.assert_allclose(found.weights, plain.weights, atol=1e-9)
    np.testing.assert_allclose(found.mixing, plain.mixing, atol=1e-9)


def never_together(residual: Tensor) -> Tensor:
    """A weight under which the first two channels have no place in common."""
    weight = torch.ones_like(residual)
    weight[::2, ..., 0] = 0
    weight[1::2, ..., 1] = 0
    return weight


def test_channels_that_are_never_together_count_as_independent() -> None:
    residual = fields(LAW, 100, SQUARE)
    found = fit_noise_law(residual, LAW.shapes, weight=never_together(residual))
    mixing, expected = torch.tensor(found.mixing), torch.tensor(MIXING) @ torch.tensor(MIXING).T
    expected[0, 1] = expected[1, 0] = 0
    torch.testing.assert_close(mixing @ mixing.T, expected, rtol=0, atol=0.05)


def test_correlations_that_cannot_be_true_together_still_give_a_law() -> None:
    # Both equal the third channel, and have correlation 0 with each other.
    residual = fields(LAW, 30, SQUARE)[..., :1].expand(-1, -1, -1, 3)
    found = fit_noise_law(residual, LAW.shapes, weight=never_together(residual))
    mixing = torch.tensor(found.mixing)
    correlation = mixing @ mixing.T
    assert (correlation[2, :2] > 0.5).all()
    assert correlation[0, 1].abs() < 0.5


def test_axes_of_one_cell_have_no_lags() -> None:
    line = fields(law_of((24,)), 400, (24,))
    plain = fit_noise_law(line, law_of((24,)).shapes)
    found = fit_noise_law(line[:, None, :, None], law_of((1, 24, 1)).shapes)
    assert found.shapes == tuple((1, n, 1) for (n,) in plain.shapes)
    assert (found.weights, found.mixing) == (plain.weights, plain.mixing)


def test_a_single_cell_or_single_points_have_a_white_law() -> None:
    values = fields(LAW, 400, SQUARE)[:, :1, :1]
    found = fit_noise_law(values, octaves((1, 1)))
    assert (found.shapes, found.weights) == (((1, 1),), (1.0,))
    np.testing.assert_allclose(found.mixing, MIXING, atol=0.1)
    weight = torch.zeros(1, 24, 24, 1)
    weight[0, 3, 7] = 1
    found = fit_noise_law(fields(LAW, 50, SQUARE), LAW.shapes, weight=weight)
    assert (found.shapes, found.weights) == ((SQUARE,), (1.0,))


def test_a_spread_that_varies_in_space_does_not_change_the_law() -> None:
    spread = 1 + lattice(SQUARE)[:, 1].reshape(1, SIZE, SIZE, 1) * 3
    found = fit_noise_law(spread * fields(LAW, 400, SQUARE), LAW.shapes)
    np.testing.assert_allclose(found.weights, WEIGHTS, atol=0.06)


def test_weights_are_fractions_even_where_no_lattice_fits() -> None:
    x = torch.linspace(0, 40, SIZE)
    waves = torch.sin(x[:, None] + x)[None, ..., None] * torch.randn(5, 1, 1, 1)
    found = fit_noise_law(waves, octaves(SQUARE))
    assert min(found.weights) > 0
    assert sum(found.weights) == pytest.approx(1, abs=1e-9)


def test_a_channel_that_never_varies_stays_independent() -> None:
    residual = fields(LAW, 20, SQUARE)
    residual[..., 2] = 0
    assert fit_noise_law(residual, octaves(SQUARE)).mixing[2] == pytest.approx((0, 0, 1), abs=1e-6)


@pytest.mark.parametrize(
    ("residual", "message"),
    [
        (torch.zeros(3, 8, 8, 3), "zero throughout"),
        (torch.full((3, 8, 8, 3), math.nan), "not finite"),
        (torch.ones(3, 8, 3), r"shape \(3, 8, 3\)"),
        (torch.ones(8, 3), r"expected \(S, \*shape, C\)"),
        (torch.ones(0, 8, 8, 3), r"expected \(S, \*shape, C\)"),
    ],
)
def test_a_residual_without_a_law_is_refused(residual: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_noise_law(residual, ((8, 8), (4, 4)))


def test_a_weight_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"weight has shape \(7, 1\); expected that of the res"):
        fit_noise_law(torch.ones(3, 8, 8, 3), ((8, 8),), weight=torch.ones(7, 1))
