"""Fields: averages over coarser cells with gaps and land, subsets, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mamba_diffae.fields import (
    Affine,
    Axis,
    FieldData,
    Grid,
    Log,
    Logit,
    Observations,
    Prediction,
    ShapeError,
    ValuesError,
    Variable,
)

shapes = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)
seeds = st.integers(0, 999)
holes = st.sampled_from([0.0, 0.3, 0.7])


def fields(values, **parts):
    values = np.asanyarray(values)
    variables = [Variable(f"v{c}") for c in range(values.shape[-1])]
    return FieldData(variables, Grid.default(values.shape[1:-1]), values, **parts)


def random_fields(count=3, shape=(4, 6), variables=2):
    values = np.random.default_rng(0).normal(size=(count, *shape, variables))
    return fields(values, names=[f"field {i}" for i in range(count)])


def looped(data, target):
    """Averages over the cells of a grid, pair by pair of cells, and where they are known."""
    area, valid = data.grid.weights(), data.valid_mask()
    total = np.zeros((len(data), *target.shape, data.n_variables))
    mass = np.zeros_like(total)
    for there in np.ndindex(*target.shape):
        for here in np.ndindex(*data.shape):
            share = 1.0
            for ours, theirs, i, j in zip(data.grid.axes, target.axes, here, there, strict=True):
                low = max(ours.edges[i], theirs.edges[j])
                high = min(ours.edges[i + 1], theirs.edges[j + 1])
                share *= max(high - low, 0) / ours.widths[i]
            weight = share * area[here] * valid[(slice(None), *here)]
            total[(slice(None), *there)] += weight
            mass[(slice(None), *there)] += weight * data.values[(slice(None), *here)]
    known = total > 1e-9
    return np.divide(mass, total, out=np.zeros_like(mass), where=known), known


@given(shapes, seeds, holes, holes, st.data())
def test_averages_are_those_cell_by_cell(random_data, shape, seed, gaps, land, data):
    native = random_data(seed, shape, gaps=gaps, land=land)
    coarse = native.at(data.draw(st.tuples(*[st.integers(1, n) for n in shape])))
    expected, known = looped(native, coarse.grid)
    np.testing.assert_array_equal(coarse.valid_mask(), known)
    np.testing.assert_allclose(coarse.values, expected, atol=1e-9)


@given(shapes, seeds, st.data())
def test_averages_conserve_the_integral(random_data, shape, seed, data):
    native = random_data(seed, shape)
    coarse = native.at(data.draw(st.tuples(*[st.integers(1, n) for n in shape])))
    space = tuple(range(1, len(shape) + 1))
    before = (native.values * native.weights()).sum(space)
    after = (coarse.values * coarse.grid.weights()[..., None]).sum(space)
    np.testing.assert_allclose(after, before, atol=1e-9)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), seeds)
def test_averages_of_averages_are_averages(random_data, shape, seed):
    native = random_data(seed, [4 * n for n in shape])
    native = native.at(native.grid.regrid(native.shape))  # equally wide cells, that divide
    in_steps, at_once = native.at([2 * n for n in shape]).at(shape), native.at(shape)
    assert in_steps.grid.same_region(at_once.grid)
    np.testing.assert_allclose(in_steps.values, at_once.values, atol=1e-9)


def test_averages_on_the_globe_are_weighted_by_area():
    grid = Grid.regular(((-90, 90), (0, 360)), (18, 4), ("lat", "lon"), ("degrees_north", "deg"))
    values = np.sin(np.deg2rad(grid.axes[0].centres))[None, :, None, None] ** 2
    data = FieldData([Variable("v")], grid, np.broadcast_to(values, (1, 18, 4, 1)))
    np.testing.assert_allclose(data.at((1, 1)).values.item(), 1 / 3, atol=2e-3)
    two_steps = data.at((6, 2)).at((1, 1)).values
    np.testing.assert_allclose(two_steps, data.at((1, 1)).values, atol=1e-6)


def test_an_average_over_given_cells():
    data = FieldData(
        [Variable("t")],
        Grid((Axis("depth", np.array([0.0, 10, 30, 100])),)),
        np.array([[[1.0], [2.0], [3.0]]]),
    )
    coarse = data.at(Grid((Axis("depth", np.array([0.0, 20, 100])),)))
    np.testing.assert_allclose(coarse.values[0, :, 0], [1.5, (2 * 10 + 3 * 70) / 80])


def test_fields_are_averaged_alike_across_internal_chunks():
    values = np.random.default_rng(0).normal(size=(300, 4, 4, 1))
    np.testing.assert_allclose(
        fields(values).at((2, 2)).values, values.reshape(300, 2, 2, 2, 2, 1).mean((2, 4))
    )


@pytest.mark.parametrize(
    ("given_", "out"),
    [("uint8", "f4"), ("f2", "f4"), ("f4", "f4"), ("int32", "f8"), ("f8", "f8"), (">f8", "f8")],
)
@pytest.mark.parametrize("shape", [(4, 4), (2, 2)])
def test_averages_are_single_where_that_holds_the_values(given_, out, shape):
    values = np.arange(16).reshape(1, 4, 4, 1).astype(given_)
    assert fields(values).at(shape).values.dtype == np.dtype(out)


def test_a_large_offset_keeps_its_digits_in_averages():
    values = np.random.default_rng(0).uniform(0, 100, (1, 8, 8, 1))
    moved = fields(values + 1e8).at((4, 4)).values - 1e8
    np.testing.assert_allclose(moved, fields(values).at((4, 4)).values, atol=1e-4)


@pytest.mark.parametrize("under", [np.nan, np.inf, 9.97e36, -1e20])
def test_what_lies_under_a_gap_changes_nothing(under):
    clean = random_fields(2)
    gap = np.random.default_rng(1).random(clean.values.shape) < 0.3
    values = np.where(gap, under, clean.values)
    given_ = [
        fields(values, valid=~gap),
        fields(np.ma.array(values, mask=gap)),
        fields(np.where(gap, np.nan, values)),
    ]
    for data in given_:
        for shape in [(4, 6), (2, 3), (3, 4)]:
            expected = fields(clean.values, valid=~gap).at(shape)
            np.testing.assert_array_equal(data.at(shape).values, expected.values)
            np.testing.assert_array_equal(data.at(shape).valid_mask(), expected.valid_mask())


@given(shapes, seeds)
def test_weights_are_none_in_gaps(random_data, shape, seed):
    data = random_data(seed, shape, gaps=0.5, land=0.3)
    assert ((data.weights() > 0) == data.valid_mask()).all()
    assert not data.valid_mask()[:, ~data.grid.exists].any()


def test_land_alone_is_complete():
    grid = Grid(Grid.default((2, 3)).axes, np.array([[True, True, False], [True, False, True]]))
    values = np.random.default_rng(0).normal(size=(2, 2, 3, 1))
    values[:, ~grid.exists] = np.nan
    data = FieldData([Variable("sst")], grid, values)
    assert data.complete
    assert not fields(values).complete
    coarse = data.at((1, 3))
    assert coarse.complete
    np.testing.assert_allclose(coarse.values[:, 0, 1:, 0], values[:, [0, 1], [1, 2], 0], rtol=1e-6)


def test_take_keeps_everything_together():
    data = fields(
        np.random.default_rng(0).normal(size=(4, 3, 3, 1)),
        names=list("abcd"),
        groups=np.array([5, 5, 6, 7]),
        splits=np.array(["train", "val", "test", "test"]),
        attributes={"hat": np.array([0, 1, 0, 1])},
    )
    taken = data.take(np.array([3, 1]))
    assert list(taken.names) == ["d", "b"]
    assert taken.groups.tolist() == [7, 5]
    assert taken.splits.tolist() == ["test", "val"]
    assert taken.attributes["hat"].tolist() == [1, 1]
    for rows in ([3, 1], [1, 2], [2, 1], [-1]):
        np.testing.assert_array_equal(data.take(rows).values, data.values[rows])


@pytest.mark.parametrize("index", [slice(1, 3), np.array([False, True, True, False]), [1, 2]])
def test_take_accepts_slices_masks_and_numbers(index):
    assert list(random_fields(4).take(index).names) == ["field 1", "field 2"]


def test_nothing_taken_is_refused():
    with pytest.raises(ShapeError, match="None of the 3 snapshots was taken"):
        random_fields().take(slice(3, 9))


def test_a_variable_may_lack_all_values_in_a_snapshot():
    values = random_fields().values.copy()
    values[1, ..., 0] = np.nan
    one = fields(values).take(slice(1, 2)).at((2, 2))
    assert not one.valid_mask()[..., 0].any()
    assert one.valid_mask()[..., 1].all()


def test_split_selects_by_name():
    data = fields(np.ones((3, 2, 2, 1)), splits=np.array(["train", "test", "train"]))
    assert list(data.split("train").names) == ["0", "2"]


def test_a_split_without_snapshots_is_named_with_those_there_are():
    data = fields(np.ones((2, 2, 2, 1)), splits=["val", "train"])
    with pytest.raises(ValuesError, match=r"split 'test'; there are those of train, val\."):
        data.split("test")


@given(hnp.arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 9)), st.integers(1, 40))
def test_distinct_takes_one_snapshot_a_group(groups, count):
    chosen = fields(np.zeros((len(groups), 1, 1, 1)), groups=groups).distinct(count)
    assert len(chosen) == min(count, len(set(groups.tolist())))
    assert len(set(chosen.groups.tolist())) == len(chosen)
    firsts = {g: str(i) for i, g in reversed(list(enumerate(groups.tolist())))}
    assert all(firsts[g] == n for g, n in zip(chosen.groups.tolist(), chosen.names, strict=True))


def test_labels_have_defaults():
    data = fields(np.zeros((2, 3, 1)), names=None, groups=None, splits=None)
    assert list(data.names) == ["0", "1"]
    assert data.groups.tolist() == [0, 1]
    assert data.splits.tolist() == ["train", "train"]


def test_the_unit_interval_is_between_the_limits_of_each_variable():
    variables = [
        Variable("p", "Pa", Affine(98e3, 104e3)),
        Variable("u", "m/s", Affine(-15.0, 15.0)),
    ]
    data = FieldData(variables, Grid.default((2,)), np.array([[[98e3, 0.0], [104e3, -15.0]]]))
    np.testing.assert_allclose(data.unit_interval(data.values), [[[0, 0.5], [1, 0]]], atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 6), (4, 7), (0, 3), (4,), (4, 6, 1)])
def test_at_refuses_a_shape_without_truth(shape):
    asked = " × ".join(map(str, shape))
    with pytest.raises(ShapeError, match=rf"^{asked} cells were asked, .*4 × 6 \(y, x\): above"):
        random_fields().at(shape)


def test_at_refuses_another_region_and_finer_grids():
    with pytest.raises(ShapeError, match=r"lie on y from 0 to 0\.66.*average over y from 0 to 2"):
        random_fields().at(Grid.regular(((0, 2), (0, 1)), (2, 2)))
    with pytest.raises(ShapeError, match="8 × 6 cells were asked"):
        random_fields().at(random_fields().grid.regrid((8, 6)))


@pytest.mark.parametrize(
    "shape", [(2, 4, 6), (2, 4, 5, 1), (0, 4, 6, 1), (2, 4, 6, 2), (2, 4, 6, 1, 1)]
)
def test_values_of_another_shape_are_refused(shape):
    with pytest.raises(ShapeError, match=r"has shape .*expected \(S, 4, 6, 1\): snapshots, y, x"):
        FieldData([Variable("v")], Grid.default((4, 6)), np.zeros(shape))


def test_a_label_too_few_is_refused():
    with pytest.raises(ShapeError, match="holds 2 snapshots but 1 names; give one for each"):
        fields(np.zeros((2, 4, 4, 1)), names=["a"])
    with pytest.raises(ShapeError, match="holds 2 snapshots but 3 hat"):
        fields(np.zeros((2, 4, 4, 1)), attributes={"hat": np.arange(3)})


def test_values_that_are_no_numbers_are_refused():
    with pytest.raises(ValuesError, match=r"type complex128; expected integers or floats"):
        fields(np.zeros((1, 2, 2, 1), complex))


def test_a_variable_twice_is_refused():
    twice = [Variable("u"), Variable("v"), Variable("u")]
    with pytest.raises(ValuesError, match="The variable u is given twice"):
        FieldData(twice, Grid.default((2,)), np.zeros((1, 2, 3)))


def test_a_variable_that_is_only_infinite_is_refused():
    values = np.zeros((2, 3, 3, 2))
    values[..., 1] = np.inf
    with pytest.raises(ValuesError, match="'v1' has no finite value in any of the 2 snapshots"):
        fields(values)


def test_a_mask_that_leaves_nothing_is_refused():
    with pytest.raises(ValuesError, match="'v0' has no finite value"):
        fields(np.zeros((2, 3, 3, 1)), valid=np.zeros((2, 3, 3, 1), bool))


@pytest.mark.parametrize(("transform", "bad"), [(Log(0.1, 9.0), 0.0), (Logit(), 1.5)])
def test_values_outside_the_bounds_of_a_transform_are_refused(transform, bad):
    values = np.full((2, 3, 3, 1), 0.5)
    values[1, 2] = bad
    variable = [Variable("chl", "mg", transform)]
    with pytest.raises(ValuesError, match=rf"'chl' has 3 of 18 values outside .*such as {bad:g}"):
        FieldData(variable, Grid.default((3, 3)), values)
    valid = values != bad
    assert not FieldData(variable, Grid.default((3, 3)), values, valid).complete


def test_averages_may_lie_one_rounding_outside_the_bounds():
    values = np.ones((1, 9, 7, 1), np.float32)
    data = FieldData([Variable("ice", "1", Logit())], Grid.default((9, 7)), values)
    coarse = data.at((4, 3))
    FieldData(coarse.variables, coarse.grid, coarse.values)


def test_noise_is_of_known_values_and_goes_where_they_go():
    values = np.arange(24.0).reshape(2, 3, 4, 1)
    values[0, 0, 0] = np.nan
    noise = np.where(np.isfinite(values), 0.5, np.nan)
    data = FieldData([Variable("sst")], Grid.default((3, 4)), values, noise=noise)
    assert data.noise is not None
    assert data.noise[0, 0, 0, 0] == 0
    assert data.take([1]).noise.shape == (1, 3, 4, 1)
    coarse = data.at((3, 2))
    np.testing.assert_allclose(coarse.noise, 0.5)
    for bad in (-noise, np.full_like(noise, np.nan)):
        with pytest.raises(ValuesError, match="no noise, or a negative"):
            FieldData([Variable("sst")], Grid.default((3, 4)), values, noise=bad)
    with pytest.raises(ShapeError, match="that of the values"):
        FieldData([Variable("sst")], Grid.default((3, 4)), values, noise=noise[..., 0])


def test_what_is_printed_is_short_and_says_what_it_is():
    grid = Grid(Grid.default((4, 6)).axes, np.arange(24).reshape(4, 6) > 3)
    values = np.arange(240.0).reshape(10, 4, 6, 1)
    splits = np.array(["train"] * 7 + ["test"] * 3)
    data = FieldData([Variable.of_values("sst", values, "K")], grid, values, splits=splits)
    region = f"4 × 6 cells: {grid.describe_region()}; 20 exist"
    assert repr(data) == f"FieldData(sst; train: 7, test: 3; Grid({region}))"
    seen = Observations.from_points([[0.5, 0.5]], [[3.0]], noise=1.0)
    assert repr(seen) == "Observations(fields: 1, places: 1, axes: 2, variables: 1, noise)"
    told = Prediction(values[:2], values[None, :2], grid=grid, variables=tuple(data.variables))
    assert repr(told) == f"Prediction(sst; fields: 2, draws: 1; Grid({region}))"
    assert "; places: 5)" in repr(Prediction(np.zeros((1, 5, 2)), np.zeros((0, 1, 5, 2))))
