"""Uploads that cannot be shown: each is told of in words, and the page goes on."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]


def test_what_cannot_be_shown_is_told_and_the_page_goes_on(visit, server, tmp_path):
    page = visit(server)
    page.becomes(205)
    files = {
        "notes.exe": (b"hello", "is no kind of file that the studio reads"),
        "broken.png": (b"<script>alert(1)</script>", "cannot be decoded as a PNG"),
        "broken.nc": (b"no data set", "is no NetCDF file"),
    }
    for name, (content, told) in files.items():
        (tmp_path / name).write_bytes(content)
        page.upload(tmp_path / name)
        assert page.told(told).startswith(name)
    Image.fromarray(np.zeros((1, 1, 3), np.uint8)).save(tmp_path / "one.png")
    page.upload(tmp_path / "one.png")
    page.told("is 1 × 1 pixels")
    np.save(tmp_path / "pickled.npy", np.array([{}], dtype=object))
    page.upload(tmp_path / "pickled.npy")
    page.told("pickled Python objects")
    assert page.choice("Fields").input_value() == "emoji"
    page.slider("Share observed").press("ArrowRight")
    page.becomes(215)
    page.until(lambda: page.message() == "", "no message")


def test_fifty_megabytes_are_refused(visit, server, tmp_path):
    page = visit(server)
    page.becomes(205)
    with (tmp_path / "large.npy").open("wb") as file:
        file.truncate(50 * 2**20)
    page.upload(tmp_path / "large.npy")
    place = page.page.locator(".filepond--root")
    page.until(lambda: "32" in page.message() + place.inner_text(), "a refusal")
    assert page.choice("Fields").input_value() == "emoji"
    page.slider("Share observed").press("ArrowRight")
    page.becomes(215)


def test_a_data_set_without_the_variables_lists_those_it_has(visit, small_server, tmp_path):
    xarray = pytest.importorskip("xarray")
    page = visit(small_server)
    page.until(lambda: page.observed()[0], "the observations")
    data = xarray.Dataset({"salinity": (("time", "lat", "lon"), np.ones((2, 4, 5)))})
    data.to_netcdf(tmp_path / "salt.nc")
    page.upload(tmp_path / "salt.nc")
    assert "t2m" in page.told("salinity")
    xarray.Dataset({"names": ("n", np.array(["a", "b"]))}).to_netcdf(tmp_path / "words.nc")
    page.upload(tmp_path / "words.nc")
    refused = lambda: "words.nc" in (m := page.message()) and "is being read" not in m  # noqa: E731
    page.until(refused, "a refusal of words.nc")
    assert page.choice("Fields").input_value() == "air.nc"


def test_markup_in_names_stays_inert(visit, server, tmp_path):
    page = visit(server)
    page.becomes(205)
    Image.fromarray(np.full((96, 96, 3), 99, np.uint8)).save(tmp_path / "plain.png")
    place = page.page.locator("input[type=file]")
    image = "<img src=x onerror='window.bad=1'>"

    def given(name: str, content: bytes) -> None:
        place.set_input_files({"name": name, "mimeType": "image/png", "buffer": content})

    given(f"{image}<b>bold.png", (tmp_path / "plain.png").read_bytes())
    page.until(lambda: page.choice("Fields").input_value() == f"{image}<b>bold.png", "the name")
    given(f"{image}<i>bad.png", b"no picture")
    page.told("bad.png cannot be decoded")
    page.tab("Take away")
    page.says("window.bad")
    page.tab("Latent")
    page.until(page.said, "the latent tab")
    assert page.page.evaluate("window.bad") is None
    assert page.page.locator("img[src=x]").count() == 0
    assert page.page.locator("b", has_text="bold").count() == 0
