"""Distances between sets of features: unbiased, and right where the answer is known."""

import numpy as np
import pytest

from mamba_diffae.evaluation.generation import kernel_distance, support


def normal(count: int, shift: float = 0.0, seed: int = 0, width: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, width)) + shift


def test_equal_distributions_are_at_zero_on_average_and_shifted_ones_are_not():
    equal = [kernel_distance(normal(30, seed=s), normal(30, seed=s + 1000)) for s in range(200)]
    values = np.array([d.value for d in equal])
    assert abs(values.mean()) < 3 * values.std() / len(values) ** 0.5
    assert (values < 0).any()
    # The error is that of one estimate, to within what the jackknife promises.
    assert 0.7 * values.std() < np.mean([d.error for d in equal]) < 2 * values.std()
    shifted = kernel_distance(normal(200, seed=1), normal(200, 0.5, seed=2))
    assert shifted.value > 5 * shifted.error > 0


def test_it_is_the_mean_over_pairs_of_different_features():
    x, y = normal(5, seed=1), normal(5, 1.0, seed=2)
    k = lambda a, b: (a @ b / 8 + 1) ** 3  # noqa: E731
    among = [np.mean([k(z[i], z[j]) for i in range(5) for j in range(5) if i != j]) for z in (x, y)]
    across = np.mean([k(a, b) for a in x for b in y])
    assert kernel_distance(x, y).value == pytest.approx(sum(among) - 2 * across)


def test_the_error_is_that_of_leaving_one_out():
    x, y = normal(6, seed=1), normal(6, 1.0, seed=2)
    without = [kernel_distance(np.delete(x, i, 0), np.delete(y, i, 0)).value for i in range(6)]
    expected = np.sqrt(5 / 6 * np.square(without - np.mean(without)).sum())
    assert kernel_distance(x, y).error == pytest.approx(expected)


def test_of_the_longer_set_the_first_count():
    x, y = normal(9, seed=1), normal(7, seed=2)
    assert kernel_distance(x, y) == kernel_distance(x[:7], y)


@pytest.mark.parametrize(("n", "m", "width"), [(2, 9, 8), (9, 2, 8), (9, 9, 7)])
def test_too_few_or_of_two_widths_are_refused(n, m, width):
    with pytest.raises(ValueError, match="three or more of both, and one width"):
        kernel_distance(normal(n), normal(m, width=width))


def test_support_of_known_sets():
    line = np.arange(10.0)[:, None]
    assert support(line, line) == (1.0, 1.0)
    assert support(line, line + 1000) == (0.0, 0.0)
    # k = 1: the balls of 0 … 9 reach to −1 and 10, those of 0 … 2 to 3.
    few = np.array([[0.0], [1.0], [2.0], [50.0]])
    inside, covered = support(line, few, k=1)
    assert inside == 0.75
    assert covered == 1.0  # the ball of 50 reaches to 2, and covers the rest
    close = np.array([[4.0], [4.1], [4.2], [4.3]])
    assert support(line, close) == (1.0, 0.1)


def test_precision_is_of_the_generated_and_recall_of_the_real():
    real, narrow = normal(200, seed=1, width=2), 0.2 * normal(200, seed=2, width=2)
    found = support(real, narrow)
    assert found.precision > 0.95
    assert found.recall < 0.4
    assert support(narrow, real) == (found.recall, found.precision)


@pytest.mark.parametrize(("count", "k"), [(3, 3), (10, 0)])
def test_a_radius_needs_neighbours(count, k):
    with pytest.raises(ValueError, match=f"at least {k + 1} of both"):
        support(normal(count), normal(10), k)
