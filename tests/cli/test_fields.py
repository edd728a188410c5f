"""Fields that are no pictures, from the shell: a rectangle of one variable with land, profiles."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.benchmark import load_page
from mamba_diffae.sources import open_field


def waves(shape: tuple[int, ...], count: int = 14) -> np.ndarray:
    """Smooth fields, shape (count, *shape), float32."""
    rng = np.random.default_rng(0)
    places = np.stack(np.meshgrid(*(np.arange(n) / max(shape) for n in shape), indexing="ij"), -1)
    slopes, phase = rng.uniform(-2, 2, (count, len(shape))), rng.uniform(0, 1, (count,))
    turns = np.einsum("...d,sd->s...", places, slopes)
    return np.sin(2 * np.pi * (turns + phase.reshape(-1, *[1] * len(shape)))).astype(np.float32)


def save_rectangle(folder: Path) -> Path:
    """A bare array of one variable, land where it is never known."""
    values = waves((9, 18))
    values[:, 2:4, 3:7] = np.nan
    np.save(folder / "rectangle.npy", values)
    return folder / "rectangle.npy"


def save_profiles(folder: Path) -> Path:
    """Temperatures over depths that are not equally spaced."""
    np.savez(
        folder / "profiles.npz",
        values=10 + 5 * waves((24,)),
        axis_names=["depth"],
        depth=np.cumsum(np.linspace(1, 9, 24)),
        variables=["temperature"],
        units=["degC", "m"],
    )
    return folder / "profiles.npz"


@pytest.fixture(scope="module", params=[save_rectangle, save_profiles])
def trained(request, tmp_path_factory, shell, few) -> tuple[Path, Path, str]:
    """Source, run, and what `fit` said."""
    folder = tmp_path_factory.mktemp("fields")
    source = request.param(folder)
    outcome = shell(f"fit {source} --run {folder}/run {few} --set latent.steps=4")
    assert outcome.code == 0, outcome.err
    return source, folder / "run", outcome.err


def is_rectangle(source: Path) -> bool:
    return source.suffix == ".npy"


def test_what_was_read_and_inferred_is_told(trained):
    source, _, said = trained
    told = (
        ["14 snapshots of 9 × 18 cells (y, x) of value", "Observed: cells of a lattice of 9 × 18"]
        if is_rectangle(source)
        else ["14 snapshots of 24 cells (depth) of temperature in degC", "lattice of 24"]
    )
    told += ["Prior: ", "mirrored along the last axis are not used", "evaluate --model"]
    assert all(sentence in said for sentence in told)


def test_it_is_scored_and_reported(shell, trained, tmp_path):
    source, run, _ = trained
    scales = (9, 18, 24) if is_rectangle(source) else (12, 24, 30)
    outcome = shell(
        f"evaluate --model {run} --scales {','.join(map(str, scales))} --overwrite "
        f"--json {tmp_path}/scores.json"
    )
    assert outcome.code == 0, outcome.err
    scores = json.loads((tmp_path / "scores.json").read_text())["scores"]
    assert {score["scale"] for score in scores} == set(scales[:2])
    assert all(np.isfinite(score["rmse"][0]) for score in scores)
    page = load_page(run)
    assert "Root mean square error of" in page.tables[0].title
    assert "there is no truth" in " ".join(page.findings)
    outcome = shell(f"report --model {run} --out {tmp_path}/page.html")
    assert outcome.code == 0, outcome.err
    written = (tmp_path / "page.html").read_text()
    named = ("9 × 18", "12 × 24") if is_rectangle(source) else ("24 cells", "30 cells", "degC")
    assert all(name in written for name in named)


def test_it_is_predicted_as_numbers_and_as_a_picture(shell, trained, tmp_path):
    source, run, _ = trained
    line = f"predict --model {run} --input {source} --fraction 0.5 --steps 2"
    outcome = shell(f"{line} --out {tmp_path}/all.npz --draws 2")
    assert outcome.code == 0, outcome.err
    assert "of 14 fields" in outcome.out
    data = open_field(source)
    with np.load(tmp_path / "all.npz", allow_pickle=False) as arrays:
        assert arrays["mean"].shape == data.values.shape
        assert arrays["draws"].shape == (2, *data.values.shape)
        assert arrays["axis_names"].tolist() == list(data.grid.names)
        for axis in data.grid.axes:
            np.testing.assert_allclose(arrays[axis.name], axis.centres)
        assert arrays["variables"].tolist() == [data.variables[0].name]
        known = data.valid_mask()
        assert np.isfinite(arrays["mean"][known]).all()
        assert np.isnan(arrays["mean"][~known]).all()
    outcome = shell(f"{line} --out {tmp_path}/one.png --realization 1")
    assert outcome.code == 0, outcome.err
    with Image.open(tmp_path / "one.png") as image:
        assert min(image.size) > 30


def test_sizes_other_than_the_native_one(shell, trained, tmp_path):
    source, run, _ = trained
    for size in (6, 36):
        outcome = shell(
            f"predict --model {run} --input {source} --size {size} --out {tmp_path}/{size}.npz"
        )
        assert outcome.code == 0, outcome.err
        shape = (size // 2, size) if is_rectangle(source) else (size,)
        with np.load(tmp_path / f"{size}.npz") as arrays:
            assert arrays["mean"].shape == (14, *shape, 1)


def test_it_is_sampled_and_interpolated(shell, trained, tmp_path):
    source, run, _ = trained
    outcome = shell(f"sample --model {run} --n 3 --steps 2 --out {tmp_path}/sheet.png")
    assert outcome.code == 0, outcome.err
    assert f"3 fields of {'9 × 18' if is_rectangle(source) else '24'}" in outcome.out
    with np.load(tmp_path / "sheet.npz") as arrays:
        assert arrays["values"].shape == (3, *open_field(source).values.shape[1:])
    for field in ("0", str(source)):
        outcome = shell(
            f"interpolate 0 {field} --model {run} --frames 2 --steps 1 --overwrite "
            f"--out {tmp_path}/path.png"
        )
        assert outcome.code == 0, outcome.err
    with Image.open(tmp_path / "path.webp") as moving:
        assert moving.height > 100


def test_arrays_of_another_kind_are_refused(shell, trained, tmp_path, picture):
    source, run, _ = trained
    np.save(tmp_path / "volume.npy", waves((6, 6, 7)))
    line = f"predict --model {run} --out {tmp_path}/out.png --input"
    outcome = shell(f"{line} {tmp_path}/volume.npy")
    assert outcome.code == 2
    assert "has the shape (14, 6, 6, 7), but" in outcome.err
    assert ") of S fields, or (" in outcome.err
    outcome = shell(f"{line} {picture}")
    assert outcome.code == 2
    assert "not on colour pictures" in outcome.err
    outcome = shell(f"predict --model {run} --input {source} --out {tmp_path}/out.txt")
    assert outcome.code == 2
    assert "ends in .png for a picture, or in .npz" in outcome.err
