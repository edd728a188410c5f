"""Generated families: the same in every run, with the spectra, shapes and units they promise."""

import numpy as np
import pytest

from mamba_diffae.fields import NormalScore
from mamba_diffae.sources import canonical_source, open_field
from mamba_diffae.sources.families import (
    FrontsSource,
    GaussianSource,
    PlateausSource,
    TwoVariablesSource,
    covered,
)
from mamba_diffae.sources.generated import gaussian_fields
from mamba_diffae.testing import check_source

SPECS = {
    "gaussian:rough": GaussianSource,
    "gaussian:medium": GaussianSource,
    "gaussian:smooth": GaussianSource,
    "fronts": FrontsSource,
    "plateaus": PlateausSource,
    "two-variables": TwoVariablesSource,
}


def matern(h, length, smoothness):
    """Closed forms of orders 1/2, 3/2 and 5/2."""
    r = np.sqrt(2 * smoothness) * h / length
    return np.exp(-r) * {0.5: 1, 1.5: 1 + r, 2.5: 1 + r + r**2 / 3}[smoothness]


def correlation(values, lag):
    """Along both axes, of fields (S, n, n) of mean 0."""
    pairs = [(values[:, lag:], values[:, :-lag]), (values[:, :, lag:], values[:, :, :-lag])]
    return np.mean([(a * b).mean() for a, b in pairs]) / np.square(values).mean()


@pytest.mark.parametrize("spec", SPECS)
def test_families_are_small_split_and_shared(spec):
    data = open_field(spec)
    assert len(data) == 200
    assert data.shape == (32, 32)
    assert data.values.nbytes < 2e6
    assert [(data.splits == s).sum() for s in ("train", "val", "test")] == [120, 32, 48]
    assert len(set(data.groups.tolist())) == 200
    assert not data.mirrored
    assert open_field(spec) is data
    with pytest.raises(ValueError, match="read-only"):
        data.values[0] = 0
    assert canonical_source(spec) == spec


@pytest.mark.parametrize("spec", SPECS)
def test_families_are_the_same_when_made_again(spec):
    source, variant = SPECS[spec](), spec.partition(":")[2]
    again = source.generate(200, variant)
    np.testing.assert_array_equal(open_field(spec).values, again.values)
    check_source(source, f"{spec}:5")


def test_numbers_stay_those_of_this_edition():
    """Rounding differs between systems, the fields must not."""
    found = [float(open_field(spec).values[7, 3, 5, 0]) for spec in SPECS]
    expected = [0.233443, 0.286385, -0.069463, 0.320345, -1.061869, 1024.1267]
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("count", [3, 7])
def test_the_number_of_snapshots_can_be_given(count):
    data = open_field(f"fronts:{count}")
    assert len(data) == count
    assert set(data.splits.tolist()) == {"train", "val", "test"}
    assert len(open_field(f"gaussian:medium:{count}")) == count


@pytest.mark.parametrize("rest", ["", "2", "-5", "x", "10001", "9:9", "1e3"])
def test_another_number_is_refused(rest):
    with pytest.raises(ValueError, match=r"give fronts:COUNT with 3 to 10,000"):
        open_field(f"fronts:{rest}")


def test_an_unknown_smoothness_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match=r"'gaussian:smoth'; did you mean 'gaussian:smooth'\?"):
        open_field("gaussian:smoth")
    for spec in ("gaussian", "gaussian:", "gaussian:5"):
        with pytest.raises(ValueError, match="Valid: gaussian:rough, gaussian:medium, gauss"):
            open_field(spec)
    with pytest.raises(ValueError, match="gaussian:rough:COUNT"):
        open_field("gaussian:rough:many")


@pytest.mark.parametrize("smoothness", [0.5, 1.5, 2.5])
def test_gaussian_fields_have_a_matern_covariance(smoothness):
    values = gaussian_fields(np.random.default_rng(0), 800, 32, 5.0, smoothness)
    assert values.mean() == pytest.approx(0, abs=0.05)
    assert values.var() == pytest.approx(1, abs=0.05)
    found = [correlation(values, lag) for lag in (2, 5, 10)]
    assert found == pytest.approx([matern(h, 5.0, smoothness) for h in (2, 5, 10)], abs=0.04)
    assert np.mean(values**4) / np.mean(values**2) ** 2 == pytest.approx(3, abs=0.2)


def test_spectra_fall_as_the_smoothness_says():
    taper = np.hanning(32)[:, None] * np.hanning(32)
    k = np.hypot(np.fft.fftfreq(32, 1 / 32)[:, None], np.fft.fftfreq(32, 1 / 32))
    slopes = []
    for kind in ("rough", "medium", "smooth"):
        values = open_field(f"gaussian:{kind}").values[..., 0]
        power = np.square(np.abs(np.fft.fft2(values * taper))).mean(axis=0)
        inside = (k >= 4) & (k <= 12)
        slopes.append(np.polyfit(np.log(k[inside]), np.log(power[inside]), 1)[0])
    assert -3.3 < slopes[0] < -2.5  # -3 in the limit of short waves
    assert -5.5 < slopes[1] < -4.2  # -5
    assert -7.5 < slopes[2] < -5.8  # -7


def test_gaussian_fields_do_not_wrap():
    values = open_field("gaussian:medium").values[..., 0]
    seam = np.square(values[:, 0] - values[:, -1]).mean()
    assert seam > 10 * np.square(np.diff(values, axis=1)).mean()


def test_fronts_are_sharp_and_the_rest_is_smooth():
    steps = np.abs(np.diff(open_field("fronts").values[..., 0], axis=1))
    assert np.quantile(steps, 0.5) < 0.08
    assert np.quantile(steps, 0.99) > 0.8


def test_plateaus_are_level_but_for_their_relief():
    steps = np.abs(np.diff(open_field("plateaus").values[..., 0], axis=1))
    assert 0.02 < np.quantile(steps, 0.5) < 0.1
    assert np.quantile(steps, 0.97) > 0.5


def test_a_straight_edge_covers_the_cells_it_cuts():
    row = np.arange(-3.0, 5.0)[None, :, None] + 0.25 + np.zeros((1, 8, 8))
    np.testing.assert_allclose(covered(row)[0, :, 0], [0, 0, 0, 0.75, 1, 1, 1, 1])


def test_rain_is_skewed_and_falls_where_pressure_is_low():
    data = open_field("two-variables")
    pressure, rain = data.variables
    assert (pressure.name, pressure.unit, rain.name, rain.unit) == (
        "pressure",
        "hPa",
        "rain",
        "mm h-1",
    )
    assert isinstance(rain.transform, NormalScore)
    assert rain.transform.bounds[0] == 0
    assert [(a.name, a.unit, a.low, a.high) for a in data.grid.axes] == [
        ("y", "km", 0, 320),
        ("x", "km", 0, 320),
    ]
    p, r = data.values.reshape(-1, 2).T.astype(float)
    assert 980 < p.min() < p.max() < 1050
    assert r.min() == 0
    assert 0.5 < (r == 0).mean() < 0.75
    assert np.mean((r - r.mean()) ** 3) / r.std() ** 3 > 3
    assert np.corrcoef(p, r)[0, 1] < -0.3
