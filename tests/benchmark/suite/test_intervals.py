import numpy as np
import pytest

from mamba_diffae.benchmark.suite.intervals import (
    paired_difference,
    simultaneous_quantile,
    worst_fields,
)


def errors(rng, fields, variables=1):
    return rng.gamma(2.0, size=(fields, variables))


def test_a_tenfold_error_is_ten_decibels_with_no_spread():
    ours = errors(np.random.default_rng(0), 20, 2)
    found = paired_difference(ours, 10 * ours, np.arange(20), 0)
    assert found.estimate == pytest.approx([10, 10])
    assert found.error == pytest.approx([0, 0], abs=1e-9)
    assert worst_fields(ours, 10 * ours) == pytest.approx([10, 10])


def test_the_estimate_is_the_ratio_of_means_not_the_mean_of_ratios():
    ours, rival = np.array([[1.0], [100.0]]), np.array([[2.0], [100.0]])
    found = paired_difference(ours, rival, np.arange(2), 0)
    assert found.estimate == pytest.approx(10 * np.log10(102 / 101))


def test_copies_of_a_field_narrow_nothing():
    rng = np.random.default_rng(1)
    ours, rival = errors(rng, 12), errors(rng, 12)
    alone = paired_difference(ours, rival, np.arange(12), 0)
    copies = [np.repeat(part, 6, axis=0) for part in (ours, rival, np.arange(12))]
    assert paired_difference(*copies, 0).error == pytest.approx(alone.error)


def test_few_groups_widen_the_interval_of_a_row_by_itself():
    rng = np.random.default_rng(6)
    for groups, quantile in ((3, 4.303), (10, 2.262), (400, 1.966)):
        found = paired_difference(errors(rng, groups), errors(rng, groups), np.arange(groups), 0)
        assert found.half_width == pytest.approx(quantile * found.error, rel=1e-3)


def test_a_single_group_has_no_interval():
    ours = errors(np.random.default_rng(2), 5)
    found = paired_difference(ours, 2 * ours, np.zeros(5, dtype=int), 0)
    assert np.isinf(found.half_width).all()
    assert simultaneous_quantile([found]) == pytest.approx(1.96, abs=1e-3)


def test_the_standard_error_is_that_of_repeated_experiments():
    rng = np.random.default_rng(3)

    def experiment():
        return paired_difference(errors(rng, 40), errors(rng, 40), np.arange(40), 0)

    found = [experiment() for _ in range(120)]
    spread = np.std([each.estimate for each in found])
    assert np.mean([each.error for each in found]) == pytest.approx(spread, rel=0.15)


def test_simultaneous_intervals_cover_all_rows_at_once():
    rng, covered, rows = np.random.default_rng(4), [], 6
    for _ in range(40):
        shared = errors(rng, 40)
        found = [
            paired_difference(shared * errors(rng, 40), shared * errors(rng, 40), np.arange(40), k)
            for k in range(rows)
        ]
        quantile = simultaneous_quantile(found)
        covered.append(all((abs(d.estimate) < quantile * d.error).all() for d in found))
    assert quantile > 2.2
    assert np.mean(covered) >= 0.85


def test_rows_that_are_alike_cost_no_width():
    rng = np.random.default_rng(5)
    same = paired_difference(errors(rng, 60), errors(rng, 60), np.arange(60), 0)
    apart = [
        paired_difference(errors(rng, 60), errors(rng, 60), np.arange(60), k) for k in range(20)
    ]
    assert simultaneous_quantile([same] * 20) == simultaneous_quantile([same])
    assert simultaneous_quantile(apart) > simultaneous_quantile([same] * 20) + 0.4


def test_the_worst_fields_are_those_furthest_behind():
    ours, rival = np.ones((40, 1)), np.ones((40, 1))
    ours[[3, 7]] = 10
    rival[5] = 10
    assert worst_fields(ours, rival) == pytest.approx([-10])
