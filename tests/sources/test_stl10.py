"""STL-10: what the published archive holds, and what is refused."""

import numpy as np
import pytest
from published import pack, stl_files, unpack

from mamba_diffae.sources import open_field
from mamba_diffae.sources.stl10 import ARCHIVE

FOLDER = "stl10_binary"
PICTURE = 96 * 96 * 3


@pytest.fixture(scope="module")
def made():
    return stl_files()


@pytest.fixture
def unpacked(tmp_path, made):
    """A folder that holds the unpacked folder, to do with as one likes."""
    unpack(tmp_path / "data" / FOLDER, made[0])
    return tmp_path / "data"


@pytest.mark.parametrize("packed", [True, False])
def test_pictures_labels_and_splits(tmp_path, made, packed):
    files, pictures = made
    pack(tmp_path / ARCHIVE.name, FOLDER, files) if packed else unpack(tmp_path / FOLDER, files)
    before = sorted(tmp_path.rglob("*"))
    field = open_field(f"stl10:{tmp_path}")
    assert sorted(tmp_path.rglob("*")) == before  # nothing is unpacked
    np.testing.assert_array_equal(field.values, np.concatenate(list(pictures.values())))
    assert field.mirrored
    assert sorted(field.splits[:6].tolist()) == ["train"] * 5 + ["val"]
    assert field.splits[6:].tolist() == ["test"] * 4
    assert list(field.names[:3]) == ["airplane 00000", "bird 00001", "car 00002"]
    assert field.names[6] == "airplane 00006"
    assert field.attributes["bird"].nonzero()[0].tolist() == [1, 7]


def test_a_picture_is_stored_channel_by_channel_and_column_by_column(unpacked):
    """As its page says: the first 96 values are the red ones of the first column."""
    values = np.zeros(PICTURE * 6, np.uint8)
    values[:96] = np.arange(96)
    (unpacked / FOLDER / "train_X.bin").write_bytes(values.tobytes())
    first = open_field(f"stl10:{unpacked}").values[0]
    np.testing.assert_array_equal(first[:, 0, 0], np.arange(96))
    assert first[:, 1:].max() == first[..., 1:].max() == 0


@pytest.mark.parametrize("missing", [1, PICTURE - 1, 6 * PICTURE])
def test_truncated_pictures_are_named(unpacked, missing):
    file = unpacked / FOLDER / "train_X.bin"
    data = file.read_bytes()
    file.write_bytes(data[: len(data) - missing])
    named = rf"train_X\.bin has {len(data) - missing} bytes; expected a multiple of 27,648"
    with pytest.raises(ValueError, match=named):
        open_field(f"stl10:{unpacked}")


def test_fewer_pictures_than_labels_are_named(unpacked):
    file = unpacked / FOLDER / "test_X.bin"
    file.write_bytes(file.read_bytes()[:-PICTURE])
    with pytest.raises(ValueError, match=r"test_X\.bin holds 3 pictures, but test_y\.bin 4 labels"):
        open_field(f"stl10:{unpacked}")


@pytest.mark.parametrize("label", [0, 11])
def test_a_label_that_is_none_is_named(unpacked, label):
    (unpacked / FOLDER / "test_y.bin").write_bytes(bytes([1, 2, 3, label]))
    with pytest.raises(ValueError, match=rf"test_y\.bin reach from .*{label}.*expected 1 to 10"):
        open_field(f"stl10:{unpacked}")


def test_a_lacking_file_is_named(unpacked):
    (unpacked / FOLDER / "train_y.bin").unlink()
    with pytest.raises(ValueError, match=r"stl10_binary lacks train_y\.bin; expected train_X\.bin"):
        open_field(f"stl10:{unpacked}")


def test_a_truncated_archive_is_named_with_the_size_expected(tmp_path, made):
    path = pack(tmp_path / ARCHIVE.name, FOLDER, made[0])
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(ValueError, match=r"tar\.gz cannot be read .*truncated.*2,640,397,119"):
        open_field(f"stl10:{tmp_path}")


def test_another_archive_is_named(tmp_path):
    pack(tmp_path / ARCHIVE.name, "cifar-10-batches-py", {"data_batch_1": b"x"})
    with pytest.raises(ValueError, match=r"tar\.gz lacks train_X\.bin, train_y\.bin"):
        open_field(f"stl10:{tmp_path}")


def test_a_file_too_large_to_be_one_is_not_read(unpacked):
    with (unpacked / FOLDER / "train_X.bin").open("r+b") as file:
        file.truncate(2**40)  # takes no space
    with pytest.raises(ValueError, match=r"train_X\.bin has 1099511627776 bytes, and at most"):
        open_field(f"stl10:{unpacked}")
