"""Data sets of the hub: with a stand-in for `datasets`, and with the package where it is there."""

import io
import sys
import types
import warnings

import numpy as np
import pytest
from PIL import Image
from published import picture

from mamba_diffae.sources import canonical_source, open_field


def encoded(image, form="PNG"):
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()


class ImageKind:
    def __init__(self, decode=True):
        self.decode = decode


class ClassLabel:
    def __init__(self, names=()):
        self.names = list(names)


class Rows:
    """What `hub` uses of a `Dataset`."""

    def __init__(self, features, rows):
        self.features, self.rows = features, rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        return [row[key] for row in self.rows] if isinstance(key, str) else self.rows[key]

    def select_columns(self, names):
        rows = [{name: row[name] for name in names} for row in self.rows]
        return Rows({name: self.features[name] for name in names}, rows)

    def cast_column(self, name, feature):
        assert not feature.decode  # bytes are wanted, to be decoded with our limits
        return Rows({**self.features, name: feature}, self.rows)


class Library(types.ModuleType):
    """Stands for the package `datasets`; `answer` is what its loader gives, or raises."""

    __version__ = "5.2.0"
    Image, ClassLabel = ImageKind, ClassLabel

    def __init__(self, answer):
        super().__init__("datasets")
        self.answer, self.asked = answer, []

    def load_dataset(self, name):
        self.asked.append(name)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @staticmethod
    def concatenate_datasets(parts):
        return Rows(parts[0].features, [row for part in parts for row in part.rows])


@pytest.fixture
def library(monkeypatch):
    """Puts a stand-in in the place of `datasets`."""

    def use(answer):
        module = Library(answer)
        monkeypatch.setitem(sys.modules, "datasets", module)
        return module

    return use


def part(count, images=None, classes=("cat", "dog"), seed=0):
    """Rows with a text, a picture and a class, as a data set of the hub has them."""
    features = {"caption": object(), "img": ImageKind(), "label": ClassLabel(classes)}
    images = images or [picture(16, 16, seed + i) for i in range(count)]
    rows = [
        {"caption": "x", "img": {"bytes": encoded(image), "path": None}, "label": i % 2}
        for i, image in enumerate(images)
    ]
    return Rows(features, rows)


def test_pictures_labels_and_published_splits(library):
    module = library({"train": part(6), "validation": part(2, seed=6), "test": part(3, seed=8)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        field = open_field("hf:someone/pets")
    assert module.asked == ["someone/pets"]
    expected = [np.asarray(picture(16, 16, i)) for i in (*range(6), 6, 7, 8, 9, 10)]
    np.testing.assert_array_equal(field.values, expected)
    assert field.splits.tolist() == ["train"] * 6 + ["val"] * 2 + ["test"] * 3
    assert list(field.names[:2]) == ["cat 00000", "dog 00001"]
    assert field.attributes["dog"].nonzero()[0].tolist() == [1, 3, 5, 7, 9]


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ({"train": 40}, None),
        ({"pictures": 20, "more": 20}, None),
        ({"train": 30, "test": 10}, (27, 3, 10)),
        ({"train": 30, "valid": 10}, (27, 3, 10)),
        ({"train": 30, "dev": 5, "test": 5}, (30, 5, 5)),
        ({"validation": 20, "test": 20}, None),
    ],
)
def test_splits_that_lack_are_made(library, given, counts):
    library({split: part(count) for split, count in given.items()})
    splits = open_field("hf:pets").splits
    found = tuple(int((splits == s).sum()) for s in ("train", "val", "test"))
    assert sum(found) == 40
    assert all(found) if counts is None else found == counts


def test_one_part_without_classes(library):
    rows = part(5)
    del rows.features["label"]
    library(rows)
    field = open_field("hf:pets")
    assert list(field.names) == [f"{i:05d}" for i in range(5)]
    assert not field.attributes


def test_a_picture_without_a_class_keeps_none(library):
    rows = part(4)
    rows.rows[1]["label"], rows.rows[2]["label"] = None, -1
    library(rows)
    field = open_field("hf:pets")
    assert list(field.names) == ["cat 00000", "00001", "00002", "dog 00003"]
    assert field.attributes["cat"].tolist() == [True, False, False, False]


def test_other_splits_are_left_out_and_named(library):
    library({"train": part(6), "test": part(2), "unsupervised": part(9)})
    with pytest.warns(UserWarning, match="hf:pets: the splits unsupervised are left out"):
        assert len(open_field("hf:pets")) == 8


def test_mixed_sizes_and_grey_pictures_are_converted_and_told(library):
    grey = picture(20, 30).convert("L")
    library(part(3, [picture(16, 18), grey, picture(40, 24)]))
    with pytest.warns(UserWarning, match="hf:pets") as told:
        field = open_field("hf:pets")
    assert [str(w.message) for w in told] == [
        "The pictures in hf:pets have 3 different sizes, 18 × 16 to 24 × 40 (rows × columns); of "
        "each the central square is averaged to 16 × 16 pixels.",
        "1 of 3 pictures in hf:pets are grey; they become colour pictures of three equal channels.",
    ]
    assert field.values.shape == (3, 16, 16, 3)
    assert np.ptp(field.values[1], axis=-1).max() == 0


def test_a_size_is_chosen_and_never_enlarges(library):
    library(part(4))
    assert open_field("hf:pets", size=5).shape == (5, 5)
    with pytest.raises(ValueError, match=r"hf:pets, train 0 is 16 × 16 pixels .* but 17 × 17"):
        open_field("hf:pets", size=17)


def test_pictures_may_be_files(library, folder):
    rows = part(1)
    rows.rows[0]["img"] = {"bytes": None, "path": str(folder / "c.webp")}
    library(rows)
    expected = np.asarray(Image.open(folder / "c.webp").convert("RGB"))
    np.testing.assert_array_equal(open_field("hf:pets").values[0], expected)


def test_broken_pictures_are_named_or_skipped(library):
    rows = part(6)
    rows.rows[2]["img"], rows.rows[4]["img"] = {"bytes": b"none", "path": None}, None
    library(rows)
    with pytest.raises(ValueError, match="hf:pets, train 2 cannot be decoded"):
        open_field("hf:pets")
    with pytest.warns(UserWarning, match="2 of 6 pictures in hf:pets are broken and skipped"):
        field = open_field("hf:pets", skip_broken=True)
    assert len(field) == len(field.splits) == len(field.attributes["cat"]) == 4
    np.testing.assert_array_equal(field.values[2], np.asarray(picture(16, 16, 3)))
    assert field.names[2].startswith("dog")


def test_a_data_set_without_pictures_is_named(library):
    rows = Rows({"text": object(), "label": ClassLabel(["a"])}, [{"text": "x", "label": 0}])
    library({"train": rows})
    with pytest.raises(ValueError, match="no column of images, only text, label"):
        open_field("hf:words")


@pytest.mark.parametrize(
    "error",
    [ConnectionError("Couldn't reach\nthe Hub"), FileNotFoundError("no such"), RuntimeError()],
)
def test_what_cannot_be_loaded_names_the_local_path_that_would_do(library, error):
    library(error)
    with pytest.raises(
        ValueError, match=r"hf:a/b cannot be loaded \(.+\)\. .*save_to_disk"
    ) as told:
        open_field("hf:a/b")
    assert "the folder of the pictures as PNG, JPEG or WebP files" in str(told.value)
    assert "\n" not in str(told.value)


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)  # so that it is not found
    with pytest.raises(ValueError, match=r"needs the package datasets; .*'mamba-diffae\[data\]'"):
        open_field("hf:pets")


@pytest.mark.parametrize("version", ["3.6.0", None])
def test_a_version_that_would_run_code_is_refused(library, version):
    module = library(part(2))
    module.__version__ = version or "0"
    with pytest.raises(ValueError, match=r"datasets 4 or newer, which runs no code"):
        open_field("hf:pets")
    assert module.asked == []


def test_the_name_lasts_unless_it_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert canonical_source("hf:someone/pets") == "hf:someone/pets"
    (tmp_path / "pets").mkdir()
    assert canonical_source("hf:pets") == f"hf:{tmp_path.resolve()}/pets"


@pytest.fixture
def real(monkeypatch, tmp_path):
    """The package itself, away from the network, with a cache of its own."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    return pytest.importorskip("datasets")


@pytest.fixture
def published(real):
    """A data set of the real package, in two splits."""
    features = real.Features({"img": real.Image(), "label": real.ClassLabel(names=["cat", "dog"])})

    def rows(count, seed):
        images = [picture(16, 16, seed + i) for i in range(count)]
        return real.Dataset.from_dict(
            {"img": images, "label": [i % 2 for i in range(count)]}, features=features
        )

    return real.DatasetDict({"train": rows(20, 0), "test": rows(4, 20)})


@pytest.mark.parametrize("form", ["saved", "parquet"])
def test_the_real_package_reads_local_folders(published, tmp_path, form):
    folder = tmp_path / "pets"
    if form == "saved":
        published.save_to_disk(folder)
    else:
        folder.mkdir()
        for split, rows in published.items():
            rows.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    field = open_field(f"hf:{folder}")
    expected = [np.asarray(picture(16, 16, i)) for i in range(24)]
    np.testing.assert_array_equal(field.values, expected)
    assert sorted(field.splits.tolist()) == ["test"] * 4 + ["train"] * 18 + ["val"] * 2
    assert list(field.names[:2]) == ["cat 00000", "dog 00001"]


def test_the_real_package_reads_a_folder_of_pictures(real, folder, tmp_path):
    with pytest.warns(UserWarning, match="different sizes"):
        field = open_field(f"hf:{folder}")
    assert field.values.shape == (4, 16, 16, 3)


def test_the_real_package_is_never_let_run_a_script(real, tmp_path):
    (tmp_path / "pets").mkdir()
    script = f"open({str(tmp_path / 'was-run')!r}, 'w').close()"
    (tmp_path / "pets/pets.py").write_text(script)
    with pytest.raises(ValueError, match="cannot be loaded"):
        open_field(f"hf:{tmp_path}/pets")
    assert not (tmp_path / "was-run").exists()


def test_the_real_package_offline(real):
    with pytest.raises(ValueError, match=r"hf:uoft-cs/cifar10 cannot be loaded .*local path"):
        open_field("hf:uoft-cs/cifar10")
