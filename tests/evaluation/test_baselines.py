"""Methods that interpolate: exact at what was observed, in any shape, finite whatever is given."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mamba_diffae.evaluation import (
    Baseline,
    InverseDistance,
    Kriging,
    Linear,
    Nearest,
    ThinPlateSpline,
    TooManyPointsError,
    classical_baselines,
)
from mamba_diffae.evaluation.baselines import per_field
from mamba_diffae.fields import (
    Affine,
    Axis,
    FieldData,
    Grid,
    Observations,
    ShapeError,
    Variable,
    observe,
)

INTERPOLATORS = [Nearest, InverseDistance, Linear, ThinPlateSpline, Kriging]
each = pytest.mark.parametrize("method", INTERPOLATORS, ids=lambda m: m.name)
GRIDS = {
    "square": Grid.default((12, 12)),
    "rectangle": Grid.default((9, 20)),
    "profile": Grid((Axis("depth", np.array([0, 5, 10, 30, 60, 100, 200, 500.0]), "m"),)),
    "volume": Grid.default((6, 5, 7)),
    "ring": Grid.regular(((0, 360),), (24,), periodic=(True,)),
    "cylinder": Grid.regular(((0, 60), (0, 100)), (6, 10), periodic=(False, True)),
    "globe": Grid.regular(
        ((-90, 90), (0, 360)), (9, 18), ("lat", "lon"), ("deg", "deg"), (False, True)
    ),
    "in time": Grid.regular(((0, 10), (0, 400)), (8, 12), ("time", "x"), ("days", "km")),
}


def scattered(rng: np.random.Generator, count: int, channels: int = 2) -> Observations:
    return Observations.from_points(
        rng.uniform(size=(count, 2)), rng.uniform(0, 255, (count, channels))
    )


def at_cells(grid: Grid, observations: Observations) -> list[np.ndarray]:
    """Flat indices of the observed cells of each field."""
    centres = grid.centres()
    return [
        np.square(centres - seen.coords[0].numpy()[:, None]).sum(axis=-1).argmin(axis=1)
        for seen in observations.fields()
    ]


@each
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("fitted", [True, False])
def test_observed_cells_are_reproduced_in_any_shape(method, make_field, grid, fitted):
    data = make_field(3, grid=grid)
    baseline = method().fit(data) if fitted else method()
    observations = observe(data, 0.4, seed=1)
    found = baseline.predict(observations, grid)
    assert found.mean.shape == data.values.shape
    assert found.grid == grid
    flat = found.mean.reshape(3, -1, 2)
    for values, seen, cells in zip(
        flat, observations.fields(), at_cells(grid, observations), strict=True
    ):
        np.testing.assert_allclose(values[cells], seen.values[0], atol=0.02)


@each
@given(
    seed=st.integers(0, 99),
    fraction=st.floats(0.02, 1),
    pattern=st.sampled_from(["random", "block", "track", "stripes"]),
)
@settings(max_examples=6, deadline=None)
def test_any_pattern_gives_finite_fields(method, make_field, seed, fraction, pattern):
    observations = observe(make_field(2), fraction, shape=(12, 8), pattern=pattern, seed=seed)
    found = method().predict(observations, Grid.default((24, 24)))
    assert np.isfinite(found.mean).all()


@each
def test_padding_and_company_change_nothing(method):
    rng = np.random.default_rng(0)
    fields = [scattered(rng, n) for n in (40, 5, 17)]
    baseline, grid = method(), Grid.default((10, 10))
    together = baseline.predict(Observations.stack(fields), grid).mean
    alone = np.concatenate([baseline.predict(f, grid).mean for f in fields])
    np.testing.assert_array_equal(together, alone)


@each
@pytest.mark.parametrize("grid", ["square", "profile", "volume", "cylinder", "globe"])
@pytest.mark.parametrize("places", ["one", "two", "line", "equal", "twice", "border"])
def test_few_or_degenerate_points_still_give_a_field(method, grid, places):
    grid = GRIDS[grid]
    low, span = np.array([(axis.low, axis.span) for axis in grid.axes]).T
    share = {
        "one": [0.3],
        "two": [0.2, 0.9],
        "line": [0.1, 0.5, 0.7, 0.9],
        "equal": [0.2, 0.4, 0.8],
        "twice": [0.1, 0.8, 0.4, 0.4],
        "border": [0.0, 1.0],
    }[places]
    coords = low + span * np.array(share)[:, None]
    values = np.full(len(share), 10.0) if places == "equal" else np.linspace(10, 20, len(share))
    seen = Observations(
        *(
            torch.from_numpy(a)[None]
            for a in (coords, values[:, None], coords[:, :1] == coords[:, :1])
        )
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = method().predict(seen, grid).mean
    assert np.isfinite(found).all()
    assert found.min() > 0
    assert found.max() < 30


@each
def test_repeats_at_one_place_are_averaged(method):
    coords = torch.tensor([[[0.1, 0.2], [0.8, 0.3], [0.4, 0.9], [0.4, 0.9], [0.7, 0.7]]]).double()
    values = torch.tensor([1.0, 2.0, 3.0, 5.0, 4.0]).double()[None, :, None]
    seen = Observations(coords, values, torch.ones(1, 5, 1, dtype=torch.bool))
    found = method().predict(seen, np.array([[0.4, 0.9], [0.1, 0.2]])).mean
    np.testing.assert_allclose(found[0, :, 0], [4, 1], atol=1e-3)


@each
def test_cells_wider_than_the_observed_ones_get_their_average(method, make_field):
    data = make_field(2, (20, 24))
    observations = observe(data, 0.3, shape=(10, 12))
    lattice, coarse = data.grid.regrid((10, 12)), data.grid.regrid((5, 4))
    fine = method().predict(observations, lattice).mean
    expected = FieldData(data.variables, lattice, fine).at(coarse).values
    found = method().predict(observations, coarse).mean
    np.testing.assert_allclose(found, expected, atol=1e-9)


@each
def test_points_are_asked_at_the_centres(method):
    seen = scattered(np.random.default_rng(0), 30)
    grid = Grid.default((6, 6))
    on_grid = method().fit(_unit_square()).predict(seen, grid).mean
    at_places = method().fit(_unit_square()).predict(seen, grid.centres()).mean
    np.testing.assert_allclose(on_grid.reshape(1, 36, 2), at_places, atol=1e-9)


@each
def test_a_constant_field_stays_constant(method):
    coords = np.random.default_rng(0).uniform(size=(30, 2))
    observations = Observations.from_points(coords, np.full((30, 3), 77.0))
    found = method().predict(observations, Grid.default((16, 16))).mean
    np.testing.assert_allclose(found, 77, atol=1e-3)


@each
def test_a_station_informs_the_other_side_of_the_seam(method):
    grid = GRIDS["globe"]
    lon = np.array([-179.0, -90, 0, 90, 150])
    values = np.array([100.0, 0, 0, 0, 0])
    places = [[lat, x] for lat in (-30.0, 0, 30) for x in lon]
    seen = Observations.from_points(places, np.tile(values, 3))
    west, east = method().predict(seen, grid).mean[0, 4, :, 0][[8, 9]]  # 170 and 190 degrees
    assert east > 60
    assert west > 20


@each
def test_a_turn_around_a_periodic_axis_changes_nothing(method, make_field):
    grid = GRIDS["cylinder"]
    seen = observe(make_field(1, grid=grid), 0.5, pattern="scattered", seed=3)
    turned = seen.replace(coords=seen.coords + torch.tensor([0.0, 100.0]))
    np.testing.assert_allclose(
        method().predict(seen, grid).mean, method().predict(turned, grid).mean, atol=1e-4
    )


@each
def test_a_value_that_is_masked_changes_nothing(method):
    rng = np.random.default_rng(1)
    coords, values = rng.uniform(size=(1, 20, 2)), rng.normal(size=(1, 20, 2))
    mask = torch.from_numpy(rng.random((1, 20, 2)) < 0.6)
    found = []
    for under in (0.0, 1e30, np.nan):
        hidden = np.where(mask, values, under)
        seen = Observations(torch.from_numpy(coords), torch.from_numpy(hidden), mask)
        found.append(method().predict(seen, Grid.default((7, 7))).mean)
    assert np.isfinite(found[0]).all()
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@each
def test_variables_observed_at_different_places_are_treated_alone(method):
    rng = np.random.default_rng(1)
    coords, values = rng.uniform(size=(20, 2)), rng.normal(size=(20, 2))
    values[:12, 0], values[8:, 1] = np.nan, np.nan
    grid = Grid.default((7, 7))
    together = method().predict(Observations.from_points(coords, values), grid).mean[0]
    first = Observations.from_points(coords[12:], values[12:, :1])
    second = Observations.from_points(coords[:8], values[:8, 1:])
    if method is Kriging:  # its length scale is shared
        assert np.isfinite(together).all()
        return
    for c, alone in enumerate((first, second)):
        found = method().predict(alone, grid).mean[0, ..., 0]
        np.testing.assert_allclose(together[..., c], found, atol=1e-9)


@each
def test_a_variable_that_is_missing_everywhere_has_its_usual_value(method, make_field):
    data = make_field(4, (12, 12))
    seen = observe(data, 0.3, seed=2)
    mask = seen.mask.clone()
    mask[1, :, 1] = False
    blind = seen.replace(mask=mask)
    found = method().fit(data).predict(blind, data.grid)
    np.testing.assert_allclose(found.mean[1, ..., 1], data.values[..., 1].mean(), rtol=1e-6)
    if found.stated_std is not None:
        np.testing.assert_allclose(
            found.stated_std[1, ..., 1], data.values.std((0, 1, 2)).mean(), rtol=0.1
        )
    unfitted = method().predict(blind, data.grid).mean[1, ..., 1]
    others = seen.values[..., 1].sum() - seen.values[1, :, 1].sum()
    np.testing.assert_allclose(unfitted, others / mask[..., 1].sum())
    nothing = method().predict(seen.replace(mask=torch.zeros_like(mask)), data.grid)
    np.testing.assert_array_equal(nothing.mean, 0)


def test_usual_values_are_weighted_and_blind_in_gaps(two_units):
    data = two_units(5)
    usual = Nearest().fit(data)._usual
    weights = data.weights().reshape(-1, 2)
    for c, column in enumerate(data.values.reshape(-1, 2).T):
        mean = np.average(column, weights=weights[:, c])
        variance = np.average(np.square(column - mean), weights=weights[:, c])
        assert usual.mean[c] == pytest.approx(mean)
        assert usual.deviation[c] == pytest.approx(np.sqrt(variance))


@each
def test_the_unit_of_a_variable_changes_nothing_but_the_unit(method, two_units):
    data = two_units(3)
    seen = observe(data, 0.2, seed=4)
    factor, offset = torch.tensor([0.01, 3.6]), torch.tensor([-900.0, 40.0])
    other = seen.with_values(seen.values * factor + offset)
    found = method().predict(seen, data.grid).mean * factor.numpy() + offset.numpy()
    np.testing.assert_allclose(method().predict(other, data.grid).mean, found, atol=1e-3)


def test_a_plane_is_reproduced_by_what_is_linear():
    rng = np.random.default_rng(0)
    coords = np.concatenate([rng.uniform(size=(40, 2)), [[0, 0], [0, 1], [1, 0], [1, 1]]])
    plane = np.array([[30.0, -10.0], [5.0, 60.0]])
    observations, grid = (
        Observations.from_points(coords, 100 + coords @ plane),
        Grid.default((16, 16)),
    )
    expected = (100 + grid.centres() @ plane).reshape(1, 16, 16, 2)
    for method in (Linear, ThinPlateSpline):
        np.testing.assert_allclose(method().predict(observations, grid).mean, expected, atol=1e-6)


def test_linear_in_one_dimension_and_around_a_ring():
    seen = Observations.from_points([1.0, 3.0], [10.0, 30.0])
    line = Linear().predict(seen, np.array([[0.0], [1.5], [3.0], [9.0]])).mean
    np.testing.assert_allclose(line[0, :, 0], [10, 15, 30, 30])
    ring = Linear().predict(
        Observations.from_points([10.0, 350.0], [0.0, 20.0]),
        Grid.regular(((-5, 5),), (1,), periodic=(False,)),
    )
    assert ring.mean.item() == 0
    closed = Grid.regular(((0, 360),), (36,), periodic=(True,))
    around = Linear().predict(Observations.from_points([15.0, 345.0], [0.0, 30.0]), closed).mean
    np.testing.assert_allclose(around[0, [35, 0, 18], 0], [20, 10, 15.5], atol=1)


def test_nearest_and_inverse_distance_by_hand():
    observations = Observations.from_points([[0.5, 0.125], [0.5, 0.875]], [0.0, 90.0])
    row = Nearest().predict(observations, Grid.default((4, 4))).mean[0, 1, :, 0]
    np.testing.assert_array_equal(row, [0, 0, 90, 90])
    at = InverseDistance().predict(observations, Grid.default((2, 2))).mean[0, 0, 0, 0]
    near, far = 1 / (1 / 64 + 1 / 16), 1 / (25 / 64 + 1 / 16)
    assert at == pytest.approx(90 * far / (near + far), rel=1e-5)


def test_more_points_than_a_full_system_takes_are_refused(monkeypatch):
    monkeypatch.setattr(per_field, "DENSE_LIMIT", 20)
    with pytest.raises(TooManyPointsError, match=r"21 observations of one field.*takes 20 at most"):
        ThinPlateSpline().predict(scattered(np.random.default_rng(0), 21), Grid.default((4, 4)))
    assert Nearest().predict(scattered(np.random.default_rng(0), 21), Grid.default((4, 4)))


def test_twenty_thousand_points_never_become_a_matrix():
    seen = scattered(np.random.default_rng(0), 20_000, 1)
    with pytest.raises(TooManyPointsError, match="20,000 observations"):
        ThinPlateSpline().predict(seen, Grid.default((4, 4)))
    found = Kriging().predict(seen, Grid.default((4, 4)))
    assert np.isfinite(found.mean).all()
    assert np.isfinite(found.std).all()


def test_other_variables_or_axes_than_those_fitted_are_refused(make_field):
    baseline = Nearest().fit(make_field(2))
    with pytest.raises(ShapeError, match="fields of 2 variables, but the observations have 1"):
        baseline.predict(scattered(np.random.default_rng(0), 5, 1), Grid.default((4, 4)))
    with pytest.raises(ShapeError, match="space of 2 axes"):
        baseline.predict(Observations.from_points([0.1], [[1.0, 2.0]]), Grid.default((4, 4)))


def test_very_small_supports_do_not_ask_without_bound():
    rng = np.random.default_rng(0)
    seen = Observations.from_points(rng.uniform(size=(5, 2)), rng.normal(size=5), support=1e-7)
    assert np.isfinite(Nearest().predict(seen, Grid.default((3, 2))).mean).all()


def test_all_methods_of_the_package_in_display_order(make_field):
    methods: list[Baseline] = classical_baselines()
    assert [m.name for m in methods] == [
        "nearest",
        "inverse distance",
        "linear",
        "thin-plate spline",
        "kriging",
        "gappy POD",
    ]
    train, data = make_field(8), make_field(2, seed=1)
    for method in methods:
        found = method.fit(train).predict(observe(data, 0.3, shape=(12, 12)), data.grid)
        assert found.mean.shape == (2, 24, 24, 2)
        assert (found.stated_std is not None) == (method.name in ("kriging", "gappy POD"))


def _unit_square() -> FieldData:
    variables = [Variable(name, transform=Affine(0, 255)) for name in "ab"]
    return FieldData(variables, Grid.default((2, 2)), np.arange(8.0).reshape(1, 2, 2, 2))
