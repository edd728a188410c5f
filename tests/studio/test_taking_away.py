"""The lines of Python and of the shell make exactly what is shown."""

import io
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from mamba_diffae import FieldAutoencoder, open_field
from mamba_diffae.cli.commands import main
from mamba_diffae.studio import taking_away
from mamba_diffae.studio.latent_lines import Origin, way_lines
from mamba_diffae.studio.observing import Edits
from mamba_diffae.studio.opening import Library, opened_file, opened_upload
from mamba_diffae.studio.own_files import own_set
from mamba_diffae.studio.session import Session
from mamba_diffae.studio.taking_away import Recipe, files_of


def run_python(text: str) -> dict:
    names: dict = {}
    exec(compile(text, "lines", "exec"), names)
    return names


def run_shell(line: str) -> None:
    with patch.object(sys, "argv", shlex.split(line)), pytest.raises(SystemExit) as end:
        main()
    assert end.value.code in (0, None)


def changed(session) -> None:
    """Cells taken away, brought in and typed, errors, and a sensor."""
    session.show(3)
    session.observe(noise=0.05, fraction=0.1, pattern="track", seed=2)
    cells = session.observed.cells
    edits = Edits().remove(frozenset(cells[:9])).add(frozenset({1000, 1001}))
    session.edit(edits.type(500, (10.0, 200.0, 30.0)))
    session.edit(replace(session.edits, sensors=((0.31, 0.62),)))


def noisy(session) -> None:
    """Fields that state an error, read by cells and by a sensor, with further errors."""
    changed(session)
    data = session.data
    stated = replace(data, noise=np.full(data.values.shape, 4.0))
    session.open_source(replace(session.source, data=stated, packaged=None))
    session.edit(Edits(sensors=((0.31, 0.62),)))
    assert session.observations().noise.unique().numel() == 1


def uploaded(session) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (20, 16, 3), dtype=np.uint8)
    pixels = pixels.repeat(8, axis=0).repeat(8, axis=1)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    session.open_source(opened_upload(session.opened, "my picture.png", written.getvalue()))
    session.observe(fraction=0.3, pattern="clusters", seed=1)
    session.written = written.getvalue()


def one_array(session) -> None:
    """One field without an axis of snapshots, on other cells than the model's, with gaps."""
    values = np.random.default_rng(0).uniform(0, 255, (5, 8, 3)).repeat(8, 0).repeat(8, 1)
    values[10:14] = np.nan
    written = io.BytesIO()
    np.save(written, values)
    session.open_source(opened_upload(session.opened, "one.npy", written.getvalue()))
    session.observe(fraction=0.3, seed=1)
    session.written = written.getvalue()


def plain(session) -> None:
    session.show(7)
    session.observe(fraction=0.15, pattern="block", seed=4)


@pytest.mark.slow
@pytest.mark.parametrize("prepare", [plain, changed, noisy, uploaded, one_array])
def test_the_lines_make_what_is_shown(session, prepare, tmp_path, monkeypatch):
    prepare(session)
    monkeypatch.chdir(tmp_path)
    recipe = Recipe.of(session)
    question = recipe.question
    shown = question.mean()
    *_, drawn = question.drawn()
    for file in files_of(recipe):
        assert file.content is not None, file.why
        if not file.name.startswith(("field", "mean")):
            (tmp_path / file.name).write_bytes(file.content)
    if session.source.file is not None:
        (tmp_path / session.source.file).write_bytes(session.written)
        assert "benchmark" not in recipe.python()
    told = run_python(recipe.python())["told"]
    near = {"rtol": 1e-4, "atol": 2e-3}  # of 255
    np.testing.assert_allclose(told.mean, shown.mean, **near)
    np.testing.assert_allclose(told.draws, drawn.draws, **near)
    np.testing.assert_allclose(told.std, drawn.std, **near)
    run_shell(recipe.shell())
    found = arrays_of(tmp_path)
    np.testing.assert_allclose(found["mean"], shown.mean, **near)
    np.testing.assert_allclose(found["draws"], drawn.draws, **near)
    np.testing.assert_allclose(found["std"], drawn.std, **near)


def arrays_of(folder) -> dict:
    """What the shell wrote, as the arrays of a prediction."""
    if (folder / "field.npz").is_file():
        with np.load(folder / "field.npz") as file:
            return dict(file)
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(folder / "field.nc") as file:
        names = ("red", "green", "blue")

        def stacked(suffix: str) -> np.ndarray:
            return np.stack([file[f"{name}{suffix}"].to_numpy() for name in names], axis=-1)

        mean = stacked("").reshape(1, 32, 32, 3)
        return {
            "mean": mean,
            "std": stacked("_std").reshape(mean.shape),
            "draws": stacked("_draws").reshape(-1, *mean.shape),
        }


def test_the_files_hold_what_is_shown(session):
    recipe = Recipe.of(session)
    shown = recipe.question.mean()
    files = {file.name: file.content for file in files_of(recipe)}
    assert list(files) == [
        "mean.png",
        "field.npz",
        "field.nc",
        "observations.npz",
        "observations.csv",
    ]
    pixels = np.asarray(Image.open(io.BytesIO(files["mean.png"])))
    np.testing.assert_allclose(pixels, np.clip(shown.mean[0], 0, 255), atol=0.51)
    with np.load(io.BytesIO(files["field.npz"])) as arrays:
        np.testing.assert_allclose(arrays["mean"], shown.mean, atol=1e-3)
        assert len(arrays["draws"]) == 4
    assert files["observations.csv"].decode().count("\n") == 1 + 205


def test_a_folder_is_named_without_the_kind_that_it_is_said_to_be_of(tmp_path):
    (tmp_path / "c").mkdir()
    assert own_set(f"cifar10:{tmp_path}/c") == own_set(f"{tmp_path}/c") == ["c"]
    assert own_set("emoji") == own_set("weather:sectors") == own_set(None) == []


def test_it_is_said_where_the_lines_are_run(session):
    recipe = Recipe.of(session)
    assert recipe.python().startswith("import")
    assert recipe.where == "Run these lines in the folder that holds observations.csv."
    uploaded(session)
    recipe = replace(Recipe.of(session), model="mine")
    where = "Put mine and my picture.png into one folder, and run these lines there."
    assert recipe.where == where
    assert recipe.python().startswith(f"# {where}\n")
    session.edit(Edits(sensors=((0.31, 0.62),)))
    python = replace(Recipe.of(session), model="mine").python()
    assert python.startswith("# Put mine and observations.npz into one folder")


@pytest.mark.slow
def test_of_several_variables_the_one_that_is_shown_is_a_picture(tmp_path, monkeypatch):
    """And the answer keeps the date of the field, is scored at its cells, and is made again."""
    xarray = pytest.importorskip("xarray")
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).standard_normal((2, 40, 12, 16))
    named = {"sst": "K", "sea salt": "g kg-1"}
    dims = ("time", "lat", "lon")
    xarray.Dataset(
        {n: (dims, v, {"units": u}) for v, (n, u) in zip(values, named.items(), strict=True)},
        {
            "time": np.datetime64("2020-03-01", "ns") + np.arange(40) * np.timedelta64(1, "D"),
            "lat": ("lat", np.linspace(40, 50, 12), {"units": "degrees_north"}),
            "lon": ("lon", np.linspace(0, 15, 16), {"units": "degrees_east"}),
        },
    ).to_netcdf("sea.nc")
    few = {"steps": 2, "batch_size": 4, "show_progress": False}
    changes = {"model": {"d_model": 16}, "data": {"encodings": 1}, "autoencoder": few}
    model = FieldAutoencoder("tiny", changes=changes, device="cpu")
    model.fit(open_field("sea.nc", variable=list(named)), phases=["autoencoder"])
    model.save_pretrained("mine")
    library = Library(("mine",))
    source = opened_file(library.model("mine"), Path("sea.nc"))
    session = Session(library, "mine", source)
    session.draws = 2
    session.show(3)
    session.choose_variable(1)
    assert session.sizes[0] == 16
    session.resize(16)
    recipe = Recipe.of(session)
    mean = recipe.question.mean()
    kind, scores = next(recipe.question.rest(mean))
    assert kind == "scores"
    assert set(scores["rmse"]) == set(named)
    files = {file.name: file.content for file in files_of(recipe)}
    picture = np.asarray(Image.open(io.BytesIO(files["mean_sea_salt.png"])))
    assert picture.shape[:2] == (12, 16)
    bright = picture[..., :3].sum(axis=-1)[::-1]  # north is up
    assert np.corrcoef(bright.ravel(), mean.mean[0, ..., 1].ravel())[0, 1] > 0.9
    Path("field.nc").write_bytes(files["field.nc"])
    with xarray.open_dataset("field.nc") as written:
        assert written["sst"].dims[0] == "time"
        assert written["time"].values[0] == np.datetime64("2020-03-04")
    assert "benchmark" not in recipe.python()
    told = run_python(recipe.python())["told"]
    np.testing.assert_allclose(told.mean, mean.mean, atol=1e-4)
    origin = Origin(session.opened, "mine", source)
    lines = way_lines(origin, 0, 3, 2, 0.5).python
    assert "benchmark" not in lines
    assert run_python(lines)["field"].shape == (12, 16, 2)


@pytest.mark.slow
def test_the_lines_of_a_run_are_run_in_its_folder(tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).standard_normal((40, 12, 16, 1)).astype(np.float32)
    np.savez("runs/waves.npz", values)
    run_shell(
        "mamba-diffae fit runs/waves.npz --run runs/mine --preset tiny --phase autoencoder "
        "--set model.d_model=16 --set data.encodings=1 --set autoencoder.steps=2 "
        "--set autoencoder.batch_size=4"
    )
    session = Session(Library(("runs/mine",)), "runs/mine")
    session.draws = 2
    session.open_source(opened_file(session.opened, tmp_path / "runs" / "waves.npz"))
    recipe = Recipe.of(session)
    shown = recipe.question.mean().mean
    table = {file.name: file.content for file in files_of(recipe)}["observations.csv"]
    assert recipe.where.startswith("Put mine, waves.npz and observations.csv into one folder")
    monkeypatch.chdir(tmp_path / "runs")
    Path("observations.csv").write_bytes(table)
    told = run_python(recipe.python())["told"]
    np.testing.assert_allclose(told.mean, shown, atol=1e-4)
    run_shell(recipe.shell())
    assert Path("field.nc").is_file()


def test_names_stay_inert_in_the_lines(session):
    uploaded(session)
    session.source = type(session.source)("x", session.data, file="a'; rm -rf ~ #\".png")
    recipe = Recipe.of(session)
    assert shlex.split(recipe.shell())[2] == "a'; rm -rf ~ #\".png"
    compile(recipe.python(), "lines", "exec")


def test_a_file_that_cannot_be_made_takes_no_other_along(session, monkeypatch):
    def fails(dataset, path):
        raise RuntimeError("NetCDF: Name contains illegal characters")

    monkeypatch.setattr(taking_away, "write_dataset", fails)
    files = {file.name: file for file in files_of(Recipe.of(session))}
    assert files["field.nc"].content is None
    assert "RuntimeError" in files["field.nc"].why
    assert all(file.content for name, file in files.items() if name != "field.nc")
