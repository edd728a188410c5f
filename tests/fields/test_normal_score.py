"""The normal score makes quantiles normal, whatever the tail."""

import numpy as np
import pytest

from mamba_diffae.fields import NormalScore


@pytest.mark.parametrize("tail", [0.3, 1.0, 4.0])
def test_scores_are_normal(tail):
    values = np.exp(tail * np.random.default_rng(0).standard_normal(20_000))
    score = 3 * NormalScore.fit(values).forward(values)
    np.testing.assert_allclose([score.mean(), score.std()], [0, 1], atol=0.02)
    np.testing.assert_allclose(np.quantile(score, [0.16, 0.5, 0.84]), [-1, 0, 1], atol=0.03)


def test_quantiles_map_through_exactly():
    values = np.random.default_rng(0).gamma(0.5, 1.0, 4001)
    transform = NormalScore.fit(values)
    for q in (0.1, 0.5, 0.9):
        mapped = transform.inverse(np.quantile(transform.forward(values), [q]))
        np.testing.assert_allclose(mapped, np.quantile(values, q), rtol=1e-6)


def test_a_value_that_comes_often_has_one_score():
    values = np.array([0.0] * 500 + list(np.linspace(0.1, 9, 500)))
    transform = NormalScore.fit(values)
    np.testing.assert_allclose(3 * transform.forward(np.zeros(1)), -0.6745, atol=1e-3)
    assert transform.bounds[0] == 0


def test_a_large_sample_is_kept_by_few_knots():
    transform = NormalScore.fit(np.random.default_rng(0).normal(size=50_000))
    assert len(transform.values) <= 257
    assert transform.lower is None
