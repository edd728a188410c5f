"""The lines of Python and of the shell make what the tab "Latent" shows: they are run."""

from __future__ import annotations

import html
import io
import re
import shlex
import sys
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.cli.commands import main
from mamba_diffae.studio.latent_tab import LatentTab
from mamba_diffae.studio.opening import Library
from mamba_diffae.studio.session import Session

FIT = (
    "mamba-diffae fit waves.npz --run mine --preset tiny --phase autoencoder,ensemble,latent "
    "--set model.d_model=16 --set data.encodings=1"
) + "".join(
    f" --set {phase}.steps=2 --set {phase}.batch_size=4"
    for phase in ("autoencoder", "ensemble", "latent")
)


def type_in(line: str) -> None:
    """Run a command in this process."""
    out, code = io.StringIO(), None
    with redirect_stdout(out), redirect_stderr(out), patch.object(sys, "argv", shlex.split(line)):
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert not code, out.getvalue()


def lines_of(part) -> tuple[str, str]:
    """Its lines of Python and of the shell."""
    python, *shell = re.findall(r"<pre>(.*?)</pre>", part.lines.object, re.S)
    return html.unescape(python), html.unescape(shell[0]) if shell else ""


def run_python(part) -> dict:
    names: dict = {}
    exec(lines_of(part)[0], names)
    return names


def holds(sheet: np.ndarray, picture: np.ndarray) -> bool:
    """Whether a picture stands somewhere on a sheet, both (h, w, 3), to a step of rounding."""
    h, w = picture.shape[:2]
    sheet, picture = sheet.astype(np.int16), picture.astype(np.int16)
    middle = picture[h // 2]
    strips = np.lib.stride_tricks.sliding_window_view(sheet[h // 2 :], w, axis=1)
    near = (np.abs(strips[..., ::8] - middle.T[:, ::8]) <= 1).all(axis=(2, 3))
    places = [(y, x) for y, x in np.argwhere(near) if y + h <= len(sheet)]
    return any(np.abs(sheet[y : y + h, x : x + w] - picture).max() <= 1 for y, x in places)


def drawn(image: np.ndarray) -> np.ndarray:
    """Packed pixels as (h, w, 3)."""
    return image.view(np.uint8).reshape(*image.shape, 4)[..., :3]


@pytest.fixture
def tab(session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return LatentTab(session)


def opened(session, tab, name):
    tab.chosen.value = name
    session.open_tab(2)
    assert session.worker.wait(300)


@pytest.mark.slow
def test_the_lines_of_a_way(session, tab):
    session.show(10)
    tab.way.second.value = 200
    opened(session, tab, "Between two fields")
    tab.way.along.value = 16
    found = run_python(tab.way)
    np.testing.assert_allclose(found["field"], tab.way._way.values[16], atol=1e-2)
    type_in(lines_of(tab.way)[1])
    with Image.open("path.png") as sheet:
        pixels = np.asarray(sheet)
    assert all(holds(pixels, drawn(image)) for image in tab.way.strip.images)


@pytest.mark.slow
@pytest.mark.parametrize("keeps", [True, False])
def test_the_lines_of_an_edit(session, tab, keeps):
    session.show(40)
    tab.edits.keeps.value, tab.edits.amount.value = keeps, -1.25
    opened(session, tab, "Attributes")
    found = run_python(tab.edits)
    np.testing.assert_allclose(found["field"], tab.edits._edits[4], atol=1e-2)
    type_in(lines_of(tab.edits)[1])
    with Image.open("edit.png") as sheet:
        pixels = np.asarray(sheet)
    assert all(holds(pixels, drawn(image)) for image in tab.edits.strip.images)


@pytest.mark.slow
def test_the_lines_of_a_map(session, tab, monkeypatch):
    monkeypatch.setattr("mamba_diffae.studio.latent_map.MOST", 12)
    opened(session, tab, "Map")
    tab.library.chosen.value = 3
    assert session.worker.wait(250)
    found = run_python(tab.library)
    kept = tab.library._map
    np.testing.assert_allclose(found["latents"], kept.latents, atol=1e-3)
    tab.library.layout.value = "principal components"
    assert session.worker.wait(250)
    found = run_python(tab.library)
    np.testing.assert_allclose(np.abs(found["places"]), np.abs(tab.library.plane.places), atol=0.05)


@pytest.mark.slow
def test_fields_from_nothing_of_a_model_of_ones_own(tmp_path, monkeypatch):
    """And what else is asked of a model that is no model of the package."""
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path / "runs")
    x = np.arange(16) / 16 + np.random.default_rng(0).uniform(0, 6, (40, 1, 1))
    np.savez("waves.npz", np.sin(3 * x + np.zeros((40, 12, 1)))[..., None].astype(np.float32))
    type_in(FIT)
    monkeypatch.chdir(tmp_path)
    session = Session(Library(("runs/mine",)), "runs/mine")
    tab = LatentTab(session)
    opened(session, tab, "From nothing")
    part = tab.samples
    assert "8 fields of seed 0" in part.said.object
    first = part.grid.images
    part.another.clicks += 1
    assert session.worker.wait(250)
    assert "8 fields of seed 1" in part.said.object
    where = "Run these lines in the folder that holds mine."
    assert where in part.lines.object.split("<h4>")[0]
    assert lines_of(part)[0].startswith(f"# {where}")
    monkeypatch.chdir(tmp_path / "runs")
    made = run_python(part)["fields"]
    assert (np.abs(part.grid.images[0] - first[0]) > 1e-3).any()
    np.testing.assert_allclose(part.grid.images, made[..., 0], atol=1e-4)
    type_in(lines_of(part)[1])
    with np.load("fields.npz") as arrays:
        np.testing.assert_allclose(arrays["values"], made, atol=1e-4)
    opened(session, tab, "Attributes")
    assert "not learned yet" in tab.edits.said.object
    tab.edits.learn.clicks += 1
    assert session.worker.wait(250)
    assert "0 attributes" in tab.edits.said.object
    monkeypatch.chdir(tmp_path)
    opened(session, tab, "Between two fields")
    assert "Put mine and waves.npz into one folder" in tab.way.lines.object
    monkeypatch.chdir(tmp_path / "runs")
    assert run_python(tab.way)["field"].shape == (12, 16, 1)
    type_in(lines_of(tab.way)[1])
    assert str(tmp_path) not in "".join(p.lines.object + p.said.object for p in tab.parts)
    session.worker.stop()
