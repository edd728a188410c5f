"""Random fields: the covariance of the kernel, and no octave without frequencies."""

from itertools import pairwise

import pytest
import torch

from mamba_diffae.priors.kriging.kernels import KERNELS, Law, correlation
from mamba_diffae.priors.kriging.random_field import FEATURES, RandomField


def field(kernel: str, dim: int, generator: torch.Generator) -> RandomField:
    scale, root = torch.ones(dim, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    return RandomField(Law(kernel, (1.0,) * dim, 0.0), scale, root, generator)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("kernel", KERNELS)
def test_weighed_frequencies_have_the_covariance_of_the_kernel(kernel: str, dim: int) -> None:
    generator = torch.Generator().manual_seed(0)
    distance = torch.tensor([0.0, 0.1, 0.5, 1.0, 2.0], dtype=torch.float64)
    found = []
    for _ in range(200):
        made = field(kernel, dim, generator)
        waves = (distance[:, None] * made.frequency[:, 0]).cos()
        found.append(waves @ made.weight[:, 0].square() / 2)  # its mean over the phases
    each = torch.stack(found)
    error = each.mean(dim=0) - correlation(kernel, distance)
    assert (error.abs() < 5 * each.std(dim=0) / len(each) ** 0.5).all()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_draws_have_frequencies_in_every_octave_of_a_smooth_kernel(dim: int) -> None:
    radius = field("matern52", dim, torch.Generator().manual_seed(0)).frequency.norm(dim=1)
    octaves = [int(((radius >= low) & (radius < 2 * low)).sum()) for low in (16, 32, 64, 128)]
    assert min(octaves) > FEATURES / 100
    assert all(0.7 < b / a < 0.95 for a, b in pairwise(octaves))
