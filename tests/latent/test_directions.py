"""Attributes by their names, directions in the latent, and edits along them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, FieldData, observe, open_field
from mamba_diffae.latent import (
    attribute_changes,
    changed_fraction,
    edit,
    fit_directions,
    learn_directions,
)
from mamba_diffae.latent.attributes import FAMILIES, contrasts, learnable, resolve
from mamba_diffae.models.serialization import DIRECTIONS, weights_folder

FEW = {"steps": 3, "batch_size": 4, "show_progress": False}
CHANGES = {"model": {"d_model": 16}, "autoencoder": FEW, "flow": FEW}
COUNTS = {
    "is_person": 9, "skin_mediumlight": 5, "skin_dark": 6, "skin_tone": 11, "male": 4, "female": 3,
    "red_hair": 2, "class=cat": 7, "beard": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def truth(smooth_fields: Callable[..., FieldData]) -> FieldData:
    fields = smooth_fields(count=36, shape=(12, 16))
    bright = fields.values.mean(axis=(1, 2, 3)) > 0
    words = np.where(np.arange(36) % 2 == 0, "even", "odd")
    return replace(fields, attributes={"bright": bright, "kind": words, "rare": bright & False})


@pytest.fixture(scope="module")
def model(truth: FieldData) -> FieldAutoencoder:
    return FieldAutoencoder("tiny", changes=CHANGES).fit(truth, phases=["autoencoder"])


@pytest.fixture(scope="module")
def directions(model, truth):
    return learn_directions(model, truth)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("beard", "beard"),
        ("person", "is_person"),
        ("category=person", "is_person"),
        ("gender=female", "female"),
        ("gender", "female"),
        ("skin_tone", "skin_tone"),
        ("skin tone=dark", "skin_dark"),
        ("Skin-Tone=medium-light", "skin_mediumlight"),
        ("hair=red", "red_hair"),
        ("class=cat", "class=cat"),
        ("cat", "class=cat"),
    ],
)
def test_attributes_are_known_by_what_users_call_them(typed, meant):
    assert resolve(typed, COUNTS) == meant


def test_an_unknown_attribute_names_the_nearest_and_all_with_counts():
    with pytest.raises(ValueError, match=r"'gender=femal'; did you mean 'female'.*beard \(1\)"):
        resolve("gender=femal", COUNTS)
    with pytest.raises(ValueError, match=r"Unknown attribute 'zzz'; Valid, .*is_person \(9\)"):
        resolve("zzz", COUNTS)


def test_members_of_a_family_are_compared_with_each_other():
    tone = np.array([0, 1, 2, 3, 4, -1])
    columns = {name: tone == i for i, name in enumerate(FAMILIES["skin_tone"])}
    labels = contrasts({**columns, "hat": tone > 2})
    assert labels["skin_dark"].tolist() == [0, 0, 0, 0, 1, -1]
    assert labels["skin_tone"].tolist() == [0, 0, -1, 1, 1, -1]
    assert labels["hat"].tolist() == [0, 0, 0, 1, 1, 0]


def test_columns_of_several_values_are_taken_one_against_the_rest():
    labels = contrasts({"tone": np.array(["a", "b", "", "a"]), "level": np.array([1, 2, 2, 1])})
    assert {name: y.tolist() for name, y in labels.items()} == {
        "tone=a": [1, 0, -1, 1],
        "tone=b": [0, 1, -1, 0],
        "level=1": [1, 0, 0, 1],
        "level=2": [0, 1, 1, 0],
    }
    assert learnable(labels) == {}


def test_a_planted_direction_is_found_and_amount_one_joins_the_classes():
    rng = np.random.default_rng(0)
    y = rng.random(2000) < 0.1
    scale = np.array([1.0, 10.0, 0.1, 1.0])
    z = rng.normal(size=(2000, 4)) * scale
    z[:, 1] += 30.0 * y
    z[:, 3] = 7.0  # a number that says nothing
    found = fit_directions(z, {"planted": np.where(y, 1, 0)})
    move = found.move("planted")
    assert move[1] == pytest.approx(30, rel=0.03)
    assert abs(move[2]) < 0.02
    assert move[3] == 0
    scores = found.scores(z)[:, 0]
    assert ((scores > 0) == y).mean() > 0.9  # balanced: the rare class is not given up
    assert (scores[y] > 0).mean() > 0.9
    assert found.scores(z[:1] + move)[0] > found.scores(z[:1])[0]


def test_directions_are_of_what_can_be_learned(directions, model):
    assert list(directions.counts) == ["bright", "kind=even", "kind=odd"]
    assert directions.moves.shape == (3, model.latent_dim)
    np.testing.assert_allclose(directions.moves[1], -directions.moves[2], atol=1e-4)


def test_a_run_keeps_its_directions(model, truth, directions, tmp_path, monkeypatch):
    first = learn_directions(model, truth, tmp_path)
    np.testing.assert_array_equal(first.moves, directions.moves)
    told = []
    again = learn_directions(model, truth, tmp_path, on_progress=lambda *done: told.append(done))
    assert not told
    np.testing.assert_array_equal(
        again.scores(np.eye(len(first.moves[0]))), first.scores(np.eye(len(first.moves[0])))
    )
    assert again.counts == first.counts
    other = replace(truth, attributes={"bright": truth.attributes["bright"]})
    assert list(learn_directions(model, other, tmp_path).counts) == ["bright"]
    kept = (tmp_path / DIRECTIONS).read_bytes()
    for spoilt in (b"cut short", kept[:-1] + bytes([kept[-1] ^ 1])):  # cut, and a bit flipped
        learn_directions(model, truth, tmp_path)
        (tmp_path / DIRECTIONS).write_bytes(spoilt)
        np.testing.assert_array_equal(learn_directions(model, truth, tmp_path).moves, first.moves)
        assert (tmp_path / DIRECTIONS).read_bytes() != spoilt


def test_shipped_directions_are_found_and_left_alone(model, truth, directions, tmp_path):
    learn_directions(model, truth, tmp_path)
    shipped, told = (tmp_path / DIRECTIONS).read_bytes(), []
    again = learn_directions(
        model, truth, shipped=tmp_path, on_progress=lambda *done: told.append(done)
    )
    assert not told
    np.testing.assert_array_equal(again.moves, directions.moves)
    learn_directions(
        model, replace(truth, attributes={"bright": truth.attributes["bright"]}), shipped=tmp_path
    )
    assert (tmp_path / DIRECTIONS).read_bytes() == shipped


def test_training_fields_are_encoded_without_their_own_exemplars(model, truth, directions):
    # A prior that knows a field by heart gives other latents, hence another direction.
    groups = truth.groups.copy()
    train = np.flatnonzero(truth.splits == "train")
    groups[train] = groups[np.roll(train, 1)]
    others = learn_directions(model, replace(truth, groups=groups))
    assert abs(others.moves - directions.moves).max() > 1e-3


def test_fields_that_teach_nothing_are_refused(model, truth):
    with pytest.raises(ValueError, match=r"have 0 attributes.*such as emoji or cifar10:DIR"):
        learn_directions(model, replace(truth, attributes={}))
    few = truth.take(slice(12))
    for other in (few, replace(truth, groups=truth.groups + 1000)):
        with pytest.raises(ValueError, match=r"keeps 24 .* give those that it was fitted on"):
            learn_directions(model, other)


def test_edits_begin_at_the_reconstruction_and_grow(model, truth, directions):
    seen = observe(truth.split("test").distinct(1), 0.3)
    move = directions.move("bright")
    np.testing.assert_allclose(edit(model, seen, move, 0), model.predict(seen).mean, atol=1e-4)
    alone = [edit(model, seen, move, x, condition_on_points=False) for x in (0, 1, 4)]
    decoded = model.predict(seen, decoder_inputs="latent").mean
    np.testing.assert_allclose(alone[0], decoded, atol=1e-4)
    one, four = (abs(values - alone[0]).mean() for values in alone[1:])
    assert 0 < one < four
    assert edit(model, seen, move, 1, targets=24).shape == (1, 18, 24, 1)


def test_an_edit_conditioned_on_points_changes_less_where_they_are(model, truth, directions):
    seen, move = observe(truth.split("test").distinct(1), 0.3), directions.move("bright")
    at = (16 * seen.coords[0]).long().numpy()  # the cells that were seen
    changed = {}
    for points in (True, False):
        options = {"condition_on_points": points}
        before, after = (edit(model, seen, move, x, **options)[0, ..., 0] for x in (0, 3))
        changed[points] = abs(after - before)[at[:, 0], at[:, 1]].mean()
    assert changed[True] < 0.5 * changed[False]


def test_the_change_of_every_attribute_is_told(model, truth, directions):
    seen = observe(truth.split("test").distinct(1), 0.3)
    move = 2 * directions.move("kind=even")
    before, after = (edit(model, seen, move, x, condition_on_points=False)[0] for x in (0, 1))
    told = attribute_changes(model, directions, before, after, move)
    assert [change.name for change in told] == list(directions.counts)
    assert told[1].asked == pytest.approx(directions.weights[1] @ move, rel=1e-5)
    assert told[1].asked > 0 > told[2].asked
    nothing = attribute_changes(model, directions, before, before, 0 * move)
    assert [(c.change, c.asked) for c in nothing] == [(0, 0)] * 3


def test_cells_that_changed_are_counted():
    before = np.zeros((4, 4, 3))
    after = before.copy()
    after[0, :2, 1] = 0.2
    after[3, 3] = 0.04
    assert changed_fraction(before, after) == 2 / 16


def test_moves_and_amounts_that_do_not_fit_are_refused(model, truth):
    seen = observe(truth.take(slice(1)), 0.3)
    with pytest.raises(ValueError, match=r"The move has shape \(3,\); expected"):
        edit(model, seen, np.zeros(3), 1)
    with pytest.raises(ValueError, match="amount is nan"):
        edit(model, seen, np.zeros(model.latent_dim), float("nan"))


def test_the_packaged_model_has_brought_the_directions_of_its_attributes():
    model, told = FieldAutoencoder.from_pretrained("emoji-96"), []
    directions = learn_directions(
        model,
        open_field("emoji"),
        shipped=weights_folder("emoji-96"),
        on_progress=lambda *done: told.append(done),
    )
    assert not told
    assert {"female", "skin_tone", "beard"} <= directions.counts.keys()
