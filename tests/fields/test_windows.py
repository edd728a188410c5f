"""Windows of large grids: which there are, and what lies in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.fields import Axis, Covariates, FieldData, Grid, ShapeError, ValuesError, Variable
from mamba_diffae.fields.windows import (
    WindowCover,
    cell_positions,
    cut_windows,
    window_grid,
    window_shape,
)

GLOBE = Grid(
    (
        Axis.regular("lat", -60, 60, 24, "degrees_north"),
        Axis.regular("lon", 0, 360, 48, "degrees_east", periodic=True),
    )
)


def numbered(grid: Grid, snapshots: int = 3, **parts) -> FieldData:
    """Fields whose values are the numbers of their cells."""
    values = np.arange(snapshots * grid.cells, dtype=np.float64)
    values = values.reshape(snapshots, *grid.shape, 1)
    return FieldData([Variable("n")], grid, values, **parts)


def test_shapes_are_named_listed_or_one_number():
    assert window_shape({"lon": 16}, GLOBE) == (24, 16)
    assert window_shape((8, 16), GLOBE) == (8, 16)
    assert window_shape(8, GLOBE) == (8, 8)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ({"latitude": 8}, "the axes are lat, lon"),
        ((8,), "whole number of cells for each"),
        ((8, 16.0), "whole number of cells for each"),
        ((8, 49), "49 cells was asked along 'lon', which has 48"),
        ((1, 8), "1 cells was asked along 'lat'"),
    ],
)
def test_bad_shapes_are_named(window, said):
    with pytest.raises(ShapeError, match=said):
        window_shape(window, GLOBE)


def test_a_window_of_the_sphere_is_a_plane_with_degrees_of_the_mean_parallel():
    grid = window_grid((8, 16), GLOBE)
    assert grid.names == ("north", "east")
    assert grid.axes[0].span == pytest.approx(40)
    mean = np.cos(np.radians(GLOBE.axes[0].centres)).mean()
    assert grid.axes[1].span == pytest.approx(16 * 7.5 * mean)
    assert not any(grid.periodic)


def test_a_circle_of_longitudes_stays_one_where_latitude_alone_is_cut():
    grid = window_grid((8, 48), GLOBE)
    assert grid.names == ("north", "east")
    assert grid.periodic == (False, True)
    mean = np.cos(np.radians(GLOBE.axes[0].centres)).mean()
    assert grid.axes[1].span == pytest.approx(360 * mean)


def test_axes_that_are_whole_stay_as_they_are():
    hours = Axis.regular("time", 0, 48, 48, "hours")
    grid = Grid((hours, *GLOBE.axes))
    found = window_grid((8, 24, 48), grid)
    assert found.names == ("time", "lat", "lon")
    assert found.axes[2].periodic
    assert found.axes[0].span == 8


@given(
    st.lists(
        st.tuples(st.integers(4, 40), st.integers(2, 40), st.integers(1, 4), st.booleans()),
        min_size=1,
        max_size=2,
    ),
    st.integers(0, 2**32 - 1),
)
def test_windows_cover_every_place_with_weights_that_can_be_divided(axes, seed):
    cells, window, per, closed = zip(*axes, strict=True)
    window = tuple(min(w, n) for w, n in zip(window, cells, strict=True))
    step = tuple(w / max(1, w // p) for w, p in zip(window, per, strict=True))
    cover = WindowCover(cells, window, step, closed)
    at = np.random.default_rng(seed).uniform(0, 1, (64, len(cells))) * np.array(cells)
    total = np.zeros(len(at))
    for start in cover.starts():
        local = cover.local(start, at)
        inside = cover.inside(local)
        total[inside] += cover.weight(local[inside])
    assert (total > 0).all()


def test_weights_do_not_jump_where_a_window_ends():
    cover = WindowCover((32,), (8,), (2.0,), (False,))
    at = np.linspace(0.5, 31.5, 4001)[:, None]
    shares = []
    for start in cover.starts():
        local = cover.local(start, at)
        shares.append(np.where(cover.inside(local), cover.weight(local), 0))
    shares = np.stack(shares) / np.sum(shares, axis=0)
    assert np.abs(np.diff(shares, axis=1)).max() < 0.02


def test_positions_follow_cells_of_unlike_widths_and_wrap():
    depth = Grid((Axis("depth", np.array([0.0, 10.0, 30.0, 100.0]), "m"),))
    found = cell_positions(depth, np.array([[5.0], [20.0], [100.0]]))
    assert found[:, 0] == pytest.approx([0.5, 1.5, 3.0])
    assert cell_positions(GLOBE, np.array([[0.0, 367.5]]))[0] == pytest.approx([12.0, 1.0])


def test_a_cut_window_holds_the_cells_that_its_name_tells():
    data = numbered(GLOBE, splits=np.array(["train", "val", "test"]))
    windows = cut_windows(data, (8, 16))
    assert len(windows) == 3 * 4 * 9
    for name, values, split in zip(windows.names, windows.values, windows.splits, strict=True):
        snapshot, _, row, column = name.replace(",", "").split()
        rows = int(row) + np.arange(8)
        columns = (int(column) + np.arange(16)) % 48
        assert (values == data.values[int(snapshot)][np.ix_(rows, columns)]).all()
        assert split == data.splits[int(snapshot)]
    assert any("44" in name for name in windows.names), "some windows cross the seam"


def test_windows_with_gaps_are_half_known_at_least():
    valid = np.ones((3, 24, 48, 1), dtype=bool)
    valid[:, :, 20:] = False
    windows = cut_windows(numbered(GLOBE, valid=valid), (8, 16))
    known = windows.valid_mask().reshape(len(windows), -1).mean(axis=1)
    assert known.min() >= 0.5
    assert known.min() < 1
    valid[:, :, 2:] = False
    with pytest.raises(ValuesError, match="smaller windows, or data with fewer gaps"):
        cut_windows(numbered(GLOBE, valid=valid), (8, 16))


def test_a_cell_is_known_where_one_variable_is():
    valid = np.zeros((3, 24, 48, 2), dtype=bool)
    valid[:, ::2, :, 0] = valid[:, 1::2, :, 1] = True
    values = np.ones((3, 24, 48, 2))
    pair = [Variable("u"), Variable("v")]
    windows = cut_windows(FieldData(pair, GLOBE, values, valid, mirrored=True), (8, 16))
    assert len(windows) > 0
    assert windows.mirrored


def test_a_single_series_is_split_by_time_without_overlap():
    grid = Grid((Axis.regular("time", 0, 100, 100, "hours"), Axis.regular("x", 0, 8, 8, "m")))
    windows = cut_windows(numbered(grid, 1), (10, 8))
    ends = {}
    for split in ("train", "val", "test"):
        first = [int(n.split(" at ")[1].split(",")[0]) for n in windows.split(split).names]
        ends[split] = (min(first), max(first) + 10)
    assert ends["train"][1] <= ends["val"][0] < ends["val"][1] <= ends["test"][0]


def test_covariates_are_cut_with_their_fields():
    height = GLOBE.centres()[:, 0].reshape(24, 48)
    known = Covariates(["height", "hour"], [height, np.ones((3, 1, 1))])
    windows = cut_windows(numbered(GLOBE, covariates=known), (8, 16))
    assert windows.covariates is not None
    heights = windows.covariates.values[0]
    for name, height in zip(windows.names, heights, strict=True):
        row = int(name.replace(",", "").split()[2])
        assert (height[:, 0] == GLOBE.axes[0].centres[row : row + 8]).all()


def test_the_same_seed_cuts_the_same_windows():
    data = numbered(GLOBE)
    assert cut_windows(data, (8, 16), 3).names == cut_windows(data, (8, 16), 3).names
    assert cut_windows(data, (8, 16), 3).names != cut_windows(data, (8, 16), 4).names
