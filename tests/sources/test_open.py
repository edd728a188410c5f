"""One door: every kind of source, the size, and helpful refusals."""

import sys

import numpy as np
import pytest

from mamba_diffae.fields import FieldData, FieldError, ShapeError
from mamba_diffae.registry import Registry
from mamba_diffae.sources import SOURCES, Source, canonical_source, from_array, open_field


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(5, 12, 9, 1))


def test_fields_pass_through_as_they_are(values):
    field = open_field(values)
    assert open_field(field) is field
    assert open_field(field, size=12) is field


def test_size_averages_any_source(values):
    field = open_field(values, size=4)
    blocks = values.reshape(5, 4, 3, 3, 3, 1).mean(axis=(2, 4))
    np.testing.assert_allclose(field.values, blocks, atol=1e-9)
    assert field.variables == open_field(values).variables
    assert open_field(values, size=(6, 9)).shape == (6, 9)


@pytest.mark.parametrize("size", [13, (12, 10), (3, 3, 3)])
def test_size_never_enlarges(values, size):
    with pytest.raises(ValueError, match=r"were asked, but the fields have 12 × 9"):
        open_field(values, size=size)


@pytest.mark.parametrize("size", [0, -1, (), (0, 3), 2.5, "9"])
def test_what_is_no_size_is_named(values, size):
    with pytest.raises(ShapeError, match="give cells along the longest axis"):
        open_field(values, size=size)


@pytest.mark.parametrize("name", ["emojis", "Emoji", "emoij"])
def test_a_misspelt_name_is_answered_with_the_nearest(name):
    with pytest.raises(
        ValueError, match=rf"source '{name}' is unknown; give 'emoji', .*mean 'emoji'\?"
    ):
        open_field(name)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("wether", "weather"),
        ("weather:window", "weather:windows"),
        ("turbulense:300", "turbulence"),
        ("gausian:smooth", "gaussian:smooth"),
        ("front", "fronts"),
        ("plateau", "plateaus"),
        ("two_variables", "two-variables"),
        ("gray-emoji", "grey-emoji"),
        ("photos", "photographs"),
    ],
)
def test_misspelt_families_are_answered_with_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=rf"'{name}' is unknown; .*Did you mean '{nearest}'\?"):
        open_field(name)


def test_a_misspelt_path_is_answered_with_its_neighbour(tmp_path):
    (tmp_path / "temperature.npz").touch()
    with pytest.raises(
        ValueError, match=r"temprature\.npz' is unknown.*mean '.*/temperature\.npz'\?"
    ):
        open_field(tmp_path / "temprature.npz")


def test_nothing_near_gives_no_hint(tmp_path):
    with pytest.raises(ValueError, match=r"FieldData\.$"):
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
    assert canonical_source("emoji") == "emoji"
    assert canonical_source("data/x.npy") == f"{here}/data/x.npy"
    assert canonical_source("cifar10:data") == f"cifar10:{here}/data"
    assert canonical_source("stl10:.") == f"stl10:{here}"


class Constants(Source):
    """A source of another package: "constants:N" are N fields."""

    form = "constants:N"

    def matches(self, spec):
        return isinstance(spec, str) and spec.startswith("constants:")

    def open(self, spec, *, shape=None, skip_broken=False):
        count = int(spec.partition(":")[2])
        return open_field(np.arange(count * 16.0).reshape(count, 4, 4))

    def canonical(self, spec):
        return spec


def test_another_package_brings_a_source(monkeypatch):
    monkeypatch.setattr(SOURCES, "_registered", {})
    SOURCES.register("constants", Constants)
    assert isinstance(SOURCES, Registry)
    field = open_field("constants:3", size=2)
    assert isinstance(field, FieldData)
    assert field.values.shape == (3, 2, 2, 1)
    assert canonical_source("constants:3") == "constants:3"
    with pytest.raises(ValueError, match=r"unknown; give .*constants:N.* mean 'constants:N'\?"):
        open_field("constant:N")


def test_a_source_of_another_package_may_take_folders_first(folder, monkeypatch):
    class Folders(Constants):
        def matches(self, spec):
            return str(spec).endswith("pictures")

        def open(self, spec, *, shape=None, skip_broken=False):
            return super().open("constants:2")

    monkeypatch.setattr(SOURCES, "_registered", {})
    SOURCES.register("folders", Folders)
    assert len(open_field(folder)) == 2


def test_an_option_that_a_source_does_not_take_is_named(values):
    with pytest.raises(FieldError, match="kind an array takes no option 'variable'; it takes none"):
        open_field(values, variable="sst")
    with pytest.raises(FieldError, match="kind FieldData takes no option 'variable'"):
        open_field(open_field(values), variable="sst")


def test_an_option_reaches_the_source(monkeypatch):
    class Levels(Source):
        form = "'levels'"

        def matches(self, spec):
            return spec == "levels"

        def open(self, spec, *, shape=None, skip_broken=False, level=0):
            return from_array(np.arange(60.0).reshape(5, 3, 4) + level, axes={"y": 3, "x": 4})

    opened = sys.modules["mamba_diffae.sources.open"]
    monkeypatch.setattr(opened, "_sources", lambda: iter([Levels()]))
    assert open_field("levels", level=2).values.min() == 2
    with pytest.raises(FieldError, match="no option 'depth'; it takes level"):
        open_field("levels", depth=2)


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_is_not_the_working_folder(folder, monkeypatch, name):
    monkeypatch.chdir(folder)
    with pytest.raises(ValueError, match="empty name"):
        open_field(name)
    assert len(open_field(".")) == 4
