"""Covariates of fields, and of what is observed of them."""

import numpy as np
import pytest
import torch

from mamba_diffae.fields import (
    Axis,
    Background,
    Covariates,
    FieldData,
    Grid,
    Observations,
    ShapeError,
    ValuesError,
    Variable,
    observe,
)
from mamba_diffae.fields.sensors import observe_at

S, SHAPE = 4, (6, 8)
GRID = Grid.regular(((0, 3), (0, 8)), SHAPE, names=("y", "x"))
RNG = np.random.default_rng(0)
HEIGHT, GUESS, HOUR = RNG.random(SHAPE), RNG.random((S, *SHAPE)), RNG.random((S, 1, 1))


def fields(known: Covariates | None = None, grid: Grid = GRID) -> FieldData:
    if known is None:
        known = Covariates(["height", "guess", "hour"], [HEIGHT, GUESS, HOUR], ["m", "K", ""])
    return FieldData([Variable("t")], grid, np.ones((S, *grid.shape, 1)), covariates=known)


def stacked(data: FieldData) -> np.ndarray:
    assert data.covariates is not None
    return data.covariates.stacked(data.shape, np.arange(len(data)))


def test_they_are_taken_split_and_transposed_with_their_fields():
    data = fields()
    assert data.n_covariates == 3
    whole = stacked(data)
    np.testing.assert_array_equal(whole[2, ..., 0], HEIGHT)
    np.testing.assert_array_equal(whole[..., 1], GUESS)
    np.testing.assert_array_equal(whole[3, ..., 2], np.full(SHAPE, HOUR[3, 0, 0]))
    np.testing.assert_array_equal(stacked(data.take(np.array([3, 1]))), whole[[3, 1]])
    np.testing.assert_array_equal(stacked(data.split("train").take(slice(1, 3))), whole[1:3])
    turned = data.transpose([1, 0])
    np.testing.assert_array_equal(stacked(turned), whole.transpose(0, 2, 1, 3))
    np.testing.assert_array_equal(stacked(data.with_values(data.values + 1)), whole)


def test_they_are_averaged_by_area():
    uneven = Grid((Axis("z", np.array([0.0, 1.0, 4.0])), GRID.axes[1]))
    data = fields(Covariates(["height"], [RNG.random((2, 8))]), uneven)
    expected = (stacked(data)[:, :1] + 3 * stacked(data)[:, 1:]) / 4
    np.testing.assert_allclose(stacked(data.at((1, 8))), expected)
    found = stacked(fields().at((3, 4)))
    np.testing.assert_allclose(found[..., 1], GUESS.reshape(S, 3, 2, 4, 2).mean(axis=(2, 4)))
    np.testing.assert_array_equal(found[:, 0, 0, 2], HOUR.ravel())


def test_cells_that_do_not_exist_have_the_mean_of_the_others():
    height = np.where(np.arange(8) < 2, np.nan, HEIGHT)
    masked = Grid(GRID.axes, np.isfinite(height))
    found = stacked(fields(Covariates(["height"], [height]), masked))[0, ..., 0]
    np.testing.assert_allclose(found[:, :2], height[np.isfinite(height)].mean())
    np.testing.assert_array_equal(found[:, 2:], height[:, 2:])


@pytest.mark.parametrize(
    ("known", "error", "message"),
    [
        (
            Covariates(["height"], [np.where(HEIGHT[2, 3] == HEIGHT, np.nan, HEIGHT)]),
            ValuesError,
            r"'height' .* 1 of 48 cells, the first at y 1.25, x 3.5 of the snapshot '0'",
        ),
        (Covariates(["height"], [HEIGHT.T]), ShapeError, r"shape \(8, 6\); expected \(4, 6, 8\)"),
        (Covariates(["a", "a"], [HEIGHT, HEIGHT]), ValuesError, "named twice"),
        (Covariates(["a"], [HEIGHT], ["m", "m"]), ShapeError, "1 arrays and 2 units"),
        (Covariates([], []), ShapeError, "0 covariates"),
        (Covariates(["a"], [HEIGHT.astype("U4")]), ValuesError, "has the type <U4"),
    ],
)
def test_what_is_no_covariate_is_refused(known, error, message):
    with pytest.raises(error, match=message):
        fields(known)


@pytest.mark.parametrize("pattern", ["random", "scattered", "sensors"])
def test_observations_of_fields_carry_theirs(pattern):
    data = fields()
    if pattern == "sensors":
        seen = observe_at(data, np.array([[0.5, 1.5]]))
    else:
        seen = observe(data, 0.5, pattern=pattern)
    assert seen.background is not None
    assert seen.background.names == ("height", "guess", "hour")
    np.testing.assert_array_equal(seen.background.values.numpy(), stacked(data))
    taken = seen[[2, 0]].to(torch.float32).background
    assert taken is not None
    assert taken.values.dtype == torch.float32
    np.testing.assert_allclose(taken.values.numpy(), stacked(data)[[2, 0]], rtol=1e-6)
    both = Observations.stack([seen[[1]], seen[[3]]]).background
    assert both is not None
    np.testing.assert_array_equal(both.values.numpy(), stacked(data)[[1, 3]])
    assert [part.background is not None for part in seen.fields()] == [True] * S


def test_a_background_lies_on_equally_wide_cells():
    uneven = Grid((Axis("z", np.array([0.0, 1.0, 4.0])),))
    found = Background.of(fields(Covariates(["height"], [np.array([2.0, 6.0])]), uneven))
    assert found.grid.axes[0].edges.tolist() == [0, 2, 4]
    np.testing.assert_allclose(found.values[0, :, 0], [4, 6])


def test_observations_of_other_covariates_are_no_batch():
    data = fields()
    seen = observe(data, 0.5)
    with pytest.raises(ShapeError, match=r"one batch .*none"):
        Observations.stack([seen, seen.replace(background=None)])
    with pytest.raises(ShapeError, match="4 fields were given a background of 2"):
        seen.with_background(data.take(slice(0, 2)))
    with pytest.raises(ValuesError, match=r"no covariates; open them with covariates"):
        seen.with_background(FieldData([Variable("t")], GRID, np.ones((S, *SHAPE, 1))))
