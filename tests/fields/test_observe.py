"""Observations: patterns, fractions, seeds, and values that are averages over cells."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import (
    GridField,
    Scaling,
    check_fraction,
    draw_cells,
    observe,
    pixel_centres,
)

fractions = st.floats(0.01, 1.0)


def truth(count=3, n=16, channels=2):
    values = np.random.default_rng(5).normal(size=(count, n, n, channels))
    names = [str(i) for i in range(count)]
    return GridField(values, Scaling(-9, 9), names, np.arange(count), np.full(count, "train"))


def draw(seed, cells, fraction, pattern):
    return draw_cells(np.random.default_rng(seed), cells, fraction, pattern)


@given(st.integers(1, 20), fractions, st.sampled_from(["random", "regular", "block"]))
def test_cells_are_sorted_distinct_inside_and_at_least_one(cells, fraction, pattern):
    seen = draw(0, cells, fraction, pattern)
    assert len(seen) >= 1
    assert (np.diff(seen) > 0).all()
    assert seen[0] >= 0
    assert seen[-1] < cells * cells


@given(st.integers(1, 32), fractions)
def test_random_sees_the_fraction_asked(cells, fraction):
    assert len(draw(1, cells, fraction, "random")) == max(1, round(fraction * cells**2))


@given(st.integers(1, 32), fractions)
def test_regular_is_a_product_of_evenly_spaced_lines(cells, fraction):
    rows, columns = np.divmod(draw(1, cells, fraction, "regular"), cells)
    per_side = max(1, round(cells * fraction**0.5))
    lines = np.unique(rows)
    np.testing.assert_array_equal(lines, np.unique(columns))
    assert len(lines) == per_side
    assert len(rows) == per_side**2
    gaps = np.diff(lines)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1


@given(st.integers(2, 32), fractions, st.integers(0, 99))
def test_block_hides_exactly_one_square(cells, fraction, seed):
    hidden = np.setdiff1d(np.arange(cells**2), draw(seed, cells, fraction, "block"))
    side = min(cells - 1, round(cells * (1 - fraction) ** 0.5))
    assert len(hidden) == side**2
    if side:
        rows, columns = np.divmod(hidden, cells)
        assert np.ptp(rows) == np.ptp(columns) == side - 1


def test_the_block_can_touch_every_edge():
    corners = {int(draw(seed, 3, 0.5, "block")[0]) for seed in range(50)}
    assert len(corners) > 1


def test_an_unknown_pattern_is_answered_with_those_there_are():
    with pytest.raises(
        ValueError, match="Unknown pattern 'blocks'; choose one of random, regular, block"
    ):
        observe(truth(), pattern="blocks")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan")])
def test_a_fraction_that_is_none_is_refused(fraction):
    with pytest.raises(ValueError, match=r"expected a share of cells in \(0, 1\]"):
        observe(truth(), fraction)


def test_the_whole_is_a_fraction():
    check_fraction(1.0)


@pytest.mark.parametrize("cells", [0, 17])
def test_cells_finer_than_the_field_are_refused(cells):
    with pytest.raises(ValueError, match=rf"Scale {cells} was asked, .*16 × 16"):
        observe(truth(n=16), cells=cells)


def test_cells_default_to_32_or_the_native_size():
    assert observe(truth(1, 48)).cells == 32
    assert observe(truth(1, 16)).cells == 16


@pytest.mark.parametrize("cells", [8, 5, 16])
def test_observed_values_are_the_area_averages_at_their_coordinates(cells):
    field = truth()
    averages = field.at(cells).reshape(3, -1, 2)
    for b, seen in enumerate(observe(field, 0.3, cells=cells, seed=4).fields()):
        distances = np.abs(seen.coords[:, None] - pixel_centres(cells)[None]).sum(axis=-1)
        assert distances.min(axis=1).max() == 0
        np.testing.assert_array_equal(seen.values, averages[b, distances.argmin(axis=1)])


def test_same_seed_same_observations_and_other_seed_others():
    field = truth()
    first, again, other = (observe(field, 0.2, seed=s) for s in (3, 3, 4))
    assert torch.equal(first.coords, again.coords)
    assert torch.equal(first.values, again.values)
    assert not torch.equal(first.coords, other.coords)


def test_fields_of_a_batch_are_observed_at_different_places():
    batch = observe(truth(), 0.2)
    assert not torch.equal(batch.coords[0], batch.coords[1])


def test_a_field_is_observed_alike_whatever_comes_after_it():
    alone, together = observe(truth(3).take(slice(0, 1))), observe(truth(3))
    assert torch.equal(alone.coords[0], together.coords[0])
