"""The embedded picture set is what its description says."""

import io
import zipfile
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.sources import open_field
from mamba_diffae.sources.embedded import ARCHIVE


@pytest.fixture(scope="module")
def emoji():
    return open_field("emoji")


def test_the_pictures_are_bytes_at_96(emoji):
    assert emoji.values.shape == (3119, 96, 96, 3)
    assert emoji.values.dtype == np.uint8
    assert [(v.name, v.limits) for v in emoji.variables] == [
        (name, (0, 255)) for name in ("red", "green", "blue")
    ]
    assert emoji.unit_interval(emoji.values[0]).max() <= 1
    assert emoji.grid.names == ("y", "x")
    assert emoji.mirrored
    assert (emoji.values.min(axis=(1, 2, 3)) < 230).all()  # none is blank


def test_the_splits_are_the_published_ones(emoji):
    names, counts = np.unique(emoji.splits, return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {
        "test": 310,
        "train": 2520,
        "val": 289,
    }


def test_skin_tone_copies_are_one_group_in_one_split(emoji):
    runners = [i for i, name in enumerate(emoji.names) if name == "runner"]
    assert len(runners) == 6
    assert len(set(emoji.groups[runners])) == len(set(emoji.splits[runners])) == 1
    assert len(set(emoji.groups)) == 1598
    for name in ("train", "val"):
        assert not set(emoji.split(name).groups) & set(emoji.split("test").groups)


def test_64_test_pictures_of_distinct_bases(emoji):
    chosen = emoji.split("test").distinct(64)
    assert len(set(chosen.groups)) == len(set(chosen.names)) == 64


def test_attributes_are_37_binary_labels(emoji):
    assert len(emoji.attributes) == 37
    assert all(v.dtype == bool and v.any() and not v.all() for v in emoji.attributes.values())
    hats = {emoji.names[i] for i in np.flatnonzero(emoji.attributes["hat_or_headwear"])}
    assert "man cook" in hats
    assert "tiger" not in hats


def test_names_belong_to_their_pictures(emoji):
    index = list(emoji.names).index("tiger")
    path = files("mamba_diffae.sources") / "data" / ARCHIVE
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        image = Image.open(io.BytesIO(archive.read("images/1F405.webp"))).convert("RGB")
        assert "MIT License" in archive.read("LICENSE.txt").decode()
    np.testing.assert_array_equal(emoji.values[index], np.asarray(image))


def test_the_shared_copy_cannot_be_spoilt(emoji):
    assert open_field("emoji") is emoji
    with pytest.raises(ValueError, match="read-only"):
        emoji.values[0] = 0


def test_a_coarser_set_is_the_area_average(emoji):
    few = emoji.take(slice(0, 5))
    blocks = few.values.reshape(5, 32, 3, 32, 3, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(open_field(few, size=32).values, blocks, atol=1e-3)
