"""FieldAutoencoder.save_pretrained and from_pretrained: the same again, or a clear error."""

from pathlib import Path

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder
from mamba_diffae.models.serialization import FORMAT, save_network
from mamba_diffae.training import Run

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
        ("model.safetensors", lambda b: b[:-9], "cut short"),
        ("model.safetensors", lambda b: b"", "cut short"),
        ("config.json", lambda b: b[:-9], "cannot be read"),
        ("config.json", lambda b: b"[]", "format"),
        ("config.json", lambda b: b.replace(FORMATTED, b'"format": 99'), "format"),
        ("config.json", lambda b: b.replace(FORMATTED, b'"format": 4'), "an earlier version"),
        ("config.json", lambda b: b.replace(b'_dim": 64', b'_dim": 32'), "architecture"),
        ("config.json", lambda b: b.replace(b'"d_model"', b'"d_modell"'), "'d_model'"),
        ("config.json", lambda b: b.replace(b'"autoencoder"', b'"auto"'), "'auto'"),
        ("config.json", lambda b: b.replace(b'"frame"', b'"fram"'), "lacks frame"),
    ],
)
def test_damage_is_named(model, tmp_path, name, spoil, message):
    model.save_pretrained(tmp_path / "saved")
    file = tmp_path / "saved" / name
    spoilt = spoil(file.read_bytes())
    assert spoilt != file.read_bytes()
    file.write_bytes(spoilt)
    with pytest.raises(ValueError, match=message):
        FieldAutoencoder.from_pretrained(tmp_path / "saved")


def test_what_holds_no_model_is_named(model, tmp_path):
    for folder in (tmp_path, Path(__file__)):
        with pytest.raises(ValueError, match=r"config\.json"):
            FieldAutoencoder.from_pretrained(folder)
    with pytest.raises(ValueError, match="There is no model"):
        FieldAutoencoder.from_pretrained(tmp_path / "nothing")
    save_network(model.fitted.network, tmp_path / "bare")
    with pytest.raises(ValueError, match="bare network"):
        FieldAutoencoder.from_pretrained(tmp_path / "bare")
    Run.create(tmp_path / "run", {})
    with pytest.raises(ValueError, match="finished no phase"):
        FieldAutoencoder.from_pretrained(tmp_path / "run")
