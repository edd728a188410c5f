"""Generated turbulence: it obeys its equations, is intermittent and periodic, split by run."""

import numpy as np
import pytest

from mamba_diffae.sources import open_field
from mamba_diffae.sources.turbulence import TurbulenceSource, _Flow, simulate
from mamba_diffae.testing import check_source


@pytest.fixture(scope="module")
def turbulence():
    return open_field("turbulence:24")


def power(values):
    """Mean power (n,) at each whole wavenumber from 1 to 31."""
    total = np.square(np.abs(np.fft.fft2(values.astype(float)))).mean(axis=0)
    k = np.hypot(np.fft.fftfreq(64, 1 / 64)[:, None], np.fft.fftfreq(64, 1 / 64))
    return np.array([total[np.round(k) == b].mean() for b in range(1, 32)])


def test_it_is_vorticity_on_a_periodic_square(turbulence):
    assert turbulence.values.shape == (24, 64, 64, 1)
    assert turbulence.values.dtype == np.float32
    (variable,) = turbulence.variables
    assert (variable.name, variable.unit) == ("vorticity", "s-1")
    assert turbulence.grid.periodic == (True, True)
    for axis in turbulence.grid.axes:
        assert (axis.low, axis.high, axis.unit) == (0, pytest.approx(2 * np.pi), "m")


def test_it_is_resolved_and_intermittent(turbulence):
    values = turbulence.values[..., 0]
    spectrum = power(values)
    k = np.arange(1, 32)
    slope = np.polyfit(np.log(k[3:15]), np.log(spectrum[3:15]), 1)[0]
    assert -3.4 < slope < -2.2
    assert spectrum[20] < 5e-3 * spectrum[2]
    flatness = np.mean(values**4, axis=(1, 2)) / np.mean(values**2, axis=(1, 2)) ** 2
    assert flatness.mean() > 4  # a Gaussian field has 3
    np.testing.assert_allclose(values.mean(axis=(1, 2)), 0, atol=1e-5)


def test_there_is_no_seam(turbulence):
    values = turbulence.values[..., 0]
    for axis in (1, 2):
        first, last = np.take(values, 0, axis), np.take(values, -1, axis)
        steps = np.square(np.diff(values, axis=axis)).mean()
        assert np.square(first - last).mean() < 1.5 * steps


def test_it_decays_run_by_run(turbulence):
    assert turbulence.names[0] == "run 00 at 10 s"
    assert turbulence.names[9] == "run 01 at 14 s"
    deviation = turbulence.values.std(axis=(1, 2, 3)).reshape(3, 8)
    assert (np.diff(deviation, axis=1) < 0).all()
    assert (deviation < 1).all()


def test_runs_are_groups_of_one_split(turbulence):
    assert turbulence.groups.tolist() == np.repeat([0, 1, 2], 8).tolist()
    assert turbulence.splits.tolist() == np.repeat(["train", "val", "test"], 8).tolist()
    runs = simulate(np.array([0, 1]), 1)
    assert abs(np.corrcoef(runs[0].ravel(), runs[1].ravel())[0, 1]) < 0.2


@pytest.mark.parametrize("count", [3, 4, 5, 10])
def test_every_number_has_all_splits(count):
    data = open_field(f"turbulence:{count}")
    assert len(data) == count
    assert set(data.splits.tolist()) == {"train", "val", "test"}
    for split in ("train", "val"):
        assert not set(data.split(split).groups) & set(data.split("test").groups)


def test_it_is_the_same_when_made_again(turbulence):
    again = TurbulenceSource().generate(24, "")
    np.testing.assert_array_equal(again.values, turbulence.values)
    check_source(TurbulenceSource(), "turbulence:3")
    with pytest.raises(ValueError, match="read-only"):
        turbulence.values[0] = 0


def test_a_lone_vortex_layer_stands_still():
    """A vorticity of x alone is steady but for dissipation, which spares long waves."""
    flow = _Flow()
    x = np.arange(64) * (2 * np.pi / 64)
    layer = np.broadcast_to(np.sin(3 * x), (1, 64, 64))
    omega = np.fft.rfft2(layer).astype(np.complex64)
    for _ in range(20):
        omega = flow.step(omega)
    np.testing.assert_allclose(flow.values(omega), layer, atol=1e-4)


def test_advection_is_the_one_of_the_equations():
    """For ψ = cos x + sin 2y, ω = Δψ; -(u · ∇) ω by hand, at every cell."""
    y, x = np.meshgrid(*[np.arange(64) * (2 * np.pi / 64)] * 2, indexing="ij")
    omega = -np.cos(x) - 4 * np.sin(2 * y)
    u, v = -2 * np.cos(2 * y), -np.sin(x)
    expected = -(u * np.sin(x) + v * -8 * np.cos(2 * y))
    flow = _Flow()
    found = flow.values(flow.advection(np.fft.rfft2(omega)[None]))[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
def test_two_hundred_by_default():
    data = open_field("turbulence")
    assert data.values.shape == (200, 64, 64, 1)
    assert data.values.nbytes < 4e6
    assert [(data.splits == s).sum() for s in ("train", "val", "test")] == [120, 32, 48]
    assert len(set(data.groups.tolist())) == 25
