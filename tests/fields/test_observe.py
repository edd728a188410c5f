"""Observations of fields: averages over cells, values at points, gaps never seen."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mamba_diffae.fields import (
    PATTERNS,
    Axis,
    FieldData,
    Grid,
    Observations,
    ShapeError,
    ValuesError,
    Variable,
    box_averages,
    known_points,
    observe,
)

shapes = st.lists(st.integers(2, 6), min_size=1, max_size=3).map(tuple)


def truth(count=3, shape=(16, 16), variables=2, values=None, **parts):
    if values is None:
        values = np.random.default_rng(5).normal(size=(count, *shape, variables))
    return FieldData(
        [Variable(f"v{c}") for c in range(values.shape[-1])], Grid.default(shape), values, **parts
    )


def same(one: Observations, other: Observations) -> bool:
    names = ("coords", "values", "mask", "support")
    return all(torch.equal(getattr(one, n), getattr(other, n)) for n in names)


@settings(max_examples=50)
@given(shapes, st.integers(0, 99), st.sampled_from(PATTERNS[:-1]), st.data())
def test_values_are_the_averages_over_their_supports(random_data, shape, seed, pattern, data):
    fields = random_data(seed, shape, gaps=0.3, land=0.2)
    lattice = data.draw(st.tuples(*[st.integers(1, n) for n in shape]))
    seen = observe(fields, 0.5, shape=lattice, pattern=pattern, seed=seed)
    coarse = fields.at(lattice)
    centres, known = coarse.grid.centres(), coarse.valid_mask()
    for b, one in enumerate(seen.fields()):
        apart = np.abs(one.coords[0].numpy()[:, None] - centres).max(axis=-1)
        cells = apart.argmin(axis=1)
        assert apart.min(axis=1).max() < 1e-9
        assert one.support is not None
        np.testing.assert_allclose(one.support[0], coarse.grid.supports()[cells])
        here = known[b].reshape(-1, fields.n_variables)[cells]
        np.testing.assert_array_equal(one.mask[0], here)
        values = coarse.values[b].reshape(-1, fields.n_variables)[cells]
        np.testing.assert_array_equal(one.values[0], np.where(here, values, 0))
    assert seen.coords.dtype == seen.values.dtype == torch.float64
    assert seen.noise is None


def test_complete_pictures_are_observed_as_in_the_first_version():
    seen = observe(truth(3, (48, 48)), 0.2, seed=7)
    for b, one in enumerate(seen.fields()):
        cells = np.sort(np.random.default_rng((7, b)).choice(1024, 205, replace=False))
        rows, columns = np.divmod(cells, 32)
        expected = (np.stack([rows, columns], axis=1) + 0.5) / 32
        np.testing.assert_allclose(one.coords[0], expected, atol=1e-12)


def test_the_lattice_is_the_native_one_or_coarser():
    assert observe(truth(1, (16, 16)), 1.0).counts.item() == 256
    assert observe(truth(1, (36, 72)), 1.0).counts.item() == 22 * 45
    assert observe(truth(1, (500,)), 1.0).counts.item() == 500


@pytest.mark.parametrize("shape", [(17, 16), (0, 4), (4,)])
def test_a_lattice_finer_than_the_fields_is_refused(shape):
    with pytest.raises(ShapeError, match=r"cells were asked, .*16 × 16 \(y, x\)"):
        observe(truth(), shape=shape)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_same_seed_same_observations_and_other_seed_others(pattern):
    fields = truth()
    first, again, other = (observe(fields, 0.2, pattern=pattern, seed=s) for s in (3, 3, 4))
    assert same(first, again)
    assert same(first, other) == (pattern == "regular")


def test_snapshots_of_a_batch_are_observed_at_different_places():
    batch = observe(truth(), 0.2)
    assert not torch.equal(batch.coords[0], batch.coords[1])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_snapshot_is_observed_alike_whatever_comes_after_it(pattern):
    alone, together = (observe(truth(3).take(slice(0, n)), pattern=pattern) for n in (1, 3))
    assert same(alone.fields()[0], together.fields()[0])


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("under", [np.nan, np.inf, 9.97e36, 0.5])
@pytest.mark.parametrize("lattice", [(16, 16), (5, 6)])
def test_what_lies_under_a_gap_changes_nothing(pattern, under, lattice):
    clean = truth()
    gap = np.random.default_rng(1).random(clean.values.shape) < 0.3
    gap[:, 3:9, 5:12] = True
    values = np.where(gap, under, clean.values)
    parts = {"shape": lattice, "pattern": pattern, "seed": 2}
    expected = observe(truth(values=np.where(gap, np.nan, clean.values)), 0.3, **parts)
    assert same(observe(truth(values=values, valid=~gap), 0.3, **parts), expected)
    assert same(observe(truth(values=np.ma.array(values, mask=gap)), 0.3, **parts), expected)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_gaps_and_land_are_never_observed(pattern):
    mask = np.ones((16, 16), bool)
    mask[:, :7] = False
    values = np.full((2, 16, 16, 2), 1e30)
    values[:, mask] = 1.0
    values[:, 8:, :, 1] = np.nan
    grid = Grid(Grid.default((16, 16)).axes, mask)
    seen = observe(FieldData([Variable("a"), Variable("b")], grid, values), 0.5, pattern=pattern)
    assert set(seen.values[seen.mask].tolist()) == {1.0}
    places = seen.coords[seen.present]
    assert (places[:, 1] > 7 / 16).all()
    assert not seen.mask[..., 1][seen.coords[..., 0] > 0.5].any()
    assert seen.mask[..., 0].any()


def linear(grid):
    """A linear field, each value the average over its cell."""
    slopes = np.arange(1.0, grid.dim + 1)
    values = (grid.centres() @ slopes).reshape(1, *grid.shape, 1)
    return FieldData([Variable("v")], grid, np.repeat(values, 2, axis=0)), slopes


@pytest.mark.parametrize("shape", [(40,), (12, 20), (7, 8, 9)])
def test_scattered_points_read_a_linear_field(shape):
    grid = Grid.regular([(-3, -3 + 0.5 * n) for n in shape], shape)
    data, slopes = linear(grid)
    seen = observe(data, 0.5, pattern="scattered")
    coords, values = seen.coords[0].numpy(), seen.values[0, :, 0].numpy()
    low, high = np.array([[a.low + 0.25, a.high - 0.25] for a in grid.axes]).T
    inner = ((coords >= low) & (coords <= high)).all(axis=1)
    assert inner.sum() > 10
    np.testing.assert_allclose(values[inner], (coords @ slopes)[inner], atol=1e-9)
    np.testing.assert_allclose(values, coords @ slopes, atol=0.25 * slopes.sum() + 1e-9)
    assert seen.support is not None
    assert (seen.support == 0).all()
    apart = np.abs(coords[:, None] - grid.centres()).max(axis=-1).min(axis=1)
    assert apart.max() > 0.05
    assert seen.counts.tolist() == [round(0.5 * grid.cells)] * 2


def test_scattered_points_are_spread_by_the_size_of_the_cells():
    grid = Grid((Axis("depth", np.array([0.0, 1, 2, 4, 10]), "m"),))
    data = FieldData([Variable("t")], grid, np.zeros((1, 4, 1)))
    places, _, known = known_points(box_averages(data), np.random.default_rng(0), data, 4000)
    assert known.all()
    np.testing.assert_allclose(np.histogram(places, 10, (0, 10))[0], 400, atol=80)


def test_scattered_points_on_the_globe_are_spread_by_area():
    lat = Axis.regular("lat", -90, 90, 36, "degrees_north")
    grid = Grid((lat, Axis.regular("lon", 0, 360, 72, "degrees_east", periodic=True)))
    data = FieldData([Variable("t")], grid, np.zeros((1, *grid.shape, 1)))
    places = observe(data, 1.0, shape=grid.shape, pattern="scattered").coords[0]
    beyond = float((places[:, 0].abs() > 60).double().mean())
    assert beyond == pytest.approx(1 - np.sin(np.pi / 3), abs=0.03)


def test_scattered_points_elsewhere_are_drawn_by_the_widths_of_the_cells():
    axes = Axis("depth", np.array([0.0, 1, 2, 4, 10]), "m"), Axis.regular("x", 0, 3, 7)
    data = FieldData([Variable("t")], Grid(axes), np.zeros((1, 4, 7, 1)))
    places, _, _ = known_points(box_averages(data), np.random.default_rng(3), data, 50)
    rng, widths = np.random.default_rng(3), data.grid.supports()
    volume = widths.prod(axis=1)
    drawn = rng.choice(28, 50, p=volume / volume.sum())
    expected = data.grid.centres()[drawn] + (rng.random((50, 2)) - 0.5) * widths[drawn]
    np.testing.assert_array_equal(places, expected)


def test_few_known_cells_are_enough_for_points():
    values = np.full((1, 60, 60, 1), np.nan)
    values[0, 31, 7] = 2.5
    seen = observe(truth(1, (60, 60), values=values), 1.0, shape=(60, 60), pattern="scattered")
    assert seen.values.tolist() == [[[2.5]]]
    np.testing.assert_allclose(seen.coords[0, 0], (np.array([31, 7]) + 0.5) / 60, atol=0.5 / 60)


def test_a_snapshot_without_a_value_is_named():
    values = np.random.default_rng(0).normal(size=(3, 8, 8, 1))
    values[1] = np.nan
    with pytest.raises(
        ValuesError, match="1 of 3 snapshots have no value at all, the first is 'b'"
    ):
        observe(truth(values=values, shape=(8, 8), names=list("abc")))


def test_a_variable_may_be_missing_in_a_snapshot():
    values = np.random.default_rng(0).normal(size=(3, 8, 8, 2))
    values[1, ..., 0] = np.nan
    for pattern in PATTERNS:
        seen = observe(truth(values=values, shape=(8, 8)), pattern=pattern)
        assert not seen.mask[1, :, 0].any()
        assert seen.mask[1, :, 1].any()
        assert seen.mask[0].any(dim=0).all()


def test_fractions_and_patterns_are_checked():
    with pytest.raises(ValueError, match=r"fraction is 0; expected a share"):
        observe(truth(), 0.0)
    with pytest.raises(ValueError, match="did you mean 'block'"):
        observe(truth(), pattern="blocks")  # pyright: ignore[reportArgumentType]
