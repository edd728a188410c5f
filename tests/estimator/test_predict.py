"""FieldAutoencoder.predict and encode: targets, draws, decoder inputs, and what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mamba_diffae import Axis, Grid, Observations, observe

SHAPE = (16, 24)


@pytest.mark.parametrize(
    ("targets", "shape"),
    [
        (None, SHAPE),
        (12, (8, 12)),
        (np.int64(24), SHAPE),
        (36, (24, 36)),
        ((4, 24), (4, 24)),
        ([16, 6], (16, 6)),
        ((31, 33), (31, 33)),
    ],
)
def test_a_shape_or_the_cells_of_the_longest_axis_give_a_grid(model, seen, targets, shape):
    prediction = model.predict(seen, targets)
    assert prediction.mean.shape == (3, *shape, 2)
    assert prediction.grid.shape == shape
    assert np.isfinite(prediction.mean).all()


def test_fields_and_grids_give_their_own_grid(model, truth, seen):
    coarse = truth.at((8, 12))
    expected = model.predict(seen, 12).mean
    assert np.array_equal(model.predict(seen, coarse).mean, expected)
    assert np.array_equal(model.predict(seen, coarse.grid).mean, expected)


def test_a_coarser_grid_is_the_average(model, seen):
    native = model.predict(seen).mean
    cells = native.reshape(3, 8, 2, 12, 2, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(model.predict(seen, 12).mean, cells, atol=1e-5)


def test_a_part_of_the_region_is_a_target(model, seen):
    native = model.predict(seen).mean
    y, x = model.grid.axes
    part = Grid((replace(y, edges=y.edges[3:10]), replace(x, edges=x.edges[:13])))
    asked = model.predict(seen, part).mean
    np.testing.assert_allclose(asked, native[:, 3:9, :12], atol=1e-4)


def test_places_are_asked_directly(model, seen):
    native = model.predict(seen).mean.reshape(3, -1, 2)
    places = model.grid.centres()[::7]
    asked = model.predict(seen, places).mean
    assert asked.shape == (3, len(places), 2)
    np.testing.assert_allclose(asked, native[:, ::7], atol=1e-4)


@pytest.mark.parametrize(("by", "evaluations"), [("model", 1), ("flowing", 4)])
def test_draws(request, seen, by, evaluations):
    model = request.getfixturevalue(by)
    prediction = model.predict(seen, 12, n_draws=3, steps=2)
    assert prediction.draws.shape == (3, 3, 8, 12, 2)
    assert prediction.evaluations == evaluations
    assert prediction.std.shape == prediction.mean.shape
    assert (prediction.std > 0).all()
    # Draw s has the key seed + s, and comes the same alone.
    alone = model.predict(seen, 12, n_draws=1, steps=2, seed=2)
    np.testing.assert_allclose(alone.draws[0], prediction.draws[2], atol=1e-5)
    assert np.array_equal(alone.mean, prediction.mean)


@pytest.mark.parametrize(("solver", "evaluations"), [("heun", 6), ("euler", 3)])
def test_solvers_count_their_evaluations(flowing, seen, solver, evaluations):
    prediction = flowing.predict(seen, 12, n_draws=1, solver=solver, steps=3)
    assert prediction.evaluations == evaluations


@pytest.mark.parametrize("draws", [0, 1])
def test_a_spread_needs_two_draws(model, seen, draws):
    with pytest.raises(ValueError, match=f"at least 2 draws, and there are {draws}"):
        _ = model.predict(seen, 12, n_draws=draws).std


def test_the_latent_alone_is_another_input_of_the_decoder(model, seen):
    both = model.predict(seen, 12).mean
    latent = model.predict(seen, 12, decoder_inputs="latent").mean
    assert latent.shape == both.shape
    assert not np.array_equal(latent, both)


def test_many_fields_are_each_as_if_alone(model, truth):
    many = observe(truth.take(np.arange(20) % 12), 0.3, seed=1)
    told: list[tuple[int, int]] = []
    together = model.predict(
        many, 12, n_draws=1, steps=1, on_progress=lambda *so_far: told.append(so_far)
    )
    assert told == [(16, 20), (20, 20)]
    alone = model.predict(many[slice(0, 1)], 12, n_draws=1, steps=1)
    np.testing.assert_allclose(together.mean[:1], alone.mean, atol=1e-4)
    np.testing.assert_allclose(together.draws[:, :1], alone.draws, atol=1e-4)


def test_one_field_a_list_and_a_batch_are_the_same(model, seen):
    fields = seen.fields()
    batch, several = model.predict(seen, 12).mean, model.predict(fields, 12).mean
    assert np.array_equal(batch, several)
    np.testing.assert_allclose(model.predict(fields[0], 12).mean, batch[:1], atol=1e-4)


def test_columns_and_lists_of_any_type_are_welcome(model, seen):
    one = seen.fields()[0]
    x, y, side = (part[0].numpy() for part in (one.coords, one.values, one.support))
    expected = model.predict(one).mean
    given = [
        (x.tolist(), y.tolist(), side.tolist()),
        (x.astype(">f8"), y.astype(">f8"), side),
        (x[::-1], y[::-1], side[::-1]),
    ]
    for coords, values, support in given:
        points = Observations.from_points(coords, values, support=support, grid=model.grid)
        np.testing.assert_allclose(model.predict(points).mean, expected, atol=1e-4)


def test_a_latent_for_each_field(model, seen):
    latents = model.encode(seen)
    assert latents.shape == (3, 64)
    assert len(np.unique(latents.round(6), axis=0)) == 3
    np.testing.assert_allclose(model.encode(seen.fields()[1]), latents[1:2], atol=1e-5)


def test_the_baselines_have_none(baseline, seen):
    with pytest.raises(ValueError, match=r"no latent.*autoencoder"):
        baseline.encode(seen)
    with pytest.raises(ValueError, match="no latent"):
        baseline.predict(seen, 12, decoder_inputs="latent")
    assert baseline.predict(seen, 12, n_draws=1, steps=1).draws.shape == (1, 3, 8, 12, 2)


@pytest.mark.parametrize(
    "targets",
    [0, -3, 8.5, "8", np.zeros((1, 4, 2)), torch.zeros(4, 2), [8], (8, 8, 8), (8, 0), np.zeros(2)],
)
def test_targets_that_are_none(model, seen, targets):
    with pytest.raises(ValueError, match=r"targets were given as \w+ .*; expected a grid"):
        model.predict(seen, targets)


@pytest.mark.parametrize("places", [[[0.9, 0.5]], [[0.5, -0.1]], [[np.nan, 0.5]]])
def test_targets_outside(model, seen, places):
    with pytest.raises(ValueError, match=r"1 of 1 targets lie outside the grid, number 0"):
        model.predict(seen, np.array(places))


def test_targets_of_other_axes(model, seen):
    with pytest.raises(ValueError, match=r"expected \(N, 2\).*columns y, x"):
        model.predict(seen, np.full((4, 3), 0.5))
    with pytest.raises(ValueError, match=r"expected \(N, 2\), one point or more"):
        model.predict(seen, np.zeros((0, 2)))
    with pytest.raises(ValueError, match="axes lat, lon were asked, but the model was fitted on y"):
        model.predict(seen, Grid((Axis.regular("lat", 0, 1, 4), Axis.regular("lon", 0, 1, 4))))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_draws": -1}, "n_draws is -1"),
        ({"decoder_inputs": "points"}, "choose one of none, latent, latent\\+points"),
    ],
)
def test_options_that_are_none(model, seen, options, message):
    with pytest.raises(ValueError, match=message):
        model.predict(seen, 12, **options)


@pytest.mark.parametrize(
    ("options", "message"), [({"solver": "rk4"}, "heun"), ({"steps": 0}, "steps")]
)
def test_options_of_the_flow_that_are_none(flowing, seen, options, message):
    with pytest.raises(ValueError, match=message):
        flowing.predict(seen, 12, n_draws=1, **options)
