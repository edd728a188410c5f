"""Whole numbers, seeds and arrays as users give them: what is none is refused by name.

Inputs that `python -m tools.fuzz` found; each ended in a bare error of NumPy's or Python's.
"""

import math

import numpy as np
import pytest

from mamba_diffae import Axis, FieldData, Grid, Variable, observe
from mamba_diffae.fields import AxisError, CoordinateError, ShapeError, ValuesError
from mamba_diffae.fields.given import float_array, whole_number
from mamba_diffae.fields.inside import check_inside

TIMES = np.array(["2001-01-01", "2001-01-02"], dtype="datetime64[s]")
LAWLESS = [TIMES, np.array(["n/a", 1.0], dtype=object), np.array([1 + 1j, 2]), "ab", [[1], [1, 2]]]


@pytest.mark.parametrize("given", [0.5, math.nan, math.inf, True, None, "3", -1, 2**60])
def test_what_is_no_whole_number_is_refused(given) -> None:
    with pytest.raises(ValuesError, match=r"count is .*; give a whole number from 0"):
        whole_number(given, "count", 0, 2**60 - 1)


@pytest.mark.parametrize("given", [3, np.int16(3), np.uint64(3)])
def test_whole_numbers_of_any_type_are_taken(given) -> None:
    assert whole_number(given, "count") == 3


@pytest.mark.parametrize("given", LAWLESS)
def test_what_is_no_array_of_numbers_is_refused(given) -> None:
    with pytest.raises(ValuesError, match=r"edges are no numbers .*; give an array"):
        float_array(given, "edges")


@pytest.mark.parametrize("given", LAWLESS)
def test_axes_and_places_of_no_numbers_are_refused(given) -> None:
    for make in (Axis, Axis.from_centres):
        with pytest.raises(AxisError, match="'x' are no numbers"):
            make("x", given)
    if isinstance(given, np.ndarray):
        with pytest.raises(CoordinateError, match="coordinates of the targets are no numbers"):
            check_inside(np.asarray(given)[None], Grid.default((4, 4)), "targets")


def test_masked_coordinates_are_missing_ones() -> None:
    with pytest.raises(AxisError, match="1 edges that are NaN"):
        Axis("x", np.ma.array([0.0, 1.0, 2.0], mask=[False, True, False]))


@pytest.mark.parametrize("cells", [0.5, math.nan, math.inf, 10**30, True, -1])
def test_cells_of_a_regular_axis_are_whole_numbers(cells) -> None:
    with pytest.raises(AxisError, match=r"Cells of the axis 'x' is .*; give a whole number"):
        Grid.regular([(0, 1)], [cells])


@pytest.mark.parametrize("ends", [(math.nan, 1), (0, math.inf), (None, 1), ("a", "b")])
def test_ends_of_a_regular_axis_are_numbers(ends) -> None:
    with pytest.raises(AxisError, match="ends"):
        Axis.regular("x", *ends, 4)


def test_an_axis_as_far_as_a_fill_value_is_refused() -> None:
    with pytest.raises(AxisError, match=r"as far as 1e\+300.*leave out fill values"):
        Axis("x", np.array([0.0, 1e300]))


@pytest.fixture
def data() -> FieldData:
    return FieldData(
        [Variable("v")], Grid.default((4, 4)), np.linspace(0, 1, 32).reshape(2, 4, 4, 1)
    )


@pytest.mark.parametrize("seed", [0.5, math.nan, 1e308, -1, 2**60, None])
def test_a_seed_of_observations_is_a_whole_number(data, seed) -> None:
    with pytest.raises(ValuesError, match=r"The seed is .*; give a whole number"):
        observe(data, 0.5, seed=seed)


@pytest.mark.parametrize("cells", [0.5, math.nan, None])
def test_a_coarser_shape_is_of_whole_numbers(data, cells) -> None:
    with pytest.raises(ShapeError, match="give whole numbers"):
        data.at(cells)


def test_groups_that_are_no_list_are_refused(data) -> None:
    with pytest.raises(ShapeError, match="2 snapshots but no list of groups"):
        FieldData(data.variables, data.grid, data.values, groups=np.array(0.5))


@pytest.mark.parametrize(
    "noise", [np.zeros((2, 4, 4, 1), "datetime64[s]"), np.ones((2, 4, 4, 1), complex)]
)
def test_noise_of_times_or_complex_numbers_is_refused(data, noise) -> None:
    with pytest.raises(ValuesError, match="`noise` are no numbers"):
        FieldData(data.variables, data.grid, data.values, noise=noise)
