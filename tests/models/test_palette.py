"""The code of which values occur: what it counts, and what must not matter to it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.models.palette import PSEUDO, PaletteCode

P, C, KINDS = 60, 2, 12


def fields(count: int, seed: int = 0) -> torch.Tensor:
    """Fields (count, P, C), each of three values of its own and a little noise."""
    generator = torch.Generator().manual_seed(seed)
    values = 2 * torch.rand(count, 3, C, generator=generator) - 1
    which = torch.randint(3, (count, P), generator=generator)
    noise = 0.02 * torch.randn(count, P, C, generator=generator)
    return values[torch.arange(count)[:, None], which] + noise


def learned(values: torch.Tensor, kinds: int = KINDS) -> PaletteCode:
    code = PaletteCode(kinds, C)
    code.learn(values)
    return code


def all_real(values: torch.Tensor) -> torch.Tensor:
    return torch.ones(values.shape[:2], dtype=torch.bool)


@pytest.fixture(scope="module")
def code() -> PaletteCode:
    return learned(fields(50))


@given(seed=st.integers(0, 2**31), padding=st.integers(0, 9))
def test_neither_places_nor_order_nor_padding_matter(code, seed: int, padding: int) -> None:
    seen = fields(2, seed=7)[:, :20]
    order = torch.randperm(20, generator=torch.Generator().manual_seed(seed))
    padded = torch.cat([seen[:, order], torch.full((2, padding, C), 0.5)], dim=1)
    mask = all_real(padded)
    mask[:, 20:] = False
    again = code.encode(padded, mask)
    torch.testing.assert_close(again, code.encode(seen, all_real(seen)), atol=1e-4, rtol=0)


def test_known_fields_vary_around_zero_by_one_on_average(code) -> None:
    z = code.encode(fields(50), all_real(fields(50)))
    torch.testing.assert_close(z.mean(dim=0), torch.zeros(KINDS), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.var(dim=0, correction=0).mean(), torch.tensor(1.0))


def test_the_weights_of_a_value_are_gaussian_and_its_own_kind_has_the_most(code) -> None:
    values = fields(1, seed=3)
    distance = torch.cdist(values, code.codebook[None]).square()
    gaussian = torch.exp(-distance / (2 * code.width**2))
    belonging = code._belonging(values)
    expected = gaussian / gaussian.sum(dim=-1, keepdim=True)
    torch.testing.assert_close(belonging, expected, atol=1e-4, rtol=0)
    assert torch.equal(belonging.argmax(dim=-1), distance.argmin(dim=-1))


def test_distances_are_hellinger_distances_of_the_shares(code) -> None:
    two = fields(2, seed=5)
    share = (code._belonging(two).sum(dim=1) + PSEUDO * code.usual) / (P + PSEUDO)
    hellinger = (share[0].sqrt() - share[1].sqrt()).norm()
    apart = (code.encode(two, all_real(two)).diff(dim=0)).norm()
    scale = code.turn.norm() / KINDS**0.5
    torch.testing.assert_close(apart / scale, hellinger)


def test_nothing_observed_gives_the_usual_shares(code) -> None:
    nothing = code.encode(torch.zeros(1, 3, C), torch.zeros(1, 3, dtype=torch.bool))
    usual = (code.usual.sqrt() - code.centre) @ code.turn
    torch.testing.assert_close(nothing[0], usual)


def test_two_parts_of_a_field_are_nearer_than_parts_of_two_fields(code) -> None:
    new = fields(20, seed=9)
    first, second = (code.encode(part, all_real(part)) for part in (new[:, :30], new[:, 30:]))
    found = torch.cdist(first, second).argmin(dim=1)
    assert (found == torch.arange(20)).float().mean() > 0.9


def test_one_value_everywhere_leaves_a_code_of_nothing() -> None:
    code = learned(torch.full((4, P, C), 0.25))
    assert code.encode(torch.rand(2, P, C), torch.ones(2, P, dtype=torch.bool)).abs().max() == 0


def test_kinds_are_the_same_each_time_and_there_may_be_none(code) -> None:
    again = learned(fields(50))
    assert all(torch.equal(a, b) for a, b in zip(code.buffers(), again.buffers(), strict=True))
    none = learned(fields(5), kinds=0)
    assert none.encode(fields(2), all_real(fields(2))).shape == (2, 0)


def test_before_it_has_learned_it_says_nothing() -> None:
    fresh = PaletteCode(KINDS, C)
    assert fresh.encode(fields(2), all_real(fields(2))).abs().max() == 0
