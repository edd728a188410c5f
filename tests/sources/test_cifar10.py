"""CIFAR-10: what the published archive holds, and what is refused."""

import io
import pickle
import tarfile

import numpy as np
import pytest
from published import CIFAR_LABELS, Python2Pickle, cifar_batch, cifar_files, pack, unpack

from mamba_diffae.sources import open_field
from mamba_diffae.sources.cifar10 import ARCHIVE

FOLDER = "cifar-10-batches-py"


@pytest.fixture(scope="module")
def made():
    return cifar_files()


@pytest.fixture
def unpacked(tmp_path, made):
    """A folder that holds the unpacked folder, to do with as one likes."""
    unpack(tmp_path / "data" / FOLDER, made[0])
    return tmp_path / "data"


def test_the_made_batches_are_what_python_2_would_have_written(made):
    """Else the tests below would test a format of their own."""
    content = pickle.loads(made[0]["data_batch_1"], encoding="bytes")
    assert list(content) == [b"batch_label", b"labels", b"data", b"filenames"]
    assert content[b"data"].shape == (6, 3072)
    first = content[b"data"][0, :1024].reshape(32, 32)
    np.testing.assert_array_equal(first, made[1]["data_batch_1"][0, ..., 0])


@pytest.mark.parametrize("place", ["packed", "packed file", "unpacked", "unpacked itself"])
def test_pictures_labels_and_splits(tmp_path, made, place):
    files, pictures = made
    folder = tmp_path / "data"
    if place.startswith("packed"):
        folder.mkdir()
        archive = pack(folder / ARCHIVE.name, FOLDER, files)
        path = archive if place == "packed file" else folder
    else:
        itself = unpack(folder / FOLDER, files)
        path = itself if place == "unpacked itself" else folder
    before = sorted(tmp_path.rglob("*"))
    field = open_field(f"cifar10:{path}")
    assert sorted(tmp_path.rglob("*")) == before  # nothing is unpacked
    np.testing.assert_array_equal(field.values, np.concatenate(list(pictures.values())))
    assert field.values.dtype == np.uint8
    assert [v.limits for v in field.variables] == [(0, 255)] * 3
    assert field.mirrored
    assert field.splits[30:].tolist() == ["test"] * 6
    assert sorted(field.splits[:30].tolist()) == ["train"] * 27 + ["val"] * 3
    assert list(field.names[:3]) == ["cat 00000", "truck 00001", "airplane 00002"]
    assert field.names[35] == "automobile 00035"
    labels = np.stack(list(field.attributes.values())).argmax(axis=0)
    np.testing.assert_array_equal(labels, np.tile(CIFAR_LABELS, 6))
    assert all(values.dtype == bool for values in field.attributes.values())


def test_a_coarser_size_and_the_home_folder(unpacked, monkeypatch):
    monkeypatch.setenv("HOME", str(unpacked))
    assert open_field("cifar10:~", size=16).values.shape == (36, 16, 16, 3)


def test_python_3_may_have_written_the_batches_anew(unpacked, made):
    for name, pictures in made[1].items():
        batch = pickle.dumps(cifar_batch(pictures, CIFAR_LABELS), protocol=2)
        assert b"_codecs" in batch
        (unpacked / FOLDER / name).write_bytes(batch)
    field = open_field(f"cifar10:{unpacked}")
    np.testing.assert_array_equal(field.values, np.concatenate(list(made[1].values())))


class Calls:
    """Pickled, it calls a function with arguments."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def asking(module, name, *arguments):
    """A pickle by hand that calls module.name: such names need not exist here."""
    body = b"".join(b"U" + bytes([len(a)]) + a for a in arguments)
    return b"\x80\x02c" + module + b"\n" + name + b"\n(" + body + b"tR."


def hostile(target):
    """Pickles that would write the file `target`, by name."""
    import os

    touch, command = f"open({str(target)!r}, 'w').close()", f"touch {target}"
    return {
        "os.system": pickle.dumps(Calls(os.system, command), protocol=2),
        "posix.system": asking(b"posix", b"system", command.encode()),
        "os.system, protocol 0": pickle.dumps(Calls(os.system, command), protocol=0),
        "os.system, protocol 5": pickle.dumps(Calls(os.system, command), protocol=5),
        "builtins.eval": pickle.dumps(Calls(eval, touch)),
        "builtins.exec": pickle.dumps(Calls(exec, touch)),
        "__builtin__.eval": asking(b"__builtin__", b"eval", touch.encode()),
        "nested": pickle.dumps({"data": 0, "labels": [[Calls(exec, touch)]]}, protocol=2),
        "beside a batch": pickle.dumps({"labels": [], "filenames": Calls(exec, touch)}),
        "numpy.load": asking(b"numpy", b"load", str(target).encode()),
        "numpy's own runner": asking(
            b"numpy.testing._private.utils", b"runstring", touch.encode(), b""
        ),
        "_codecs.decode": asking(b"_codecs", b"decode", b"x", b"rot13"),
        "an attribute of what is admitted": b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
        "inst": b"(S" + repr(touch).encode() + b"\ni__builtin__\neval\n.",
        "getattr": asking(b"builtins", b"getattr", b"x", b"format"),
    }


@pytest.mark.parametrize("trick", list(hostile("x")))
def test_a_hostile_pickle_is_refused_and_nothing_is_run(unpacked, tmp_path, trick):
    target = tmp_path / "was-run"
    batch = hostile(target)[trick]
    (unpacked / FOLDER / "data_batch_3").write_bytes(batch)
    with pytest.raises(ValueError, match=r"data_batch_3 is no batch .*it asks for '.*not obeyed"):
        open_field(f"cifar10:{unpacked}")
    assert not target.exists()


def test_the_tricks_would_work_on_a_trusting_reader(tmp_path):
    """Else the test above would prove nothing."""
    target = tmp_path / "was-run"
    for trick in ("os.system", "builtins.eval", "nested", "inst"):
        pickle.loads(hostile(target)[trick])
        assert target.exists(), trick
        target.unlink()


def test_a_name_that_is_refused_is_not_even_imported(unpacked, tmp_path, monkeypatch):
    (tmp_path / "trap.py").write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    (unpacked / FOLDER / "test_batch").write_bytes(asking(b"trap", b"x"))
    with pytest.raises(ValueError, match=r"test_batch .*'trap\.x'"):
        open_field(f"cifar10:{unpacked}")
    assert not (tmp_path / "was-run").exists()


ENCODE = b"c_codecs\nencode\n"
ARRAY = b"cnumpy\nndarray\n"


@pytest.mark.parametrize(
    "batch",
    [
        b"",
        b"no pickle",
        b"\x80\x02.",
        b"\x80\x02}r\xff\xff\xff\x7f.",  # a table of 2³¹ places
        b"\x80\x02]" + b"T\xff\xff\xff\x7f.",  # a string of 2³¹ bytes
        b"\x80\x05\x96\xff\xff\xff\xff\xff\x0f\x00\x00.",  # a byte array of terabytes
        b"\x80\x02" + ARRAY + b"N}X\x06\x00\x00\x00valuesK\x01s\x86b.",  # change what is admitted
        b"\x80\x02" + ENCODE + b"}X\x01\x00\x00\x00xK\x01sb.",
        b"\x80\x02" + ENCODE + b"(X\x01\x00\x00\x00xU\x04zlibtR.",
        b"\x80\x02Pplace\n.",
        pickle.dumps(np.array([[1, 2]], object), protocol=2),
        pickle.dumps(np.zeros((2, 3072)), protocol=2),
        pickle.dumps([1, 2], protocol=2),
    ],
)
def test_what_is_no_batch_is_refused(unpacked, batch):
    (unpacked / FOLDER / "data_batch_1").write_bytes(batch)
    with pytest.raises(ValueError, match=r"data_batch_1 is no batch .*Expected a dictionary"):
        open_field(f"cifar10:{unpacked}")
    (unpacked / FOLDER / "data_batch_1").write_bytes(cifar_files()[0]["data_batch_1"])
    assert len(open_field(f"cifar10:{unpacked}")) == 36  # and nothing has been spoilt


def changed(**parts):
    return cifar_batch(cifar_files()[1]["data_batch_2"], CIFAR_LABELS) | parts


@pytest.mark.parametrize(
    ("batch", "named"),
    [
        (changed(labels=[1, 2]), "6 pictures but 2 labels"),
        (changed(labels=[1, 2, 3, 4, 5, 10]), "labels reach from 1 to 10"),
        (changed(labels=["a"] * 6), "no list of whole numbers"),
        (changed(labels=[[1]] * 6), "no list of whole numbers"),
        (changed(data=np.zeros((6, 3071), np.uint8)), r"shape \(6, 3071\).*\(S, 3072\)"),
        (changed(data=np.zeros((0, 3072), np.uint8), labels=[]), r"shape \(0, 3072\)"),
        (changed(data=np.zeros((6 * 3072), np.uint8)), r"shape \(18432,\)"),
        (changed(data=np.zeros((6, 3072), np.int8)), "array of type b'i1'"),
        (changed(data=[1]), r"no array \(list\)"),
        ({"fine_labels": [1]}, r"no array \(NoneType\)"),  # CIFAR-100's key
    ],
)
def test_a_batch_that_does_not_fit_is_named(unpacked, batch, named):
    (unpacked / FOLDER / "data_batch_2").write_bytes(Python2Pickle(batch).bytes)
    with pytest.raises(ValueError, match=rf"data_batch_2 is no batch of CIFAR-10: .*{named}"):
        open_field(f"cifar10:{unpacked}")


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_truncated_batch_is_named(unpacked, made, kept):
    data = made[0]["data_batch_5"]
    (unpacked / FOLDER / "data_batch_5").write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ValueError, match="data_batch_5 is no batch"):
        open_field(f"cifar10:{unpacked}")


def test_a_lacking_batch_is_named(unpacked):
    (unpacked / FOLDER / "data_batch_4").unlink()
    with pytest.raises(ValueError, match=r"cifar-10-batches-py lacks data_batch_4; expected .*tar"):
        open_field(f"cifar10:{unpacked}")


def test_an_empty_folder_says_what_is_looked_for(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(
            ValueError, match=r"holds neither cifar-10-python\.tar\.gz nor .*https:"
        ):
            open_field(f"cifar10:{place}")


@pytest.mark.parametrize("kept", [0.01, 0.5, 0.98])
def test_a_truncated_archive_is_named_with_the_size_expected(tmp_path, made, kept):
    path = pack(tmp_path / ARCHIVE.name, FOLDER, made[0])
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(ValueError, match=r"tar\.gz cannot be read .*truncated.*170,498,071"):
        open_field(f"cifar10:{tmp_path}")


@pytest.mark.parametrize("content", [b"", b"an error page", b"\x1f\x8b\x08 and no more"])
def test_a_file_that_is_no_archive_is_named(tmp_path, content):
    (tmp_path / ARCHIVE.name).write_bytes(content)
    with pytest.raises(ValueError, match=r"tar\.gz cannot be read .*something else"):
        open_field(f"cifar10:{tmp_path}")


def test_another_archive_is_named(tmp_path, made):
    files = {"train": b"x", "test": b"x", "meta": b"x"}
    pack(tmp_path / ARCHIVE.name, "cifar-100-python", files)
    with pytest.raises(ValueError, match=r"tar\.gz lacks data_batch_1, .*expected data_batch_1"):
        open_field(f"cifar10:{tmp_path}")


def claiming(name, size, kind=tarfile.REGTYPE):
    """A header alone, which claims a size."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = kind, size
    return entry


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_claims_terabytes_is_refused(tmp_path, kind):
    path = tmp_path / ARCHIVE.name
    header = claiming(f"{FOLDER}/data_batch_1", 2**42, kind).tobuf(tarfile.GNU_FORMAT)
    with tarfile.open(path, "w:gz") as archive:
        assert archive.fileobj is not None
        archive.fileobj.write(header + bytes(1024))
    with pytest.raises(ValueError, match="cannot be read as cifar-10-python"):
        open_field(f"cifar10:{tmp_path}")


def test_hostile_names_and_links_write_and_read_nothing(tmp_path, made):
    (tmp_path / "data").mkdir()
    link = tarfile.TarInfo(f"{FOLDER}/data_batch_1")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
    (tmp_path / "secret").write_bytes(made[0]["data_batch_1"])
    extra = [tarfile.TarInfo("../../evil"), tarfile.TarInfo(f"/{tmp_path}/evil"), link]
    files = dict(made[0])
    whole = pack(tmp_path / "data" / ARCHIVE.name, FOLDER, files, extra)
    assert len(open_field(f"cifar10:{whole}")) == 36
    del files["data_batch_1"]
    pack(whole, FOLDER, files, extra)
    with pytest.raises(ValueError, match="lacks data_batch_1"):
        open_field(f"cifar10:{whole}")
    assert sorted(p.name for p in tmp_path.rglob("*")) == [ARCHIVE.name, "data", "secret"]


def test_validation_pictures_are_the_same_in_every_run(unpacked):
    first, again = (open_field(f"cifar10:{unpacked}").splits for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_an_archive_of_other_compression_is_named(tmp_path, made):
    with tarfile.open(tmp_path / ARCHIVE.name, "w") as archive:
        entry = tarfile.TarInfo(f"{FOLDER}/test_batch")
        archive.addfile(entry, io.BytesIO())
    with pytest.raises(ValueError, match="cannot be read as cifar-10-python"):
        open_field(f"cifar10:{tmp_path}")
