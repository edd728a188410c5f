"""One door: every kind of source, the size, and helpful refusals."""

import numpy as np
import pytest

from mamba_diffae.fields import area_average
from mamba_diffae.sources import lasting_name, open_field


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(5, 12, 12, 1))


def test_fields_pass_through_as_they_are(values):
    field = open_field(values)
    assert open_field(field) is field
    assert open_field(field, size=12) is field


def test_size_averages_any_source(values):
    field = open_field(values, size=5)
    np.testing.assert_array_equal(field.values, area_average(values, 5))
    assert field.scaling == open_field(values).scaling


@pytest.mark.parametrize("size", [0, 13])
def test_size_never_enlarges(values, size):
    with pytest.raises(ValueError, match=rf"Scale {size} was asked.*12 × 12"):
        open_field(values, size=size)


@pytest.mark.parametrize("name", ["emojis", "Emoji", "emoij"])
def test_a_misspelt_name_is_answered_with_the_nearest(name):
    with pytest.raises(
        ValueError, match=rf"source '{name}' is unknown; give 'emoji', .*mean 'emoji'\?"
    ):
        open_field(name)


def test_a_misspelt_path_is_answered_with_its_neighbour(tmp_path):
    (tmp_path / "temperature.npz").touch()
    with pytest.raises(
        ValueError, match=r"temprature\.npz' is unknown.*mean '.*/temperature\.npz'\?"
    ):
        open_field(tmp_path / "temprature.npz")


def test_nothing_near_gives_no_hint(tmp_path):
    with pytest.raises(ValueError, match=r"a GridField\.$"):
        open_field(tmp_path / "nowhere" / "qqq")


@pytest.mark.parametrize("source", [None, 7, [[1.0]]])
def test_another_type_is_named(source):
    with pytest.raises(ValueError, match=f"type {type(source).__name__} is unknown; give 'emoji'"):
        open_field(source)


def test_one_picture_is_no_source(folder):
    with pytest.raises(ValueError, match=r"b\.png is one picture; .*open_picture"):
        open_field(folder / "b.png")


def test_another_file_is_no_source(folder):
    with pytest.raises(
        ValueError, match=r"notes\.txt is no kind of file that is read; give 'emoji'"
    ):
        open_field(folder / "notes.txt")


def test_the_home_folder_is_understood(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert len(open_field("~/pictures")) == 4


@pytest.mark.parametrize("name", ["cifar10", "cifar10;DIR", "stl10", "stl10 DIR"])
def test_a_form_that_is_missed_is_told(name):
    with pytest.raises(ValueError, match=rf"Did you mean '{name[:4]}.*:DIR'\?"):
        open_field(name)


@pytest.mark.parametrize("kind", ["cifar10", "stl10", "hf"])
def test_a_form_without_its_rest_is_told(kind):
    with pytest.raises(ValueError, match=rf"'{kind}:' names nothing; give {kind}:[A-Z]+"):
        open_field(f"{kind}:")


def test_a_folder_with_a_colon_is_opened_by_its_path(folder, monkeypatch):
    folder.rename(folder.with_name("stl10:pictures"))
    monkeypatch.chdir(folder.parent)
    assert len(open_field("./stl10:pictures")) == 4


def test_a_name_that_lasts_holds_in_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = tmp_path.resolve()
    assert lasting_name("emoji") == "emoji"
    assert lasting_name("data/x.npy") == f"{here}/data/x.npy"
    assert lasting_name("cifar10:data") == f"cifar10:{here}/data"
    assert lasting_name("stl10:.") == f"stl10:{here}"
