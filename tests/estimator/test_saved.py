"""FieldAutoencoder.save_pretrained and from_pretrained: the same again, or a clear error."""

import json
from pathlib import Path

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder
from mamba_diffae.models.serialization import FORMAT, save_network
from mamba_diffae.training import Run
from tools.chaos.damage import accepted

FORMATTED = f'"format": {FORMAT}'.encode()


@pytest.mark.parametrize("which", ["model", "flowing", "baseline"])
def test_what_is_saved_is_what_is_loaded(which, seen, tmp_path, request):
    model = request.getfixturevalue(which)
    model.save_pretrained(tmp_path / "saved")
    loaded = FieldAutoencoder.from_pretrained(tmp_path / "saved", device="cpu")
    ours, theirs = (m.predict(seen, n_draws=1, steps=2) for m in (model, loaded))
    assert np.array_equal(ours.mean, theirs.mean)
    assert np.array_equal(ours.draws, theirs.draws)
    assert loaded.fitted.phases == model.fitted.phases
    assert loaded.grid == model.grid
    assert (loaded.variables, loaded.preset) == (model.variables, "tiny")
    assert loaded.mirrored is model.mirrored is False


def test_a_saved_model_is_replaced_but_nothing_else(model, tmp_path):
    model.save_pretrained(tmp_path / "saved")
    model.save_pretrained(tmp_path / "saved")
    (tmp_path / "saved/thesis.txt").write_text("precious")
    for folder in (tmp_path, tmp_path / "saved", tmp_path / "saved/thesis.txt"):
        with pytest.raises(ValueError, match="left alone"):
            model.save_pretrained(folder)
    assert (tmp_path / "saved/thesis.txt").read_text() == "precious"
    (tmp_path / "empty").mkdir()
    model.save_pretrained(tmp_path / "empty")


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("model.safetensors", lambda b: b[:-9], "copy it again"),
        ("model.safetensors", lambda b: b"", "copy it again"),
        ("config.json", lambda b: b.replace(b'"tiny"', b'"base"'), "damaged.*copy it again"),
        ("config.json", lambda b: b.replace(b'"checksums"', b'"checksumr"'), "damaged"),
        ("config.json", lambda b: b[:-9], "cannot be read"),
        ("config.json", lambda b: b"[]", "format"),
    ],
)
def test_damage_is_named(model, tmp_path, name, spoil, message):
    model.save_pretrained(tmp_path / "saved")
    refused(tmp_path / "saved", name, spoil, message)


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("model.safetensors", lambda b: b[:-9], "cut short"),
        ("config.json", lambda b: b.replace(FORMATTED, b'"format": 99'), "format"),
        ("config.json", lambda b: b.replace(FORMATTED, b'"format": 4'), "an earlier version"),
        ("config.json", lambda b: b.replace(b'_dim": 64', b'_dim": 32'), "architecture"),
        ("config.json", lambda b: b.replace(b'"d_model"', b'"d_modell"'), "'d_model'"),
        ("config.json", lambda b: b.replace(b'"autoencoder"', b'"auto"'), "'auto'"),
        ("config.json", lambda b: b.replace(b'"frame"', b'"fram"'), "lacks frame"),
    ],
)
def test_what_does_not_fit_is_named_without_checksums_too(model, tmp_path, name, spoil, message):
    model.save_pretrained(tmp_path / "saved")
    without_checksums(tmp_path / "saved")
    refused(tmp_path / "saved", name, spoil, message)


def refused(folder, name, spoil, message):
    """Spoil a file of a saved model: it is refused with a message."""
    spoilt = spoil((folder / name).read_bytes())
    assert spoilt != (folder / name).read_bytes()
    (folder / name).write_bytes(spoilt)
    with pytest.raises(ValueError, match=message):
        FieldAutoencoder.from_pretrained(folder)


def without_checksums(folder):
    """Take the checksums out of a saved model, as earlier versions wrote it."""
    facts = json.loads((folder / "config.json").read_text())
    assert set(facts.pop("checksums")) == {file.name for file in folder.iterdir()}
    (folder / "config.json").write_text(json.dumps(facts))


def test_no_flipped_bit_and_no_cut_is_accepted(model, tmp_path):
    model.save_pretrained(tmp_path / "saved")

    def load():
        FieldAutoencoder.from_pretrained(tmp_path / "saved")

    load()
    assert {"config.json", "model.safetensors", "latent_flow.safetensors"} == {
        file.name for file in (tmp_path / "saved").iterdir()
    }
    assert accepted(tmp_path / "saved", load, count=200, seed=0) == []
    load()


def test_a_model_of_an_earlier_version_has_no_checksums(model, seen, tmp_path):
    model.save_pretrained(tmp_path / "saved")
    without_checksums(tmp_path / "saved")
    loaded = FieldAutoencoder.from_pretrained(tmp_path / "saved", device="cpu")
    assert np.array_equal(loaded.predict(seen).mean, model.predict(seen).mean)


def test_what_holds_no_model_is_named(model, tmp_path):
    for place, told in (
        (tmp_path, r"config\.json"),
        (Path(__file__), "is a file; give the folder"),
    ):
        with pytest.raises(ValueError, match=told):
            FieldAutoencoder.from_pretrained(place)
    with pytest.raises(ValueError, match="There is no model"):
        FieldAutoencoder.from_pretrained(tmp_path / "nothing")
    save_network(model.fitted.network, tmp_path / "bare")
    with pytest.raises(ValueError, match="bare network"):
        FieldAutoencoder.from_pretrained(tmp_path / "bare")
    Run.create(tmp_path / "run", {})
    with pytest.raises(ValueError, match="finished no phase"):
        FieldAutoencoder.from_pretrained(tmp_path / "run")
