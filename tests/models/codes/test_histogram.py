"""The code of which values occur: what it counts, and what must not matter to it."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import Observations
from mamba_diffae.models.codes.histogram import CONCENTRATION, HistogramCode
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.priors import PriorPosterior

P, C, BINS = 60, 2, 12


def fields(count: int, seed: int = 0) -> torch.Tensor:
    """Fields (count, P, C), each of three values of its own and a little noise."""
    generator = torch.Generator().manual_seed(seed)
    values = 2 * torch.rand(count, 3, C, generator=generator) - 1
    which = torch.randint(3, (count, P), generator=generator)
    noise = 0.02 * torch.randn(count, P, C, generator=generator)
    return values[torch.arange(count)[:, None], which] + noise


def all_known(values: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(values, dtype=torch.bool)


def fresh(bins: int = BINS) -> HistogramCode:
    return HistogramCode(bins, AutoencoderConfig(value_dim=C, prior_shape=(6, 10)))


def fitted(
    values: torch.Tensor, bins: int = BINS, known: torch.Tensor | None = None
) -> HistogramCode:
    code = fresh(bins)
    code.fit(values, all_known(values) if known is None else known)
    return code


def encode(
    code: HistogramCode, values: torch.Tensor, known: torch.Tensor | None = None
) -> torch.Tensor:
    """Of values observed anywhere."""
    mask = all_known(values) if known is None else known
    seen = Observations(torch.rand(*values.shape[:2], 2), values, mask)
    nothing = values.new_zeros(len(values), 0, C)
    posterior = PriorPosterior.of(nothing, nothing[..., :1], nothing.bool())
    return code.encode(seen, posterior)


def belonging(code: HistogramCode, values: torch.Tensor) -> torch.Tensor:
    """The weights of single values (N, C) in the bins, (N, K)."""
    return code._counts(values[:, None], all_known(values[:, None]))


@pytest.fixture(scope="module")
def code() -> HistogramCode:
    return fitted(fields(50))


@given(seed=st.integers(0, 2**31), padding=st.integers(0, 9))
def test_neither_places_nor_order_nor_padding_matter(code, seed: int, padding: int) -> None:
    values = fields(2, seed=7)[:, :20]
    order = torch.randperm(20, generator=torch.Generator().manual_seed(seed))
    padded = torch.cat([values[:, order], torch.full((2, padding, C), 0.5)], dim=1)
    known = all_known(padded)
    known[:, 20:] = False
    torch.testing.assert_close(encode(code, padded, known), encode(code, values), atol=1e-4, rtol=0)


def test_known_fields_vary_around_zero_by_one_on_average(code) -> None:
    z = encode(code, fields(50))
    torch.testing.assert_close(z.mean(dim=0), torch.zeros(BINS), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.var(dim=0, correction=0).mean(), torch.tensor(1.0))


def test_the_weights_of_a_value_are_gaussian_and_its_own_bin_has_the_most(code) -> None:
    values = fields(1, seed=3)[0]
    distance = torch.cdist(values, code.codebook).square()
    gaussian = torch.exp(-distance / (2 * code.width**2))
    found = belonging(code, values)
    expected = gaussian / gaussian.sum(dim=-1, keepdim=True)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert torch.equal(found.argmax(dim=-1), distance.argmin(dim=-1))


def test_distances_are_hellinger_distances_of_the_shares(code) -> None:
    two = fields(2, seed=5)
    count = torch.stack([belonging(code, values).sum(dim=0) for values in two])
    share = (count + CONCENTRATION * code.usual) / (P + CONCENTRATION)
    hellinger = (share[0].sqrt() - share[1].sqrt()).norm()
    apart = encode(code, two).diff(dim=0).norm()
    scale = code.turn.norm() / BINS**0.5
    torch.testing.assert_close(apart / scale, hellinger)


def test_nothing_observed_gives_the_usual_shares(code) -> None:
    values = torch.zeros(1, 3, C)
    nothing = encode(code, values, ~all_known(values))
    usual = (code.usual.sqrt() - code.centre) @ code.turn
    torch.testing.assert_close(nothing[0], usual)
    assert code.usual.sum().item() == pytest.approx(1, abs=1e-5)


def test_two_parts_of_a_field_are_nearer_than_parts_of_two_fields(code) -> None:
    new = fields(20, seed=9)
    first, second = (encode(code, part) for part in (new[:, :30], new[:, 30:]))
    found = torch.cdist(first, second).argmin(dim=1)
    assert (found == torch.arange(20)).float().mean() > 0.9


# Missing variables and gaps


def test_a_value_with_a_missing_variable_counts_once_by_what_is_known(code) -> None:
    values = fields(1, seed=3)
    known = all_known(values)
    known[..., 1] = False
    count = code._counts(values, known)
    assert count.sum().item() == pytest.approx(P, rel=1e-5)
    distance = (values[0, :, :1] - code.codebook[:, 0]).square()
    expected = torch.softmax(-distance / (2 * code.width**2), dim=-1).sum(dim=0)
    torch.testing.assert_close(count[0], expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("gaps", ["some", "everywhere"])
def test_what_lies_under_gaps_changes_nothing(gaps: str) -> None:
    values = fields(30)
    known = torch.rand(values.shape, generator=torch.Generator().manual_seed(0)) < 0.7
    if gaps == "everywhere":  # never both variables in one cell
        known[..., 1] = ~known[..., 0]
    known[3] = False  # a field without any value
    codes = [fitted(torch.where(known, values, under), known=known) for under in (0, torch.nan)]
    for one, other in zip(*(code.buffers() for code in codes), strict=True):
        assert torch.equal(one, other)
        assert one.isfinite().all()
    assert codes[0].usual.sum().item() == pytest.approx(1, abs=1e-5)
    # Bins are clusters of values that were there.
    if gaps == "some":
        near = torch.cdist(codes[0].codebook, values.flatten(0, 1)).amin(dim=1)
        assert near.max() < 0.3


# What there may be little of


def test_one_value_everywhere_leaves_a_code_of_nothing() -> None:
    code = fitted(torch.full((4, P, C), 0.25))
    assert encode(code, torch.rand(2, P, C)).abs().max() == 0


def test_bins_are_the_same_each_time_and_there_may_be_none(code) -> None:
    again = fitted(fields(50))
    assert all(torch.equal(a, b) for a, b in zip(code.buffers(), again.buffers(), strict=True))
    assert encode(fitted(fields(5), bins=0), fields(2)).shape == (2, 0)


def test_before_it_has_learned_it_says_nothing_and_never_decodes(code) -> None:
    assert encode(fresh(), fields(2)).abs().max() == 0
    assert not code.decode(torch.randn(2, BINS)).any()
    assert code.decode(torch.randn(2, BINS)).shape == (2, P, C)
