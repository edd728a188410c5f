"""The contrast of latents, by its definition."""

import math

import pytest
import torch

from mamba_diffae.training.objectives.contrastive import info_nce

PAIRS = torch.tensor([0, 0, 1, 1, 2, 2])


def latents(noise: float) -> torch.Tensor:
    """Of three fields, seen twice each."""
    rng = torch.Generator().manual_seed(0)
    fields = torch.randn(3, 64, generator=rng).repeat_interleave(2, 0)
    return fields + noise * torch.randn(6, 64, generator=rng)


def test_it_is_the_cross_entropy_of_the_other_view() -> None:
    z, tau = latents(1.0), 0.5
    found = info_nce(z, PAIRS, tau)
    unit = (z - z.mean(0)) / z.std(0, correction=0)
    unit = unit / unit.norm(dim=1, keepdim=True)
    for row, partner in enumerate([1, 0, 3, 2, 5, 4]):
        likes = [float(unit[row] @ unit[other]) / tau for other in range(6)]
        total = sum(math.exp(like) for other, like in enumerate(likes) if other != row)
        assert found[row].item() == pytest.approx(math.log(total) - likes[partner], rel=1e-4)


def test_the_more_views_agree_the_less_it_is() -> None:
    means = [info_nce(latents(noise), PAIRS).mean().item() for noise in (0.1, 1.0, 10.0)]
    assert means == sorted(means)
    assert means[0] < 0.01 < 1 < means[2]


def test_scale_and_shift_of_a_column_do_not_matter() -> None:
    z = latents(1.0)
    moved = z * torch.linspace(0.1, 30, 64) + torch.linspace(-5, 5, 64)
    torch.testing.assert_close(info_nce(moved, PAIRS), info_nce(z, PAIRS), rtol=1e-3, atol=1e-4)


def test_without_another_view_there_is_nothing_to_learn() -> None:
    z = latents(1.0).requires_grad_()
    assert info_nce(z, torch.arange(6)).tolist() == [0] * 6
    mixed = info_nce(z, torch.tensor([0, 0, 1, 2, 3, 4]))
    assert (mixed[:2] > 0).all()
    assert mixed[2:].tolist() == [0] * 4
    mixed.sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()


def test_latents_that_are_all_alike_are_no_error() -> None:
    found = info_nce(torch.zeros(6, 8), PAIRS)
    assert found.allclose(torch.tensor(math.log(5)))
