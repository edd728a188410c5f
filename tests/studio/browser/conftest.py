"""A studio in a process of its own, and pages of it in Chromium; skipped where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
import pytest

from mamba_diffae import FieldAutoencoder, FieldData, open_field
from tests.studio.browser.driver import Driver
from tools.browser import chromium, launch
from tools.studio_page import Server

Visit = Callable[..., Driver]
FIRST = 34
"""Number of the field that the page begins with."""


@final
@dataclass(frozen=True)
class Small:
    """A model that is trained in seconds, of temperatures in Kelvin, with a flow of latents.

    Attributes:
        model: Its folder.
        file: Its fields, a NetCDF file of twelve.
    """

    model: Path
    file: Path


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    xarray = pytest.importorskip("xarray")
    folder = tmp_path_factory.mktemp("small")
    latitude, longitude = np.linspace(40, 50, 16), np.linspace(0, 15, 24)
    y, x = np.meshgrid(latitude / 10, longitude / 10, indexing="ij")
    turns = np.random.default_rng(0).uniform(0, 2, (3, 12, 1, 1))
    values = 280 + 5 * np.sin(2 * np.pi * (turns[0] * y + turns[1] * x + turns[2]))
    axes = {
        "latitude": ("latitude", latitude, {"units": "degrees_north"}),
        "longitude": ("longitude", longitude, {"units": "degrees_east"}),
    }
    named = {"t2m": (("time", "latitude", "longitude"), values, {"units": "K"})}
    xarray.Dataset(named, coords=axes).to_netcdf(folder / "air.nc")
    few = {"steps": 2, "batch_size": 2, "show_progress": False}
    changes: dict[str, Any] = dict.fromkeys(("autoencoder", "ensemble", "latent"), few)
    changes |= {"model": {"d_model": 16, "prior": "analogue"}, "data": {"encodings": 1}}
    model = FieldAutoencoder("tiny", changes=changes, device="cpu")
    model.fit(open_field(folder / "air.nc"), phases=["autoencoder", "ensemble", "latent"])
    model.save_pretrained(folder / "model")
    return Small(folder / "model", folder / "air.nc")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The studio as it is without options."""
    _require_chromium()
    made = Server(tmp_path_factory.mktemp("studio"))
    yield made
    made.end()


@pytest.fixture(scope="session")
def small_server(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The studio with a model and a file of one's own."""
    _require_chromium()
    options = ("--model", str(small.model), "--data", str(small.file))
    made = Server(tmp_path_factory.mktemp("small-studio"), *options)
    yield made
    made.end()


@pytest.fixture(scope="session")
def pictures() -> FieldData:
    """The fields that the page shows without options."""
    return open_field("emoji").split("test")


@pytest.fixture(scope="session")
def model() -> FieldAutoencoder:
    """The model of the page without options."""
    return FieldAutoencoder.from_pretrained("emoji-96")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Of a module, not of the session: other tests run loops of their own in this thread."""
    _require_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = launch(playwright)
        yield made
        made.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    """Opens a page of a server; in the end nobody may have complained, here or there."""
    visits: list[tuple[Any, Driver, Server]] = []

    def go(server: Server, **options: Any) -> Driver:
        options = {"viewport": {"width": 1400, "height": 1000}, **options}
        context = browser.new_context(**options)
        visits.append((context, Driver(context, server), server))
        return visits[-1][1]

    yield go
    for context, _, _ in visits:
        context.close()
    for _, driver, server in visits:
        assert driver.watch.elsewhere == []
        assert driver.watch.complaints == []
        assert server.complaints() == []


def _require_chromium() -> None:
    pytest.importorskip("panel")
    pytest.importorskip("playwright", reason="playwright is not installed")
    if chromium() is None:
        pytest.skip("there is no Chromium")
