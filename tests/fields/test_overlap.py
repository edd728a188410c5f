"""Averages over cells and boxes are exact integrals: against brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mamba_diffae.fields import BoxAverages, average, box_averages, overlap

shapes = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)
seeds = st.integers(0, 999)


def edges(rng, n):
    return np.cumsum(rng.uniform(0.5, 2, n + 1))


def integral(values, weights, axes, periodic, low, high):
    """Mass and weight of one box by looping over cells and turns; (C,) each."""
    channels = values.shape[-1]
    mass, weight = np.zeros(channels), np.zeros(channels)
    for index in np.ndindex(*values.shape[:-1]):
        share = 1.0
        for d, i in enumerate(index):
            e, span = axes[d], axes[d][-1] - axes[d][0]
            turns = (-1, 0, 1) if periodic[d] else (0,)
            common = [
                min(high[d], e[i + 1] + t * span) - max(low[d], e[i] + t * span) for t in turns
            ]
            share *= sum(max(c, 0) for c in common) / (e[i + 1] - e[i])
        mass += share * weights[index] * values[index]
        weight += share * weights[index]
    return mass, weight


@given(st.integers(1, 24), st.integers(1, 24), seeds)
def test_shares_of_a_fine_cell_sum_to_one(n, m, seed):
    fine = edges(np.random.default_rng(seed), n)
    inner = np.sort(np.random.default_rng(seed).uniform(fine[0], fine[-1], m - 1))
    matrix = overlap(fine, np.concatenate([fine[:1], inner, fine[-1:]]))
    assert matrix.shape == (m, n)
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(axis=0), 1)


def test_shares_of_three_cells_in_two_by_hand():
    np.testing.assert_allclose(
        overlap(np.arange(4.0), np.array([0, 1.5, 3])), [[1, 0.5, 0], [0, 0.5, 1]]
    )


@given(shapes, seeds)
def test_average_multiplies_every_axis(shape, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2, *shape, 3))
    matrices = [rng.normal(size=(i + 2, n)) for i, n in enumerate(shape)]
    letters = "xyz"[: len(shape)]
    sums = ",".join(f"{c.upper()}{c}" for c in letters)
    expected = np.einsum(f"s{letters}c,{sums}->s{letters.upper()}c", values, *matrices)
    np.testing.assert_allclose(average(values, matrices), expected, atol=1e-10)


@settings(max_examples=60)
@given(shapes, seeds, st.booleans(), st.data())
def test_boxes_are_integrals_cell_by_cell(shape, seed, gaps, data):
    rng = np.random.default_rng(seed)
    periodic = data.draw(st.tuples(*[st.booleans()] * len(shape)))
    axes = [edges(rng, n) for n in shape]
    values = rng.normal(size=(2, *shape, 2))
    weights = rng.uniform(0.1, 1, values.shape) * ((rng.random(values.shape) > 0.4) | (not gaps))
    low, high = np.array([[e[0], e[-1]] for e in axes]).T
    centres = low + (high - low) * rng.random((5, len(shape)))
    sides = rng.uniform(0, 1, (5, len(shape))) * (high - low)
    found, weight = BoxAverages(values, weights, axes, periodic)(centres, sides)
    for n, (centre, side) in enumerate(zip(centres, sides, strict=True)):
        cells = [np.searchsorted(e, c, side="right") - 1 for e, c in zip(axes, centre, strict=True)]
        least = [np.diff(e)[i] for e, i in zip(axes, cells, strict=True)]
        half = np.maximum(side, least) / 2
        for s in range(2):
            mass, total = integral(
                values[s], weights[s], axes, periodic, centre - half, centre + half
            )
            known = total > 1e-12
            np.testing.assert_allclose(weight[s, n], np.where(known, total, 0), atol=1e-9)
            average_ = np.divide(mass, total, out=np.zeros(2), where=known)
            np.testing.assert_allclose(found[s, n], average_, atol=1e-6)


def test_a_box_is_the_average_of_many_points_in_it():
    rng = np.random.default_rng(0)
    axes = [edges(rng, 5), edges(rng, 7)]
    values = rng.normal(size=(1, 5, 7, 1))
    area = np.diff(axes[0])[:, None] * np.diff(axes[1])
    boxes = BoxAverages(values, area[None, ..., None], axes, (False, True))
    x0, x1 = axes[1][0], axes[1][-1]
    centre, side = np.array([[axes[0].mean(), x1 - 0.1]]), np.array([[2.5, 3.0]])
    t = (np.arange(2000) + 0.5) / 2000 - 0.5
    y, x = centre[0, 0] + 2.5 * t, x0 + (centre[0, 1] + 3.0 * t - x0) % (x1 - x0)
    rows, columns = np.searchsorted(axes[0], y) - 1, np.searchsorted(axes[1], x) - 1
    expected = values[0, rows[:, None], columns, 0].mean()
    np.testing.assert_allclose(boxes(centre, side)[0].item(), expected, atol=5e-3)


@pytest.mark.parametrize("periodic", [True, False])
def test_beyond_a_border_a_box_is_cut_or_wraps(periodic):
    values = np.array([1.0, 2.0, 3.0, 8.0]).reshape(1, 4, 1)
    boxes = BoxAverages(values, np.ones_like(values), [np.arange(5.0)], [periodic])
    found, weight = boxes(np.array([[4.0], [0.0], [0.5]]), np.array([[2.0], [2.0], [3.0]]))
    expected = [4.5, 4.5, 11 / 3] if periodic else [8.0, 1.0, 1.5]
    np.testing.assert_allclose(found[0, :, 0], expected)
    np.testing.assert_allclose(weight[0, :, 0], [2, 2, 3] if periodic else [1, 1, 2])


@given(shapes, seeds, st.sampled_from([0.0, 0.5]))
def test_boxes_of_the_cells_are_the_cells(random_data, shape, seed, gaps):
    data = random_data(seed, shape, gaps=gaps, periodic=[True] * len(shape))
    grid = data.grid
    found, _ = box_averages(data)(grid.centres(), grid.supports())
    expected = np.where(data.valid_mask(), data.values, 0)
    np.testing.assert_allclose(found.reshape(data.values.shape), expected, atol=1e-8)


@given(shapes, seeds, st.sampled_from([0.0, 0.5]), st.data())
def test_boxes_of_coarser_cells_are_their_averages(random_data, shape, seed, gaps, data):
    """Where a coarse cell is no smaller than the native one around its centre."""
    fields = random_data(seed, shape, gaps=gaps)
    coarse = fields.at(data.draw(st.tuples(*[st.integers(1, n) for n in shape])))
    centres, sides = coarse.grid.centres(), coarse.grid.supports()
    boxes = box_averages(fields)
    native = np.array(np.unravel_index(boxes.cells(centres), shape)).T
    widths = np.stack(
        [a.widths[i] for a, i in zip(fields.grid.axes, native.T, strict=True)], axis=1
    )
    large = (sides >= widths).all(axis=1)
    found, _ = boxes(centres, sides)
    known = coarse.valid_mask().reshape(found.shape)
    expected = np.where(known, coarse.values.reshape(found.shape), 0)
    np.testing.assert_allclose(found[:, large], expected[:, large], atol=1e-6)


@given(shapes, seeds)
def test_places_are_found_in_their_cells(random_data, shape, seed):
    data = random_data(seed, shape, periodic=[True] * len(shape))
    rng, grid = np.random.default_rng(seed), data.grid
    inner = grid.centres() + (rng.random((grid.cells, grid.dim)) - 0.5) * grid.supports() * 0.99
    turned = inner + rng.integers(-1, 2, inner.shape) * [a.span for a in grid.axes]
    np.testing.assert_array_equal(box_averages(data).cells(turned), np.arange(grid.cells))


def test_a_large_offset_loses_no_digits():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(1, 64, 64, 1))
    weights, axes = np.ones_like(values), [np.arange(65.0)] * 2
    centres, sides = rng.uniform(5, 60, (50, 2)), rng.uniform(1, 8, (50, 2))
    plain, _ = BoxAverages(values, weights, axes, (False, False))(centres, sides)
    moved, _ = BoxAverages(values + 1e8, weights, axes, (False, False))(centres, sides)
    np.testing.assert_allclose(moved - 1e8, plain, atol=1e-6)


def test_what_lies_in_a_gap_changes_no_box():
    rng = np.random.default_rng(0)
    weights = (rng.random((2, 5, 6, 1)) > 0.5).astype(float)
    axes = [edges(rng, 5), edges(rng, 6)]
    centres = np.array(list(itertools.product(axes[0][1:-1], axes[1][1:-1])))
    answers = []
    for fill in (0.0, 1e30, np.nan):
        values = np.where(weights > 0, np.arange(6.0)[:, None], fill)
        answers.append(BoxAverages(values, weights, axes, (True, False))(centres, centres * 0)[0])
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])
