"""What `fit` learns from: the embedded pictures, arrays, folders, and those that are broken."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.mark.parametrize("name", ["grey.npy", "three.npz"])
def test_arrays_are_fitted(shell, few, tmp_path, name):
    rng = np.random.default_rng(0)
    if name == "grey.npy":
        np.save(tmp_path / name, rng.random((6, 16, 16), np.float32))
    else:
        np.savez(tmp_path / name, values=rng.random((6, 16, 16, 3), np.float32))
    variables = "value:" if name == "grey.npy" else "value_0, value_1, value_2:"
    outcome = shell(f"fit {tmp_path / name} --run {tmp_path}/run {few} --phase autoencoder")
    assert outcome.code == 0, outcome.err
    assert f"6 snapshots of 16 × 16 cells (y, x) of {variables}" in outcome.err


def test_the_embedded_pictures_are_fitted(shell, few, tmp_path):
    line = f"fit emoji --native-size 16 --run {tmp_path}/run --phase autoencoder {few}"
    outcome = shell(line)
    assert outcome.code == 0, outcome.err
    assert "3119 snapshots of 16 × 16 cells (y, x) of red, green, blue:" in outcome.err
    assert "2520 train, 289 val, 310 test" in outcome.err
    assert "mirrored along the last axis count as well" in outcome.err


def test_pictures_are_averaged_to_a_native_size(shell, few, pictures, tmp_path):
    line = f"fit {pictures} --native-size 12 --run {tmp_path}/run --phase autoencoder {few}"
    assert "11 × 12" in shell(line).err
    assert json.loads((tmp_path / "run/run.json").read_text())["native_shape"] == [11, 12]


def broken(folder: Path) -> None:
    Image.new("RGB", (40, 40)).save(folder / "whole.png")
    (folder / "cut.png").write_bytes((folder / "whole.png").read_bytes()[:60])


def bomb(folder: Path) -> None:
    Image.new("1", (9000, 9000)).save(folder / "bomb.png")


def pickled(folder: Path) -> None:
    np.save(folder / "objects.npy", np.array([{}], object))


@pytest.mark.parametrize(
    ("fill", "source", "named"),
    [
        (lambda folder: None, "", "holds no pictures"),
        (broken, "", "cut.png cannot be decoded"),
        (bomb, "", "limit of 64 megapixels"),
        (lambda folder: None, "emojy", "is unknown"),
        (pickled, "objects.npy", "never loaded"),
    ],
)
def test_a_bad_source_is_named(shell, few, tmp_path, fill, source, named):
    (tmp_path / "source").mkdir()
    fill(tmp_path / "source")
    outcome = shell(f"fit {tmp_path}/source/{source} --run {tmp_path}/run {few}")
    assert outcome.code == 2
    assert named in outcome.err
    assert not (tmp_path / "run").exists()


def test_the_nearest_source_is_named(shell, few, tmp_path):
    assert "Did you mean 'emoji'?" in shell(f"fit emojy --run {tmp_path}/run {few}").err


def test_broken_pictures_are_skipped_on_request_and_counted(shell, few, pictures, tmp_path):
    folder = Path(shutil.copytree(pictures, tmp_path / "pictures"))
    (folder / "cut.png").write_bytes((folder / "00.png").read_bytes()[:60])
    outcome = shell(f"fit {folder} --run {tmp_path}/run {few} --phase autoencoder --skip-broken")
    assert outcome.code == 0, outcome.err
    assert "Note: 1 of 13 pictures" in outcome.err
    assert "cut.png" in outcome.err
    # What was trained on them is scored on them.
    outcome = shell(f"evaluate --model {tmp_path}/run --scales 8")
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("cifar10:{0}", "holds neither cifar-10-python.tar.gz nor its unpacked folder"),
        ("stl10:{0}", "holds neither stl10_binary.tar.gz nor its unpacked folder"),
        ("cifar10:", "'cifar10:' names nothing"),
        ("hf:", "'hf:' names nothing"),
        ("cifar10", "Did you mean 'cifar10:DIR'?"),
    ],
)
def test_an_archive_that_is_not_there_is_named(shell, few, tmp_path, source, named):
    outcome = shell(f"fit {source.format(tmp_path)} --run {tmp_path}/run {few}")
    assert outcome.code == 2
    assert named in outcome.err
    assert not (tmp_path / "run").exists()


def test_what_was_converted_is_told(shell, few, pictures, tmp_path):
    folder = Path(shutil.copytree(pictures, tmp_path / "pictures"))
    Image.fromarray(np.full((50, 60), 99, np.uint8)).save(folder / "grey.png")
    outcome = shell(f"fit {folder} --run {tmp_path}/run {few} --phase autoencoder")
    assert outcome.code == 0, outcome.err
    assert "have 2 different sizes, 36 × 40 to 50 × 60" in outcome.err
    assert "Note: 1 of 13 pictures" in outcome.err
    assert "are grey" in outcome.err


def test_every_form_of_source_is_told(shell):
    told = shell("fit --help").out
    assert all(form in told for form in ("'emoji'", "cifar10:DIR", "stl10:DIR", "hf:NAME", ".npz"))
