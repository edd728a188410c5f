"""Arrays in memory: what their axes are, the scales of their variables, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from published import stack

from mamba_diffae.fields import Affine, AxisError, Grid, Log, ShapeError, ValuesError, Variable
from mamba_diffae.sources import from_array, open_field


@given(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32, np.int16, np.uint16, np.dtype(">f4")]),
        st.tuples(st.integers(3, 5), st.integers(2, 4), st.integers(2, 4), st.integers(1, 3)),
        elements=st.integers(0, 1000),
    )
)
def test_values_stay_and_the_limits_are_those_of_the_training_split(values):
    variables = [f"v{c}" for c in range(values.shape[-1])]
    values[0, 0, 0], values[0, 1, 1] = 0, 1000
    values[1:, 0, 0], values[1:, 1, 1] = 1, 999
    data = from_array(values, variables=variables)
    np.testing.assert_array_equal(data.values, values)
    assert data.values.dtype.isnative
    train = data.split("train").values
    for c, variable in enumerate(data.variables):
        assert variable.limits == (train[..., c].min(), train[..., c].max())
        assert variable.transform == Affine(*variable.limits)
    assert list(data.names) == [str(i) for i in range(len(values))]
    assert not data.mirrored


def test_a_sound_array_is_not_copied():
    values = stack(4, 6, 8, 2)
    assert np.shares_memory(open_field(values).values, values)


@pytest.mark.parametrize(
    ("shape", "cells", "count"),
    [
        ((5, 30, 1), (30,), 1),
        ((5, 12, 20), (12, 20), 1),
        ((5, 36, 72), (36, 72), 1),
        ((5, 36, 72, 2), (36, 72), 2),
        ((5, 24, 24, 24), (24, 24, 24), 1),
        ((5, 20, 30, 20), (20, 30, 20), 1),
        ((2, 20, 20, 20, 3), (20, 20, 20), 3),
    ],
)
@pytest.mark.usefixtures("silent")
def test_what_can_be_meant_one_way_only_is_read_so(shape, cells, count):
    data = open_field(stack(*shape))
    assert (data.shape, data.n_variables) == (cells, count)
    assert data.grid == Grid.default(cells)


@pytest.mark.parametrize(
    ("shape", "cells", "count", "hint"),
    [
        ((8, 30), (30,), 1, r"one field alone is array\[None\]"),
        ((8, 30, 3), (30, 3), 1, "for profiles of several variables name those"),
        ((6, 6, 3), (6, 3), 1, r"one field alone is array\[None\]"),
        ((5, 30, 20, 10), (30, 20), 10, "for volumes of one variable name their axes"),
        ((5, 3, 20, 20), (3, 20, 20), 1, r"np\.moveaxis\(array, 1, -1\)"),
    ],
)
def test_what_could_be_meant_otherwise_is_said(shape, cells, count, hint):
    with pytest.warns(UserWarning, match=rf"taken as {shape[0]} snapshots of .*{hint}"):
        data = open_field(stack(*shape))
    assert (data.shape, data.n_variables) == (cells, count)


@pytest.mark.usefixtures("silent")
def test_axes_and_variables_decide():
    assert from_array(stack(8, 30), variables="t").shape == (30,)
    assert from_array(stack(8, 30, 3), variables=["a", "b", "c"]).shape == (30,)
    assert from_array(stack(8, 30, 3), axes={"depth": 30}).n_variables == 3
    assert from_array(stack(8, 30, 3), axes={"x": 30, "y": 3}).n_variables == 1
    volumes = from_array(stack(5, 30, 20, 10), axes={"z": 30, "y": 20, "x": 10})
    assert (volumes.shape, volumes.n_variables) == ((30, 20, 10), 1)
    assert from_array(stack(5, 30, 20, 10), variables="t").shape == (30, 20, 10)
    twenty = [f"v{c}" for c in range(20)]
    told = from_array(stack(3, 9, 9, 20), axes={"y": 9, "x": 9}, variables=twenty)
    assert told.n_variables == 20


@pytest.mark.parametrize(
    ("shape", "told", "read", "hint"),
    [
        ((12, 8, 10, 2), {"variables": ["t"]}, "8 × 10 × 2 cells .* of one variable", "variables="),
        ((12, 8, 10), {"axes": {"y": 8}}, "8 cells of 10 variables", "name all axes"),
        ((3, 9, 9, 20), {"axes": {"y": 9, "x": 9}}, "9 × 9 cells of 20 variables", "name all axes"),
    ],
)
def test_what_was_told_in_part_is_said_as_it_was_read(shape, told, read, hint):
    with pytest.warns(UserWarning, match=rf"taken as {shape[0]} snapshots of {read}.*{hint}") as w:
        from_array(stack(*shape), **told)
    assert w[0].filename == __file__


@pytest.mark.usefixtures("silent")
def test_lists_are_arrays_and_keep_their_masks():
    values = stack(4, 6, 8)
    np.testing.assert_array_equal(from_array(values.tolist()).values[..., 0], values)
    data = from_array(list(np.ma.masked_equal(values, values.max())))
    assert (~data.valid_mask()).sum() == 1


def test_lists_of_unlike_lengths_are_refused():
    with pytest.raises(ShapeError, match=r"parts of unlike shapes; .*np\.stack\(snapshots\)"):
        from_array([[[1.0, 2.0], [3.0]], [[1.0, 2.0], [3.0, 4.0]]])


@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((6,), r"one field alone is array\[None\]"),
        ((0, 6, 6), "none of them may be zero"),
        ((5, 6, 6, 6, 17), "four axes or more .*Variables come last, at most 16"),
        ((5, 6, 6, 6, 6, 1), "four axes or more .*Variables come last"),
    ],
)
def test_another_shape_is_named_with_a_way_to_mend_it(shape, hint):
    with pytest.raises(ShapeError, match=rf"shape \({shape[0]},.*{hint}"):
        open_field(stack(*shape))


@pytest.mark.filterwarnings("ignore:The array of shape")
@pytest.mark.parametrize("shape", [(5, 1, 8), (5, 1), (5, 8, 1, 8), (5, 1, 8, 3)])
def test_an_axis_of_one_cell_is_named(shape):
    with pytest.raises(AxisError, match=r"one cell along the axis .*squeeze"):
        open_field(stack(*shape))


@pytest.mark.filterwarnings("ignore:The array of shape")
@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"axes": {"y": 8, "x": 8}}, r"its axes were given as y 8, x 8"),
        ({"axes": {"y": 9, "x": np.arange(10.0)}}, r"y 9, x \(10,\)"),
        ({"axes": {"y": 9, "x": np.ones((2, 8))}}, r"x \(2, 8\)"),
        ({"axes": dict.fromkeys("abcd", 9)}, "but a grid of 4 axes was given"),
        ({"axes": Grid.default((8, 9))}, "but its grid 8 × 9"),
        ({"axes": {"y": 9, "x": 8}, "variables": ["a", "b"]}, r"2 axes of 2 variables"),
        ({"variables": ["a", "b"]}, r"2 variables were named; they come last"),
        ({"units": ["m", "s", "kg"]}, "3 units were given for 1 variables"),
    ],
)
def test_what_does_not_fit_the_array_is_named(told, named):
    with pytest.raises(ShapeError, match=named):
        from_array(stack(4, 9, 8), **told)


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"units": {"tmp": "K"}}, "Unknown variable or axis 'tmp'; did you mean 'temp'"),
        ({"transforms": {"tem": "log"}}, "Unknown variable 'tem'"),
        ({"transforms": {"temp": "lag"}}, "Unknown transform 'lag'; did you mean 'log'"),
        ({"periodic": ["lon"]}, "Unknown axis 'lon'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(told, named):
    with pytest.raises(ValueError, match=named):
        from_array(stack(4, 9, 8), variables="temp", **told)


@pytest.mark.parametrize("dtype", [bool, complex, object, "U3", "datetime64[s]"])
def test_what_is_no_number_is_refused(dtype):
    with pytest.raises(ValuesError, match="expected integers or floats"):
        open_field(np.zeros((2, 4, 4)).astype(dtype))


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, ">f8", ">i2"])
def test_other_numbers_become_those_that_are_computed_with(dtype):
    data = open_field(stack(4, 6, 8).astype(dtype))
    assert data.values.dtype in (np.float32, np.float64, np.int16)
    np.testing.assert_array_equal(data.values[..., 0], stack(4, 6, 8).astype(dtype))


@pytest.mark.usefixtures("silent")
def test_each_variable_has_its_own_scale():
    values = np.concatenate([101_325 + 60 * stack(9, 6, 8, 1), stack(9, 6, 8, 1) / 10], axis=-1)
    data = from_array(values, variables=["pressure", "wind"], units=["Pa", "m/s"])
    pressure, wind = data.variables
    assert 9e4 < pressure.limits[0] < 101_325 < pressure.limits[1] < 1.2e5
    assert -30 < wind.limits[0] < 0 < wind.limits[1] < 30
    assert [v.unit for v in data.variables] == ["Pa", "m/s"]


@pytest.mark.usefixtures("silent")
def test_variables_may_be_scaled_already_and_units_named():
    known = Variable("sst", "degC", Affine(-2, 40))
    data = from_array(stack(3, 6, 8, 2), variables=[known, "ice"], units={"ice": "%"})
    assert data.variables[0] is known
    assert (data.variables[1].name, data.variables[1].unit) == ("ice", "%")


@pytest.mark.usefixtures("silent")
def test_bytes_have_the_limits_of_pictures():
    data = open_field(np.full((3, 4, 4), 7, np.uint8))
    assert data.variables[0].limits == (0, 255)
    assert data.variables[0].transform == Affine(0, 255)


@pytest.mark.usefixtures("silent")
def test_transforms_are_fitted_and_checked():
    rain = np.maximum(stack(9, 6, 8), 0)
    data = from_array(rain, variables="rain", transforms={"rain": "bounded"})
    assert data.variables[0].transform.bounds[0] == 0
    with pytest.raises(ValuesError, match="log transform needs 0 < low"):
        from_array(rain, variables="rain", transforms={"rain": "log"})
    rain += 1
    test = np.flatnonzero(data.splits == "test")[0]
    rain[test, 0, :3] = -1
    with pytest.raises(
        ValuesError, match=r"'rain' has 3 of 432 values outside .* 'log'.* such as -1"
    ):
        from_array(rain, variables="rain", transforms={"rain": "log"})


@pytest.mark.parametrize("bare", ["log", Log(1.0, 500.0)])
def test_a_single_variable_takes_a_bare_transform(bare):
    values = np.abs(stack(9, 6, 8)) + 1
    by_name = from_array(values, variables="rain", transforms={"rain": bare})
    assert from_array(values, variables="rain", transforms=bare).variables == by_name.variables
    with pytest.raises(ShapeError, match=r"One transform .* 2 variables \(a, b\); give it by name"):
        from_array(stack(9, 6, 8, 2), variables=["a", "b"], transforms=bare)


def test_a_variable_twice_is_refused():
    with pytest.raises(ValuesError, match="variable sst is given twice"):
        from_array(stack(3, 6, 8, 2), variables=["sst", "sst"])


def test_constant_fields_are_refused():
    with pytest.raises(ValuesError, match="a constant field has nothing to learn"):
        open_field(np.ones((2, 4, 4)))


def test_one_spike_does_not_set_the_limits():
    values = stack(40, 24, 24)
    train = np.flatnonzero(open_field(values).splits == "train")[0]
    values[train, 0, 0] = 1e4
    with pytest.warns(UserWarning, match="1 of .* values far outside the others, such as 10000"):
        assert open_field(values).variables[0].limits[1] < 300
