"""Exemplars as 8-bit numbers: what is lost, their moments, and distances from them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lattice_cases import C, close, lattice_data, smooth, some

from mamba_diffae.priors.exemplars import GAP, LEVELS, ExemplarBank, choose, encode


@given(seed=st.integers(0, 2**16))
def test_eight_bits_are_enough(seed: int) -> None:
    fields = 2 * torch.rand(3, 36, C, generator=torch.Generator().manual_seed(seed)) - 1
    codes = encode(lattice_data(fields))
    assert codes.dtype == torch.int8
    assert (codes / LEVELS - fields.flatten(1)).abs().max() <= 1 / 254 + 1e-6
    # What leaves [-1, 1] is cut, not wrapped.
    close(encode(lattice_data(2 * fields)) / LEVELS, (2 * fields).clamp(-1, 1).flatten(1), 1 / 253)


def test_gaps_are_marked_and_no_value_is() -> None:
    fields, known = -10 * torch.ones(3, 36, C), some((3, 36, C), 0.7)
    codes = encode(lattice_data(fields, known=known))
    assert torch.equal(codes == GAP, ~known.flatten(1))


def test_moments_are_those_of_the_fields() -> None:
    codes = encode(lattice_data(smooth(20)))
    bank, values = ExemplarBank.of(codes), codes.double() / LEVELS
    close(bank.mean.double(), values.mean(0), 1e-6)
    close(bank.covariance.double(), values.T.cov(correction=0), 1e-6)


def test_with_gaps_means_and_variances_are_of_what_is_known() -> None:
    fields, known = smooth(60), some((60, 36, C), 0.7)
    known[:, 5] = False
    bank = ExemplarBank.of(encode(lattice_data(fields, known=known)))
    exact, here = (encode(lattice_data(fields)) / LEVELS).double(), known.flatten(1)
    for i in range(exact.shape[1]):
        column = exact[here[:, i], i]
        mean, variance = (column.mean(), column.var(correction=0)) if len(column) else (0.0, 0.0)
        assert bank.mean[i].item() == pytest.approx(float(mean), abs=1e-6)
        assert bank.covariance[i, i].item() == pytest.approx(float(variance), abs=1e-6)
    assert torch.linalg.eigvalsh(bank.covariance.double()).min() > -1e-6
    complete = ExemplarBank.of(encode(lattice_data(fields)))
    assert (bank.covariance - complete.covariance)[10:, 10:].abs().max() < 0.2


@pytest.mark.parametrize("gaps", [0.0, 0.4])
@pytest.mark.parametrize("count", [3, 700])  # in one part, and in several
def test_distances_are_those_of_common_values_in_proportion(gaps: float, count: int) -> None:
    fields, known = smooth(count), some((count, 36, C), 1 - gaps)
    bank = ExemplarBank.of(encode(lattice_data(fields, known=known if gaps else None)))
    observed, y = torch.tensor([3, 8, 20, 41]), smooth(2, seed=3).flatten(1)[:, [3, 8, 20, 41]]
    here = known.flatten(1)[:, observed].double() if gaps else torch.ones(count, 4)
    exact = bank.codes.T[:, observed].double() / LEVELS
    squared = (here * (exact - y[:, None]).square()).sum(-1)
    expected = squared * 4 / here.sum(-1).clamp(min=1)
    expected = expected.masked_fill((here.sum(-1) == 0).expand_as(expected), torch.inf)
    close(bank.distances(y, observed).double(), expected.double(), 2e-3)


def test_exemplars_without_common_values_are_infinitely_far_or_all_alike() -> None:
    known = torch.ones(4, 36, C, dtype=torch.bool)
    known[0, 3] = False
    known[:, 5] = False
    bank = ExemplarBank.of(encode(lattice_data(smooth(4), known=known)))
    only_there = bank.distances(torch.zeros(2, 2), torch.tensor([6, 7]))
    assert only_there[:, 0].isinf().all()
    assert only_there[:, 1:].isfinite().all()
    assert not bank.distances(torch.zeros(2, 2), torch.tensor([10, 11])).any()


def test_which_are_chosen_is_the_same_each_time() -> None:
    assert choose(5, 9).tolist() == [0, 1, 2, 3, 4]
    kept = choose(100, 10)
    assert kept.tolist() == choose(100, 10).tolist() == sorted(set(kept.tolist()))
    assert len(kept) == 10
