"""The tab "Take away": its files and its lines are what the library gives."""

from __future__ import annotations

import io
import shlex
import sys
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from mamba_diffae import observe
from mamba_diffae.cli.commands import main
from tests.studio.browser.conftest import FIRST

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]
NEAR = {"rtol": 1e-4, "atol": 2e-3}  # of 255
NAMES = ("mean.png", "field.npz", "field.nc", "observations.npz", "observations.csv")


def files_of(page) -> dict[str, bytes]:
    """All files that the tab offers."""
    page.tab("Take away")
    page.button("mean.png").wait_for()
    return {name: page.download(page.button(name)) for name in NAMES}


def lines_of(page) -> list[str]:
    """Python and shell, as they are read."""
    return page.page.locator("pre").filter(visible=True).all_inner_texts()


def run_python(text: str) -> dict:
    names: dict = {}
    exec(compile(text, "lines", "exec"), names)
    return names


def test_files_and_lines_are_what_is_shown(visit, server, pictures, model, tmp_path, monkeypatch):
    page = visit(server)
    page.button("next ›").click()
    page.until(
        lambda: page.choice("Field").input_value().startswith(f"{FIRST + 1} "), "the next field"
    )
    page.choice("Pattern").select_option("clusters")
    page.slider("Share observed").press("ArrowRight")
    seen = observe(pictures.take([FIRST + 1]), 0.21, pattern="clusters")
    page.becomes(seen.coords.shape[1])
    files = files_of(page)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    told = model.predict(seen, 96, n_draws=8, seed=0)
    pixels = np.asarray(Image.open("mean.png"))
    np.testing.assert_allclose(pixels, np.clip(told.mean[0], 0, 255), atol=0.6)
    with np.load("field.npz") as arrays:
        np.testing.assert_allclose(arrays["mean"], told.mean, **NEAR)
        np.testing.assert_allclose(arrays["std"], told.std, **NEAR)
        np.testing.assert_allclose(arrays["draws"], told.draws, **NEAR)
    with np.load("observations.npz") as arrays:
        assert len(arrays["coords"]) == seen.coords.shape[1]
        np.testing.assert_allclose(arrays["values"].sum(), seen.values.numpy().sum(), rtol=1e-5)
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset("field.nc") as file:
        np.testing.assert_allclose(np.squeeze(file["green"]), told.mean[0, ..., 1], **NEAR)
    python, shell = lines_of(page)
    again = run_python(python)["told"]
    np.testing.assert_allclose(again.mean, told.mean, **NEAR)
    np.testing.assert_allclose(again.draws, told.draws, **NEAR)
    (tmp_path / "field.nc").unlink()
    with patch.object(sys, "argv", shlex.split(shell)), pytest.raises(SystemExit) as end:
        main()
    assert end.value.code in (0, None)
    with xarray.open_dataset("field.nc") as file:
        np.testing.assert_allclose(np.squeeze(file["red"]), told.mean[0, ..., 0], **NEAR)


def test_what_was_changed_by_hand_is_taken_along(visit, server, tmp_path, monkeypatch):
    page = visit(server)
    page.becomes(205)
    page.paint("Observations", [(8, 4), (8, 28)], (32, 32))
    page.until(lambda: page.observed()[0] < 205, "fewer cells")
    count = page.observed()[0]
    files = files_of(page)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "observations.npz").write_bytes(files["observations.npz"])
    with np.load("observations.npz") as arrays:
        assert len(arrays["coords"]) == count
    assert files["observations.csv"].decode().count("\n") == 1 + count
    python, _ = lines_of(page)
    assert "observations.npz" in python
    told = run_python(python)["told"]
    with np.load(io.BytesIO(files["field.npz"])) as arrays:
        np.testing.assert_allclose(told.mean, arrays["mean"], **NEAR)


def test_with_nothing_observed_no_tab_breaks(visit, server):
    page = visit(server)
    page.slider("Share observed").press("Home")
    page.becomes(10)
    page.slider("Brush, in cells").press("End")
    left = 10
    for row in (4, 12, 20, 28):
        page.paint("Observations", [(row, 1), (row, 30)], (32, 32), steps=24)
        page.until(lambda before=left: page.observed()[0] < before, "fewer cells")
        left = page.observed()[0]
    page.told("Nothing is observed")
    page.until(lambda: page.pixels("Mean").std() < 10, "an empty map of the mean")
    assert page.pixels("Truth").std() > 20
    page.tab("Take away")
    page.told("Nothing is observed")
    assert page.page.get_by_role("button", name="mean.png").count() == 0
    assert page.button("Copy (Python)").count() == page.button("Copy (Shell)").count() == 0
    page.tab("Where next")
    page.says("Nothing is observed")
    page.tab("Reconstruct")
    page.button("Undo all changes by hand").click()
    page.becomes(10)
    page.until(lambda: page.message() == "", "no message")
    page.until(lambda: page.note("Deviation") == "of 8 draws", "all draws")
