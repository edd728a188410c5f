"""Trained models as candidates: told apart by their weights, asked only where they can answer."""

from importlib import resources

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder
from mamba_diffae.benchmark.suite import (
    cache,
    foreign_candidate,
    networks,
    own_candidate,
    prior_method,
)
from mamba_diffae.benchmark.suite.networks import model_version
from mamba_diffae.fields import FieldData, Grid, Variable, observe
from mamba_diffae.models.serialization import weights_folder


def smooth(variables=1):
    """One smooth field in hPa on a map in kilometres, from 980 to 1050 hPa."""
    y, x = np.meshgrid(*[np.linspace(0, 3, 16)] * 2, indexing="ij")
    shape = (np.sin(x) + np.cos(2 * y)) / 4 + 0.5
    values = np.repeat((980 + 70 * shape)[None, ..., None], variables, axis=-1)
    kinds = [Variable(f"p{c}", "hPa", limits=(980.0, 1050.0)) for c in range(variables)]
    grid = Grid.regular(((0, 320), (0, 320)), (16, 16), ("north", "east"), ("km", "km"))
    return FieldData(kinds, grid, values)


@pytest.mark.slow
def test_a_packaged_model_takes_fields_of_another_unit_for_grey_pictures():
    candidate = foreign_candidate("emoji-96", "emoji-96", {"emoji"}, device="cpu")
    assert (candidate.training, candidate.known_families) == ("foreign", {"emoji"})
    data, model = smooth(), FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
    found = candidate.fit(data).predict(observe(data, 0.3), data.grid)
    grey = np.repeat(255 * (data.values - 980) / 70, 3, axis=-1)
    picture = FieldData(model.variables, Grid.default((16, 16)), grey)
    plain = model.predict(observe(picture, 0.3), picture.grid)
    assert 980 + 70 * plain.mean.mean(axis=-1, keepdims=True) / 255 == pytest.approx(
        found.mean, abs=0.01
    )
    assert candidate.fit(smooth(variables=2)) is None


def test_other_weights_are_another_version(tmp_path):
    packaged = weights_folder("emoji-96")
    assert model_version("emoji-96") == model_version(packaged)
    for file in packaged.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert model_version(tmp_path) == model_version(packaged)
    with (tmp_path / "config.json").open("a") as config:
        config.write(" ")
    assert model_version(tmp_path) != model_version(packaged)


def test_a_family_without_a_model_is_not_asked():
    candidate = own_candidate("mine", lambda data: None)
    assert candidate.fit(smooth()) is None
    assert candidate.version_for(smooth()) is None
    with pytest.raises(ValueError, match="no model 'nowhere'"):
        own_candidate("mine", lambda data: "nowhere").version_for(smooth())


def test_stored_errors_depend_on_which_cells_are_scored_and_how():
    wanted = {"evaluation", "benchmark/suite/errors.py", "benchmark/suite/cells.py"}
    for code in (cache._CLASSICAL, networks._CODE, prior_method._CODE):
        assert wanted <= set(code)
        assert all(
            (resources.files("mamba_diffae") / part).is_file()
            or (resources.files("mamba_diffae") / part).is_dir()
            for part in code
        )
