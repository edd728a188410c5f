"""Which cells are observed: valid ones, about the share that was asked, in any shape."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import PATTERNS, FieldError, check_fraction, check_pattern, draw_cells

fractions = st.floats(0.01, 1.0)
shapes = st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple)
every_pattern = st.sampled_from(PATTERNS)


def draw(seed, shape, fraction, pattern, known=None):
    return draw_cells(np.random.default_rng(seed), shape, fraction, pattern, known)


def drawn_on_squares(rng, cells, fraction, pattern):
    """How cells of squares were drawn in the first version: seeds keep their observations."""
    total = cells * cells
    if pattern == "random":
        return np.sort(rng.choice(total, max(1, round(fraction * total)), replace=False))
    row, column = np.divmod(np.arange(total), cells)
    if pattern == "regular":
        side = max(1, round(cells * fraction**0.5))
        kept = np.zeros(cells, dtype=bool)
        kept[((np.arange(side) + 0.5) * cells / side).astype(int)] = True
        return np.flatnonzero(kept[row] & kept[column])
    side = min(cells - 1, round(cells * (1 - fraction) ** 0.5))
    y, x = rng.integers(0, cells - side + 1, 2)
    hidden = (row >= y) & (row < y + side) & (column >= x) & (column < x + side)
    return np.flatnonzero(~hidden)


@pytest.mark.parametrize("pattern", ["random", "regular", "block"])
@given(st.integers(1, 32), fractions, st.integers(0, 999))
def test_on_squares_the_cells_are_those_of_the_first_version(pattern, cells, fraction, seed):
    before = drawn_on_squares(np.random.default_rng(seed), cells, fraction, pattern)
    np.testing.assert_array_equal(draw(seed, (cells, cells), fraction, pattern), before)


@given(shapes, fractions, every_pattern, st.integers(0, 99), st.booleans())
def test_cells_are_sorted_distinct_known_and_at_least_one(shape, fraction, pattern, seed, gaps):
    known = np.random.default_rng(seed).random(shape) < (0.4 if gaps else 2)
    known.flat[-1] = True
    seen = draw(seed, shape, fraction, pattern, known if gaps else None)
    assert len(seen) >= 1
    assert (np.diff(seen) > 0).all()
    assert seen[0] >= 0
    assert known.flat[seen].all()


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("shape", [(120,), (24, 36), (32, 32), (3, 90), (12, 10, 14), (1, 80)])
@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.6])
def test_about_the_share_is_seen(pattern, shape, fraction):
    counts = [len(draw(seed, shape, fraction, pattern)) for seed in range(4)]
    shares = np.array(counts) / math.prod(shape)
    if pattern in ("random", "scattered", "track", "clusters"):
        np.testing.assert_array_equal(counts, round(fraction * math.prod(shape)))
    # A block leaves a cell along each axis, unless the axis is shorter than the others.
    np.testing.assert_allclose(shares, fraction, atol=0.2 if pattern == "block" else 0.09)


@pytest.mark.parametrize("pattern", ["random", "track", "clusters", "stripes"])
def test_about_the_share_of_the_known_cells_is_seen(pattern):
    known = np.random.default_rng(0).random((30, 40)) < 0.5
    counts = [len(draw(seed, (30, 40), 0.2, pattern, known)) for seed in range(8)]
    np.testing.assert_allclose(np.mean(counts) / known.sum(), 0.2, atol=0.02)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("shape", [(40,), (16, 24), (8, 9, 10)])
def test_same_seed_same_cells_and_other_seeds_others(pattern, shape):
    first, again = draw(3, shape, 0.3, pattern), draw(3, shape, 0.3, pattern)
    np.testing.assert_array_equal(first, again)
    others = [draw(seed, shape, 0.3, pattern) for seed in range(4, 9)]
    alike = [np.array_equal(first, other) for other in others]
    assert all(alike) if pattern == "regular" else not all(alike)


@given(shapes, fractions)
def test_regular_is_a_product_of_evenly_spaced_lines(shape, fraction):
    index = np.unravel_index(draw(1, shape, fraction, "regular"), shape)
    lines = [np.unique(along) for along in index]
    assert math.prod(map(len, lines)) == len(index[0])
    for along in lines:
        gaps = np.diff(along)
        assert gaps.size == 0 or gaps.max() - gaps.min() <= 1


@given(shapes, fractions, st.integers(0, 99))
def test_block_hides_exactly_one_block(shape, fraction, seed):
    total = math.prod(shape)
    hidden = np.setdiff1d(np.arange(total), draw(seed, shape, fraction, "block"))
    if hidden.size:
        sides = [np.ptp(along) + 1 for along in np.unravel_index(hidden, shape)]
        assert math.prod(sides) == len(hidden) < total


def test_the_block_can_touch_every_edge():
    corners = {int(draw(seed, (3, 3), 0.5, "block")[0]) for seed in range(50)}
    assert len(corners) > 1


def test_stripes_are_whole_lines_in_a_few_bands():
    for seed in range(20):
        seen = np.zeros((30, 40), bool)
        seen.flat[draw(seed, (30, 40), 0.3, "stripes")] = True
        across = 0 if (seen.all(axis=1) == seen.any(axis=1)).all() else 1
        lines = seen.any(axis=1 - across)
        assert (seen.all(axis=1 - across) == lines).all()
        bands = (np.diff(lines.astype(int), prepend=0) == 1).sum()
        assert 2 <= bands <= 6


def test_tracks_and_clusters_crowd():
    """An observed cell has more observed neighbours than at random."""

    def neighbours(pattern):
        found = []
        for seed in range(10):
            seen = np.zeros((32, 32))
            seen.flat[draw(seed, (32, 32), 0.15, pattern)] = 1
            found.append((seen[1:] * seen[:-1]).sum() + (seen[:, 1:] * seen[:, :-1]).sum())
        return np.mean(found)

    assert neighbours("track") > 1.5 * neighbours("random")
    assert neighbours("clusters") > 2 * neighbours("random")


def test_an_unknown_pattern_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="Unknown pattern 'blocks'; did you mean 'block'"):
        check_pattern("blocks")
    with pytest.raises(ValueError, match="Unknown pattern"):
        draw(0, (4, 4), 0.5, "all")


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan")])
def test_a_fraction_that_is_none_is_refused(fraction):
    with pytest.raises(FieldError, match=r"expected a share of cells in \(0, 1\]"):
        check_fraction(fraction)


def test_the_whole_is_a_fraction():
    check_fraction(1.0)
