"""What is a gap, however it is marked."""

import numpy as np
import pytest

from mamba_diffae.fields import ShapeError
from mamba_diffae.fields.gaps import known_values

VALUES = np.arange(1.0, 25.0).reshape(2, 3, 2, 2)


def test_complete_values_are_not_copied():
    values, valid = known_values(VALUES, None, None)
    assert np.shares_memory(values, VALUES)
    assert valid is None


@pytest.mark.parametrize("under", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_a_gap(under):
    holed = VALUES.copy()
    holed[0, 1, 0, 1] = under
    values, valid = known_values(holed, None, None)
    assert valid is not None
    assert values[0, 1, 0, 1] == 0
    assert (~valid).sum() == 1
    assert not valid[0, 1, 0, 1]


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8", ">i2", "<i4", "uint8"])
def test_every_type_keeps_its_numbers_in_native_order(dtype):
    mask = np.zeros(VALUES.shape, bool)
    mask[1, 2] = True
    values, valid = known_values(np.ma.array(VALUES.astype(dtype), mask=mask), None, None)
    assert values.dtype == np.dtype(dtype).newbyteorder("=")
    assert values.dtype.isnative
    np.testing.assert_array_equal(values, np.where(mask, 0, VALUES))
    np.testing.assert_array_equal(valid, ~mask)


def test_a_flag_for_all_variables_is_one_for_each():
    flag = np.ones(VALUES.shape[:-1], bool)
    flag[0, 0, 0] = False
    _, valid = known_values(VALUES, flag, None)
    np.testing.assert_array_equal(valid, np.repeat(flag[..., None], 2, axis=-1))


def test_cells_that_do_not_exist_are_no_gaps():
    exists = np.array([[True, False], [True, True], [True, True]])
    holed = VALUES.copy()
    holed[:, 0, 1] = np.nan
    values, valid = known_values(holed, None, exists)
    assert valid is None
    assert (values[:, 0, 1] == 0).all()
    values, valid = known_values(VALUES, None, exists)
    assert valid is None
    assert (values[:, 0, 1] == 0).all()


@pytest.mark.parametrize(
    "valid", [np.ones((2, 3), bool), np.ones(VALUES.shape), np.ones((2, 3, 1))]
)
def test_flags_of_another_shape_or_type_are_refused(valid):
    with pytest.raises(ShapeError, match=r"`valid` has shape .*bool of shape \(2, 3, 2, 2\)"):
        known_values(VALUES, valid, None)
