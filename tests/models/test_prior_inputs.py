"""The prior on any observations, in any batch; and how it keeps its exemplars."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from prior_cases import CHANNELS, close, kept, mean_of, prior_of, seen_at, smooth
from torch import Tensor

# Any observations


def ragged(seed: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    """Three fields seen at random places, each at another number of them."""
    generator = torch.Generator().manual_seed(seed)
    coords = torch.rand(3, 12, 2, generator=generator)
    values = torch.rand(3, 12, CHANNELS, generator=generator) - 0.5
    return coords, values, torch.arange(12) < torch.tensor([12, 5, 1])[:, None]


@pytest.mark.parametrize("alone", [False, True])
def test_a_field_has_its_estimate_whatever_the_batch(alone: bool) -> None:
    prior = prior_of(smooth(40), mirrored=True)
    coords, values, mask = ragged()
    excluded = torch.rand(3, 40, generator=torch.Generator().manual_seed(0)) < 0.1
    together = prior(coords, values, mask, excluded)
    for row in range(3):
        real = mask[row] if alone else torch.ones(12, dtype=torch.bool)
        given = [tensor[row : row + 1, real] for tensor in (coords, values, mask)]
        close(prior(*given, excluded[row : row + 1]), together[row : row + 1], atol=1e-5)


def test_exemplars_that_are_equally_near_are_chosen_alike_in_every_batch() -> None:
    # More than are looked at: white in a corner, and nothing else is observed. Their number is odd,
    # for a matrix product treats the last columns in another way.
    fields = smooth(503, 10).unflatten(1, (10, 10))
    fields[:, :7, :7] = 1
    prior = prior_of(fields.flatten(1, 2))
    corner = [10 * row + column for row in range(7) for column in range(7)]
    seen = seen_at(smooth(40, 10, seed=2), corner)
    together = prior(*seen)
    alone = torch.cat([prior(*(tensor[i : i + 1] for tensor in seen)) for i in range(40)])
    close(alone, together, atol=1e-5)


def test_order_and_padding_do_not_matter() -> None:
    prior = prior_of(smooth(40))
    coords, values, mask = ragged()
    estimate = prior(coords, values, mask)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    close(prior(coords[:, order], values[:, order], mask[:, order]), estimate, atol=1e-5)
    filled = torch.where(mask[..., None], values, 77.0)
    moved = torch.where(mask[..., None], coords, 1 - coords)
    close(prior(moved, filled, mask), estimate, atol=1e-5)


def test_observations_of_one_cell_are_averaged() -> None:
    prior = prior_of(smooth(20))
    place = torch.tensor([[[0.01, 0.02], [0.15, 0.16], [0.5, 0.9]]])  # two in the first cell
    values = torch.tensor([[[0.1, 0.2], [0.3, -0.6], [0.5, 0.5]]])
    once = torch.tensor([[[0.2, -0.2], [0.5, 0.5]]])
    ones = torch.ones(1, 3, dtype=torch.bool)
    close(prior(place, values, ones), prior(place[:, 1:], once, ones[:, 1:]), atol=1e-5)
    # So a point that is said a hundred times counts once.
    many = [tensor[:, 1:2].expand(-1, 100, -1) for tensor in (place, once)]
    all_seen = torch.ones(1, 100, dtype=torch.bool)
    close(prior(*many, all_seen), prior(*(t[:, :1] for t in many), ones[:, :1]), atol=1e-5)


def test_the_edges_of_the_domain_are_in_the_outermost_cells() -> None:
    corners = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
    values, mask = torch.zeros(1, 4, CHANNELS), torch.ones(1, 4, dtype=torch.bool)
    flag = prior_of(smooth(3))(corners, values, mask)[0, :, -1]
    assert flag.nonzero().flatten().tolist() == [0, 5, 30, 35]


def test_without_any_observation_it_is_a_mean_of_exemplars() -> None:
    prior = prior_of(smooth(7))
    coords, values, _ = ragged()
    estimate = mean_of(prior, (coords, values, torch.zeros(3, 12, dtype=torch.bool)))
    close(estimate, kept(prior).mean(dim=0).expand(3, -1, -1), atol=1e-5)


# How it is kept


@given(seed=st.integers(0, 2**16))
def test_eight_bits_are_enough(seed: int) -> None:
    fields = 2 * torch.rand(3, 36, CHANNELS, generator=torch.Generator().manual_seed(seed)) - 1
    prior = prior_of(fields)
    assert prior.exemplars.dtype == torch.int8
    assert (kept(prior) - fields).abs().max() <= 1 / 254 + 1e-6
    prior.remember(2 * fields)  # what leaves [-1, 1] is cut, not wrapped
    close(kept(prior), (2 * fields).clamp(-1, 1), atol=1 / 254 + 1e-6)


def test_other_exemplars_are_taken_up_also_after_an_estimate() -> None:
    seen = seen_at(smooth(2, seed=1), [3, 9, 20])
    prior = prior_of(smooth(8))
    prior(*seen)
    prior.remember(smooth(8, seed=5))
    assert torch.equal(prior(*seen), prior_of(smooth(8, seed=5))(*seen))


def test_loaded_exemplars_are_taken_up_also_after_an_estimate() -> None:
    seen = seen_at(smooth(2, seed=1), [3, 9, 20])
    prior, other = prior_of(smooth(8)), prior_of(smooth(8, seed=5))
    prior(*seen)
    prior.load_state_dict(other.state_dict())
    assert torch.equal(prior(*seen), other(*seen))
