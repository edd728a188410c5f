"""Gaps of arrays: at times, always, whole snapshots, masks, numbers that stand for none."""

import numpy as np
import pytest
from published import stack

from mamba_diffae.fields import ShapeError, ValuesError
from mamba_diffae.sources import from_array, open_field


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("below", [np.nan, np.inf, -999.0])
def test_what_is_missing_at_times_is_a_gap(below):
    values = stack(5, 6, 8, 2)
    gone = np.random.default_rng(1).random(values.shape) < 0.2
    filled = np.where(gone, np.float32(below), values)
    given = np.ma.masked_array(filled, gone) if below == -999 else filled
    data = from_array(given, variables=["a", "b"])
    np.testing.assert_array_equal(data.valid_mask(), ~gone)
    np.testing.assert_array_equal(data.values, np.where(gone, 0, values))
    train = data.split("train")
    assert data.variables[0].limits[0] == train.values[..., 0][train.valid_mask()[..., 0]].min()


def test_what_is_missing_always_is_land_and_counted():
    values = stack(5, 6, 8)
    values[:, :2, :3] = np.nan
    values[2, 5, 5] = np.nan
    with pytest.warns(UserWarning, match="6 of 48 cells have no value .* taken for land"):
        data = open_field(values)
    assert not data.grid.exists[:2, :3].any()
    assert data.grid.exists.sum() == 42
    assert (~data.valid_mask()).sum() == 5 * 6 + 1


@pytest.mark.usefixtures("silent")
def test_one_snapshot_has_gaps_but_no_land():
    values = stack(1, 6, 8)
    values[0, :2] = np.nan
    data = open_field(values)
    assert data.grid.mask is None
    assert not data.complete


def test_a_snapshot_without_a_value_is_left_out_and_keeps_its_number():
    values = stack(5, 6, 8)
    values[2] = np.nan
    with pytest.warns(UserWarning, match="1 of 5 snapshots have no value .* is number 2"):
        data = open_field(values)
    assert list(data.names) == ["0", "1", "3", "4"]
    np.testing.assert_array_equal(data.values[..., 0], np.delete(values, 2, axis=0))
    assert data.complete


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("kind", [bool, np.int8])
@pytest.mark.parametrize("dims", [2, 3, 4])
def test_a_mask_is_true_where_there_is_a_value(dims, kind):
    values, known = stack(4, 6, 8, 2), np.ones((4, 6, 8, 2), bool)
    rows = slice(None) if dims == 2 else slice(1)
    known[rows, 0], values[rows, 0] = False, 1e9
    mask = {2: known[0, ..., 0], 3: known[..., 0], 4: known}[dims]
    data = from_array(values, variables=["a", "b"], mask=mask.astype(kind))
    np.testing.assert_array_equal(data.valid_mask(), known)
    assert (data.grid.mask is None) == (dims > 2)
    assert max(v.limits[1] for v in data.variables) < 1e3


@pytest.mark.parametrize(
    ("mask", "error", "named"),
    [
        (np.zeros((6, 8), bool), ValuesError, "leaves no value; it is True where there is one"),
        (np.ones((8, 6), bool), ShapeError, r"shape \(8, 6\).*expected bool of shape \(6, 8\)"),
        (np.full((6, 8), 0.5), ShapeError, "type float64; expected bool"),
    ],
)
def test_a_mask_that_does_not_fit_is_named(mask, error, named):
    with pytest.raises(error, match=named):
        from_array(stack(4, 6, 8), mask=mask)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_value_at_all_is_refused(value):
    with pytest.raises(ValuesError, match="no finite value in any of its 4 snapshots"):
        open_field(np.full((4, 6, 8), value))
    values = stack(4, 6, 8, 2)
    values[..., 1] = value
    with pytest.raises(ValuesError, match="variable 'ice' has no finite value"):
        from_array(values, variables=["sst", "ice"])


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [(np.int16, -32768), (np.int16, 32767), (np.int32, -9999), (np.float32, 1e20), (float, -999)],
)
def test_a_number_that_may_be_a_fill_value_is_said(dtype, fill):
    values = stack(10, 24, 24, dtype=dtype)
    values[:, :4, :4] = fill
    with pytest.warns(UserWarning, match=r"2\.8 % of the values of the variable 'value' are"):
        open_field(values)


@pytest.mark.usefixtures("silent")
def test_numbers_that_are_none_are_not_said():
    open_field(np.maximum(stack(10, 24, 24), 0).astype(np.uint16))
    open_field(stack(10, 24, 24, dtype=np.int16))
