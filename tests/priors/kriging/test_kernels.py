import math

import pytest
import torch
from scipy.special import gamma, kv

from mamba_diffae.priors.kriging.kernels import KERNELS, correlation

ORDERS = {"exponential": 0.5, "matern32": 1.5, "matern52": 2.5, "whittle": 1.0}


@pytest.mark.parametrize("kernel", KERNELS)
def test_is_materns_function_of_its_order(kernel: str) -> None:
    nu = ORDERS[kernel]
    r = torch.cat([torch.logspace(-9, 0, 300), torch.linspace(1, 100, 300)]).double()
    x = (math.sqrt(2 * nu) * r).numpy()
    expected = 2 ** (1 - nu) / gamma(nu) * x**nu * kv(nu, x)
    assert correlation(kernel, r).numpy() == pytest.approx(expected, abs=3e-12)


@pytest.mark.parametrize("kernel", KERNELS)
def test_is_one_at_distance_nought(kernel: str) -> None:
    assert correlation(kernel, torch.zeros(2, 3).double()).tolist() == [[1.0] * 3] * 2


@pytest.mark.parametrize("kernel", KERNELS)
def test_falls_with_the_distance(kernel: str) -> None:
    values = correlation(kernel, torch.linspace(0, 60, 30_001).double())
    assert (values.diff() <= 0).all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_far_away_it_is_nought_in_single_precision_too(kernel: str) -> None:
    for far in (torch.tensor([90.0, 1e9]), torch.tensor([90.0, 1e9]).double()):
        assert (correlation(kernel, far).abs() < 1e-12).all()
