"""Points as users have them, through `Observations.from_points`."""

import warnings

import numpy as np
import pytest
import torch

from mamba_diffae.fields import (
    Axis,
    CoordinateError,
    Grid,
    Observations,
    ShapeError,
    ValuesError,
)

COORDS = np.array([[54.2, 7.9], [55.0, 8.4], [53.9, 6.1], [54.0, 7.0]])
VALUES = np.array([[11.0, 1.0], [12.5, 2.0], [13.0, 3.0], [9.0, 4.0]])
SEA = Grid(
    (Axis.regular("lat", 53, 56, 6, "degrees"), Axis.regular("lon", 5, 9, 8, "degrees_east"))
)
points = Observations.from_points


class Column:
    """A column of a table: whatever numpy can read."""

    def __init__(self, numbers):
        self.numbers = numbers

    def __array__(self, dtype=None, copy=None):
        return np.array(self.numbers, dtype=dtype)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


KINDS = {
    "list": np.ndarray.tolist,
    "float64": np.copy,
    "float32": lambda a: a.astype("f4").astype("f8"),
    "big-endian": lambda a: a.astype(">f8"),
    "reversed": lambda a: a[::-1].copy()[::-1],
    "read-only": read_only,
    "fortran": np.asfortranarray,
    "object": lambda a: a.astype(object),
    "column": Column,
    "tensor": torch.from_numpy,
    "masked": np.ma.asarray,
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_numbers_of_any_kind_are_welcome(kind):
    expected = points(COORDS, VALUES)
    found = points(kind(COORDS), kind(VALUES))
    torch.testing.assert_close(found.coords, expected.coords, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.values, expected.values, atol=1e-5, rtol=0)
    assert found.coords.dtype == found.values.dtype == torch.float64
    assert found.mask.all()
    assert found.support is found.noise is found.noise_group is found.covariates is None


def test_integers_and_single_columns_are_welcome():
    found = points([1, 2, 3], np.array([4, 5, 6], ">i2"))
    assert found.coords.shape == found.values.shape == (1, 3, 1)
    assert found.values[0, :, 0].tolist() == [4, 5, 6]


def test_a_large_offset_keeps_its_digits():
    found = points([[0.5], [1.5]], [1e8 + 0.25, 1e8 + 0.5])
    assert found.values[0, :, 0].tolist() == [1e8 + 0.25, 1e8 + 0.5]


def test_none_in_a_column_is_missing():
    found = points(COORDS, [1.0, None, 3.0, 4.0])
    assert found.mask[0, :, 0].tolist() == [True, False, True, True]


@pytest.mark.parametrize("under", [np.nan, np.inf, 9.97e36])
def test_a_variable_may_be_missing_at_a_point(under):
    values = np.ma.array(VALUES, mask=[[0, 1], [0, 0], [1, 1], [0, 0]])
    values.data[values.mask] = under
    given = [values] if under == 9.97e36 else [values, values.data]
    for part in given:
        found = points(COORDS, part)
        assert found.mask[0].tolist() == (~values.mask).tolist()
        assert found.values[0].tolist() == values.filled(0).tolist()
        assert found.present[0].tolist() == [True, True, False, True]
        assert found.counts.tolist() == [3]


def test_one_number_serves_all_points():
    found = points(COORDS, VALUES, support=0.25, noise=0.1)
    assert found.support is not None
    assert found.noise is not None
    assert (found.support == 0.25).all()
    assert (found.noise == 0.1).all()


def test_a_number_for_each_column_or_each_point():
    for given in ([0.1, 0.2], [[0.1, 0.2]], [[0.1, 0.2]] * 4):
        noise = points(COORDS, VALUES, noise=given).noise
        assert noise is not None
        assert noise[0].tolist() == [[0.1, 0.2]] * 4
    noise = points(COORDS, VALUES[:, 0], noise=[0.1, 0.2, 0.3, 0.4]).noise
    assert noise is not None
    assert noise[0, :, 0].tolist() == [0.1, 0.2, 0.3, 0.4]


def test_as_many_points_as_columns_take_a_row_of_numbers():
    support = points(COORDS[:2], VALUES[:2], support=[0.5, 0.25]).support
    assert support is not None
    assert support[0].tolist() == [[0.5, 0.25]] * 2


def test_noise_of_what_is_missing_may_be_missing():
    values, noise = VALUES.copy(), np.full((4, 2), 0.5)
    values[1, 0] = noise[1, 0] = np.nan
    found = points(COORDS, values, noise=noise).noise
    assert found is not None
    assert found[0, 1].tolist() == [0, 0.5]


def test_groups_and_covariates():
    found = points(COORDS, VALUES, noise_group=[1, 1, 2.0, 2], covariates=[3, 1, 4, 1])
    assert found.noise_group is not None
    assert found.covariates is not None
    assert found.noise_group.dtype == torch.int64
    assert found.noise_group.tolist() == [[1, 1, 2, 2]]
    assert found.covariates.shape == (1, 4, 1)


def test_places_are_checked_against_a_grid():
    assert points(COORDS, VALUES, grid=SEA).dim == 2
    with pytest.raises(CoordinateError, match=r"4 of 4 .*\(lon, lat\) all would lie inside"):
        points(COORDS[:, ::-1], VALUES, grid=SEA)
    with pytest.raises(ShapeError, match="with the columns lat, lon"):
        points(COORDS[:, :1], VALUES, grid=SEA)


def test_one_rounding_outside_is_clipped():
    found = points([[53 - 1e-6, 9 + 1e-6]], [1.0], grid=SEA)
    assert found.coords[0, 0].tolist() == [53, 9]


def test_a_support_larger_than_the_grid_is_refused():
    with pytest.raises(ValuesError, match=r"4 of 4 supports are larger .* 5 degrees along lat"):
        points(COORDS, VALUES, support=5, grid=SEA)


@pytest.mark.parametrize("what", ["noise", "support"])
@pytest.mark.parametrize("bad", [-0.1, np.nan, np.inf])
def test_negative_noise_and_support_are_refused(what, bad):
    numbers = np.full((4, 2), 0.5)
    numbers[2] = bad
    told = rf"{what} holds 2 negative, NaN or infinite numbers, such as {bad:g} at point 2; a"
    with pytest.raises(ValuesError, match=told):
        points(COORDS, VALUES, **{what: numbers})


@pytest.mark.parametrize("shape", [(3,), (3, 2), (4, 3), (2, 4), (1, 4, 2)])
def test_noise_and_support_of_another_shape_are_refused(shape):
    for what in ("noise", "support"):
        with pytest.raises(ShapeError, match=rf"{what} ha(s|ve) shape .*expected"):
            points(COORDS, VALUES, **{what: np.zeros(shape)})


@pytest.mark.parametrize(
    ("coords", "values", "error", "told"),
    [
        (
            COORDS,
            VALUES[:3],
            ShapeError,
            r"shape \(4, 2\) were given with values of shape \(3, 2\)",
        ),
        (COORDS[:0], VALUES[:0], ShapeError, "one place or more"),
        (COORDS[None], VALUES, ShapeError, r"coords have shape \(1, 4, 2\).*one row for each"),
        (COORDS, 3.0, ShapeError, r"values have shape \(\)"),
        (COORDS, ["a"] * 4, ValuesError, "values are no numbers .*<U1.*columns of numbers"),
        (COORDS, [object()] * 4, ValuesError, "values are no numbers"),
        (COORDS, [[1], [1, 2], [3], [4]], ValuesError, "values are no numbers"),
        (COORDS.astype(complex), VALUES, ValuesError, "coords are no numbers"),
        (np.array(["2020-01-01"] * 4, "M8[D]"), VALUES, ValuesError, "coords are no numbers"),
        (COORDS * [[1, np.nan]], VALUES, CoordinateError, "4 of 4 places are NaN.*number 0; drop"),
        (np.ma.masked_less(COORDS, 7), VALUES, CoordinateError, "1 of 4 places .*number 2"),
        (COORDS, VALUES * np.nan, ValuesError, "None of the 4 observations has a finite value"),
    ],
)
def test_what_is_no_observation_is_refused(coords, values, error, told):
    with pytest.raises(error, match=told):
        points(coords, values)


@pytest.mark.parametrize("group", [[1, 2], [0.5, 1, 1, 1], [1, 1, np.nan, 1]])
def test_groups_are_integers(group):
    with pytest.raises(ShapeError, match="expected 4 integers, one for each point"):
        points(COORDS, VALUES, noise_group=group)


@pytest.mark.parametrize("covariates", [[1, 2], [1, 2, np.nan, 3]])
def test_covariates_are_known_everywhere(covariates):
    with pytest.raises(ValuesError, match=r"expected shape \(4, K\)"):
        points(COORDS, VALUES, covariates=covariates)


def test_differing_exact_repeats_are_averaged_and_said():
    coords = [[0.0], [1.0], [-0.0], [0.0], [2.0]]
    values = [[1.0, 7.0], [5.0, 5.0], [2.0, np.nan], [6.0, 7.0], [3.0, 3.0]]
    with pytest.warns(UserWarning, match=r"At 1 of 3 places .*noise 0.*averaged.*noise=None"):
        found = points(coords, values, noise=0)
    assert found.mask[0].tolist() == [
        [True, True],
        [True, True],
        [False] * 2,
        [False] * 2,
        [True] * 2,
    ]
    assert found.values[0, 0].tolist() == [3, 7]
    assert found.fields()[0].coords[0, :, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"noise": None},
        {"noise": [0.0, 0.1]},
        {"noise": 0.1},
        {"noise": 0, "support": [0.0, 1.0]},
        {"noise": 0, "noise_group": [1, 2]},
    ],
)
def test_other_repeats_stay_as_they_are(parts):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = points([[1.0], [1.0]], [2.0, 4.0], **parts)
    assert found.values[0, :, 0].tolist() == [2, 4]


def test_equal_exact_repeats_are_one_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = points([[1.0], [1.0], [1.0]], [0.1, 0.1, 0.1], noise=0)
    assert found.counts.tolist() == [1]
    assert found.values[0, 0].item() == 0.1


def test_repeats_across_the_seam_are_one_place():
    grid = Grid((Axis.regular("lon", 0, 360, 8, "degrees_east", periodic=True),))
    with pytest.warns(UserWarning, match="At 1 of 1 places"):
        found = points([-10.0, 350.0], [1.0, 3.0], noise=0, grid=grid)
    assert found.values[0, 0].item() == 2


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16, torch.int32])
def test_tensors_of_any_kind_are_arrays(kind):
    values = torch.tensor([[11.0], [12.5]]).to(kind)
    coords = torch.tensor(COORDS[:2], requires_grad=True)
    seen = points(coords, values)
    assert seen.values[0].tolist() == values.tolist()
    assert seen.coords[0].tolist() == COORDS[:2].tolist()
