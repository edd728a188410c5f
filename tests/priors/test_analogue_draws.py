"""Draws of the analogue prior: around its mean, as wide as it states."""

from __future__ import annotations

import torch
from draw_cases import keys_of
from lattice_cases import C, close, prior_of, seen_at, smooth, some

from mamba_diffae.fields import Observations

CELLS = [3, 8, 14, 20, 27, 31]


def test_they_have_the_stated_mean_and_deviation() -> None:
    prior, mask = prior_of(smooth(40), known=some((40, 36, C), 0.9)), some((6, C), 0.6)
    seen = seen_at(smooth(2, seed=3), CELLS, mask=mask)
    found = prior.posterior(seen, torch.tensor([3, 900]), keys_of(2, 500))
    assert found.draws is not None
    around = found.draws - found.mean[:, None]
    std = around.square().mean(dim=1).sqrt().mean(dim=-1)
    whole = found.observed.all(dim=-1) == found.observed.any(dim=-1)
    torch.testing.assert_close(std[whole], found.std[..., 0][whole], rtol=0.2, atol=1e-6)
    error = around.mean(dim=1).abs() / (around.std(dim=1) / 500**0.5 + 1e-6)
    assert error.max() < 5
    assert not around[:, :, found.observed[0]].any()


def test_they_are_smooth_as_the_analogues_are() -> None:
    prior, seen = prior_of(smooth(40)), seen_at(smooth(1, seed=3), [0])
    found = prior.posterior(seen, keys=keys_of(1, 300))
    assert found.draws is not None
    around = (found.draws - found.mean[:, None])[0, ..., 0].unflatten(1, (6, 6))[:, 1:, 1:]
    step = around.diff(dim=1).square().mean() / around.square().mean()
    assert step < 0.5  # 2, were the cells independent


def test_one_is_that_of_its_key_and_field_alone() -> None:
    prior = prior_of(smooth(40), mirrored=True)
    fields, mask = smooth(3, seed=3), torch.ones(3, 6, C, dtype=torch.bool)
    mask[1, :4], mask[2] = False, False
    one = seen_at(fields, CELLS)
    seen = Observations(one.coords, one.values, mask)
    groups, keys = torch.tensor([3, 900, 20]), torch.tensor([[5, -7], [5, 2**40], [1, 5]])
    together = prior.posterior(seen, groups, keys).draws
    assert together is not None
    for b in range(3):
        for k in range(2):
            row = slice(b, b + 1)
            alone = prior.posterior(seen[[b]], groups[row], keys[row, k : k + 1]).draws
            assert alone is not None
            close(alone[0, 0], together[b, k], atol=1e-5)
