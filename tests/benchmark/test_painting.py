"""Fields as pictures: colours, gaps, slices, lines, and what was observed."""

import numpy as np
import pytest
import torch

from mamba_diffae.benchmark import maps
from mamba_diffae.benchmark.colours import NEUTRAL, colour_map
from mamba_diffae.benchmark.maps import MapPainter, raster
from mamba_diffae.benchmark.painters import painter_of
from mamba_diffae.benchmark.painting import Beside, Shown
from mamba_diffae.benchmark.profiles import DOT, HEIGHT, OURS, TRUTH, WIDTH, ProfilePainter
from mamba_diffae.benchmark.wording import in_short, in_words
from mamba_diffae.fields import Affine, Axis, FieldData, Grid, Observations, Variable, observe

RGB = [Variable(name, transform=Affine(0.0, 255.0)) for name in ("red", "green", "blue")]
SST = Variable("sst", "degC", Affine(10.0, 30.0))


def pixels(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Rows and columns of a colour, shape (n, 2)."""
    return np.argwhere((np.abs(picture * 255 - colour) < 2).all(axis=-1))


def test_the_map_of_colours_is_viridis_and_rises_in_lightness():
    from matplotlib import colormaps

    x = np.linspace(0, 1, 256)
    found = colour_map(x)
    assert np.abs(found - colormaps["viridis"](x)[:, :3]).max() < 0.025
    lightness = found @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > 0).all()
    np.testing.assert_array_equal(colour_map(np.array([-1.0, 2.0])), found[[0, -1]])


def test_pictures_keep_their_colours_and_grey_ones_are_grey():
    values = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    grid = Grid.default((5, 7))
    (picture,) = painter_of(RGB, grid).paint(Shown(values, grid))
    np.testing.assert_allclose(picture, values / 255, atol=1e-6)
    (grey,) = painter_of(RGB[:1], grid).paint(Shown(values[..., :1], grid))
    np.testing.assert_allclose(grey, np.repeat(values[..., :1] / 255, 3, -1), atol=1e-6)
    assert painter_of(RGB, grid).legend == ""


def test_a_variable_is_drawn_by_its_limits_and_gaps_in_a_neutral_tone():
    mask = np.ones((4, 6), bool)
    mask[0, 0] = False
    grid = Grid(Grid.default((4, 6)).axes, mask)
    values = np.full((4, 6, 1), 20.0)
    values[1, 1], values[2, 2], values[3, 3] = 10, 99, np.nan
    painter = painter_of([SST], grid)
    (picture,) = painter.paint(Shown(values, grid))
    for cell, colour in {
        (0, 0): NEUTRAL,
        (3, 3): NEUTRAL,
        (1, 1): colour_map(np.array(0.0)),
        (2, 2): colour_map(np.array(1.0)),
        (0, 1): colour_map(np.array(0.5)),
    }.items():
        np.testing.assert_allclose(picture[cell], colour, atol=1e-6)
    assert "sst from 10 to 30 degC" in painter.legend


def test_every_variable_has_a_part_and_its_own_gaps():
    grid, variables = Grid.default((3, 4)), [SST, Variable("ice")]
    known = np.ones((3, 4, 2), bool)
    known[0, 0, 1] = False
    painter = painter_of(variables, grid)
    first, second = painter.paint(Shown(np.zeros((3, 4, 2)), grid, known))
    assert painter.headings(["a", "b"]) == ["a: sst", "a: ice", "b: sst", "b: ice"]
    assert not np.allclose(first[0, 0], NEUTRAL)
    np.testing.assert_allclose(second[0, 0], NEUTRAL, atol=1e-6)


def test_north_is_above_and_depth_below():
    values = np.arange(3.0)[:, None, None] / 2 * np.ones((3, 4, 1))
    x, unit = Axis.regular("x", 0, 4, 4), Variable("v", transform=Affine(0.0, 1.0))
    for axis, first in (
        (Axis.regular("lat", -30, 30, 3, "degrees_north"), 1.0),
        (Axis.regular("height", 0, 30, 3, "m"), 1.0),
        (Axis.regular("depth", 0, 30, 3, "m"), 0.0),
        (Axis.regular("y", 0, 1, 3), 0.0),
    ):
        grid = Grid((axis, x))
        (picture,) = painter_of([unit], grid).paint(Shown(values, grid))
        np.testing.assert_allclose(picture[0, 0], colour_map(np.array(first)), atol=1e-6)


def test_a_volume_is_its_three_middle_slices():
    shape = (4, 6, 8)
    values = np.random.default_rng(0).random((*shape, 1))
    grid, unit = Grid.default(shape), Variable("v", transform=Affine(0.0, 1.0))
    (picture,) = painter_of([unit], grid).paint(Shown(values, grid))
    assert picture.shape == (6 + 1 + 4 + 1 + 4, 8, 3)
    np.testing.assert_allclose(picture[:6], colour_map(values[2, ..., 0]), atol=1e-6)
    np.testing.assert_allclose(picture[7:11], colour_map(values[:, 3, :, 0]), atol=1e-6)
    np.testing.assert_allclose(picture[12:, :6], colour_map(values[:, :, 4, 0]), atol=1e-6)
    assert (picture[12:, 6:] == 1).all()


@pytest.mark.parametrize("shape", [(8, 8), (6, 12), (40, 50), (4, 5, 6)])
def test_observed_cells_stand_where_they_were_seen(shape):
    values = np.random.default_rng(0).random((1, *shape, 2))
    data = FieldData([Variable("a"), Variable("b")], Grid.default(shape), values)
    seen = observe(data, 0.3, seed=1)
    drawn, coarse = raster(seen, data.grid), data.at(data.grid.lattice_shape(1024))
    assert drawn.grid.shape == coarse.shape
    assert drawn.mask[..., 0].sum() == int(seen.counts[0])
    np.testing.assert_allclose(drawn.values[drawn.mask], coarse.values[0][drawn.mask], atol=1e-6)


def test_points_boxes_and_missing_variables_are_drawn_on_the_native_cells():
    grid = Grid.regular(((0, 4), (0, 8)), (4, 8), periodic=(False, True))
    mask = torch.tensor([[[True, True], [True, False], [False, False]]])
    seen = Observations(
        torch.tensor([[[0.5, 8.0], [2.0, 4.0], [3.5, 3.5]]], dtype=torch.float64),
        torch.tensor([[[1.0, 2.0], [3.0, 0.0], [9.0, 9.0]]], dtype=torch.float64),
        mask,
        support=torch.tensor([[[0.0, 0.0], [2.0, 2.0], [0.0, 0.0]]], dtype=torch.float64),
    )
    drawn = raster(seen, grid)
    assert drawn.grid.axes == grid.axes
    assert np.argwhere(drawn.mask[..., 0]).tolist() == [[0, 0], [1, 3], [1, 4], [2, 3], [2, 4]]
    assert np.argwhere(drawn.mask[..., 1]).tolist() == [[0, 0]]
    assert drawn.values[1, 3, 0] == 3


@pytest.mark.parametrize("side", [0.0, 0.4, 1.0, 1.7])
def test_readings_of_one_cell_each_are_drawn_as_one_by_one(side, monkeypatch):
    rng = np.random.default_rng(3)
    rows = Axis.from_centres("y", np.array([0.0, 1.0, 2.5, 4.5]), "m")
    columns = Axis.from_centres("x", np.arange(7) + 0.5, periodic=True)
    coords = torch.from_numpy(rng.uniform((-0.5, -3), (5.5, 9), (1, 40, 2)))
    mask = torch.from_numpy(rng.random((1, 40, 2)) < 0.7)
    support = torch.full_like(coords, side)
    values = torch.from_numpy(rng.random((1, 40, 2)))
    seen = Observations(coords, values, mask, support=support)
    at_once = raster(seen, Grid((rows, columns)))
    monkeypatch.setattr(maps, "_touches_one", lambda axis, sides: False)
    one_by_one = raster(seen, Grid((rows, columns)))
    np.testing.assert_array_equal(at_once.mask, one_by_one.mask)
    np.testing.assert_array_equal(at_once.values, one_by_one.values)


def test_a_spread_is_grey_and_white_at_half_the_range():
    grid = Grid.default((2, 3))
    (picture,) = MapPainter([SST], 2).spread(Shown(np.full((2, 3, 1), 10.0), grid))
    np.testing.assert_allclose(picture, 1)
    (picture,) = MapPainter(RGB, 2).spread(Shown(np.full((2, 3, 3), 25.5), grid))
    np.testing.assert_allclose(picture, 0.2, atol=1e-6)


def test_a_profile_is_a_line_over_the_truth_with_dots():
    axis = Axis.regular("depth", 0, 100, 50, "m")
    grid = Grid((axis,))
    field = Shown(np.full((50, 1), 25.0), grid)
    truth = Shown(np.full((50, 1), 15.0), grid, np.arange(50)[:, None] < 20)
    seen = Observations.from_points([[20.0], [80.0]], [20.0, 21.0])
    painter = ProfilePainter([SST])
    (picture,) = painter.paint(field, Beside(truth, seen))
    assert picture.shape == (HEIGHT, WIDTH, 3)
    ours, theirs, dots = (pixels(picture, c) for c in (OURS, TRUTH, DOT))
    assert ours[:, 0].mean() < dots[:, 0].mean() < theirs[:, 0].mean()  # higher values are above
    assert np.ptp(ours[:, 1]) > 2 * np.ptp(theirs[:, 1])  # the truth ends at its gap
    assert np.ptp(dots[:, 1]) > WIDTH / 3
    both = painter.together(field, [truth, field], Beside(truth, seen))
    assert len(both) == len(painter.spread(field)) == len(painter.observed(seen, grid)) == 1
    assert not len(pixels(painter.observed(seen, grid)[0], OURS))


def test_profiles_of_several_variables_and_lonely_values():
    grid = Grid.default((5,))
    known = np.zeros((5, 2), bool)
    known[2, 0] = True
    painter = ProfilePainter([SST, Variable("salt")])
    first, second = painter.paint(Shown(np.full((5, 2), 20.0), grid, known))
    assert painter.parts == ["sst", "salt"]
    assert len(pixels(first, OURS))
    assert not len(pixels(second, OURS))


def test_shapes_in_words():
    assert [in_words(s) for s in ((32, 32), (5,), (2, 3, 4))] == ["32 × 32", "5 cells", "2 × 3 × 4"]
    assert [in_short(s) for s in ((32, 32), (5,), (2, 3, 4))] == ["32²", "5", "2×3×4"]
