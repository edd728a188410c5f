"""What is observed: by a pattern, by hand, with errors, by sensors."""

from dataclasses import replace

import numpy as np
import pytest

from mamba_diffae import FieldData, Grid, observe
from mamba_diffae.fields import Variable
from mamba_diffae.studio.errors import NothingObservedError
from mamba_diffae.studio.observing import PATTERNS, Edits, ObservedField, Settings


@pytest.mark.parametrize("pattern", PATTERNS)
def test_without_changes_by_hand_it_is_what_the_library_observes(session, pattern):
    session.observe(pattern=pattern, fraction=0.3, seed=3)
    expected = observe(session.truth, 0.3, pattern=pattern, seed=3)
    seen = session.observations()
    np.testing.assert_array_equal(seen.coords, expected.coords)
    np.testing.assert_array_equal(seen.values, expected.values)
    np.testing.assert_array_equal(seen.support, expected.support)
    assert seen.noise is None


def test_cells_are_taken_away_and_brought_in(session):
    before = set(session.observed.cells)
    gone = frozenset(sorted(before)[:5])
    session.edit(session.edits.remove(gone))
    assert set(session.observed.cells) == before - gone
    new = frozenset(set(range(1024)) - before)
    session.edit(session.edits.add(new).add(gone))
    assert len(session.observed.cells) == 1024


def test_what_was_taken_away_stays_away_at_any_share(session):
    session.edit(session.edits.remove(frozenset([0, 1, 2])))
    session.observe(fraction=1.0)
    assert len(session.observed.cells) == 1021


def test_a_typed_value_is_observed_and_goes_with_its_cell(session):
    cell = session.observed.cells[0]
    session.edit(session.edits.type(cell, (1.0, 2.0, 3.0)))
    assert session.observations().values[0, 0].tolist() == [1, 2, 3]
    session.edit(session.edits.remove(frozenset([cell])))
    session.edit(session.edits.add(frozenset([cell])))
    assert session.observations().values[0, 0].tolist() != [1, 2, 3]


def test_noise_is_added_and_stated_and_is_that_of_the_cell(session):
    exact = session.observations().values[0].numpy()
    session.observe(noise=0.1)
    seen = session.observations()
    errors = seen.values[0].numpy() - exact
    assert np.allclose(seen.noise, 25.5)
    assert 20 < errors.std() < 31
    first, error = session.observed.cells[0], errors[0]
    session.edit(Edits().remove(frozenset(session.observed.cells[1:])))
    assert session.observed.cells == (first,)
    np.testing.assert_allclose(session.observations().values[0, 0].numpy() - exact[0], error)


@pytest.mark.parametrize("added", [0.0, 0.1])
def test_what_the_fields_state_is_stated_with_what_is_added(added):
    rng = np.random.default_rng(0)
    values, noise = rng.normal(size=(1, 10, 10, 1)), np.full((1, 10, 10, 1), 0.5)
    variables = [Variable("t", "K", limits=(-3, 3))]
    data = FieldData(variables, Grid.default((10, 10)), values, noise=noise)
    sensors = Edits(sensors=((0.55, 0.55),))
    for cells in (frozenset(), frozenset(range(100))):
        seen = ObservedField(data, Settings(noise=added), sensors.remove(cells)).observations
        assert seen.noise is not None
        assert seen.noise.shape[1] == (1 if cells else 21)
        np.testing.assert_allclose(seen.noise, np.hypot(0.5, 6 * added))


def test_a_sensor_reads_the_field_where_it_stands(session):
    centre = 48.5 / 96
    session.edit(Edits(sensors=((centre, centre),)))
    seen = session.observations()
    assert seen.counts.tolist() == [206]
    assert seen.coords[0, -1].tolist() == [centre, centre]
    assert seen.support[0, -1].tolist() == [0, 0]
    np.testing.assert_allclose(seen.values[0, -1], session.truth.values[0, 48, 48])


def test_nothing_observed_is_said_not_computed(session):
    session.edit(session.edits.remove(frozenset(range(1024))))
    with pytest.raises(NothingObservedError, match=r"Raise the share, or click"):
        session.observations()
    session.edit(replace(session.edits, sensors=((0.2, 0.7),)))
    assert session.observations().counts.tolist() == [1]
