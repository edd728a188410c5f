"""Whom the page asks, what it tells, who sees whose data, and how the server ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mamba_diffae
from tests.studio.browser.driver import Driver, apart
from tools.studio_page import COMMAND, PATIENCE, Server, free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1800)]


def test_nothing_names_a_path_of_the_machine(visit, small_server, small, tmp_path):
    page = visit(small_server)
    page.until(lambda: page.note("Deviation") == "of 8 draws", "all draws")
    Image.fromarray(np.zeros((1, 1, 3), np.uint8)).save(tmp_path / "one.png")
    page.upload(tmp_path / "one.png")
    page.until(lambda: page.message() and "is being read" not in page.message(), "a refusal")
    for tab in ("Where next", "Latent", "Take away"):
        page.tab(tab)
    page.button("mean.png").wait_for()
    package = Path(mamba_diffae.__file__).resolve()
    folders = {*package.parents[:-2], Path.home(), Path(sys.prefix), small.file.parent, tmp_path}
    texts = [page.page.content().encode(), *page.watch.received]
    assert sum(map(len, texts)) > 10_000
    for part in (*(f"{folder}/" for folder in folders), "/mamba-diffae-"):
        assert not [text for text in texts if part.encode() in text], part


def test_two_browsers_do_not_see_each_others_data(visit, server, tmp_path):
    mine, yours = visit(server), visit(server)
    for page in (mine, yours):
        page.until(lambda page=page: page.note("Deviation") == "of 8 draws", "all draws")
    before = yours.pixels("Truth")
    Image.fromarray(np.full((96, 96, 3), (200, 30, 30), np.uint8)).save(tmp_path / "secret.png")
    mine.upload(tmp_path / "secret.png")
    mine.until(lambda: mine.choice("Fields").input_value() == "secret.png", "the upload")
    mine.slider("Share observed").press("ArrowRight")
    mine.becomes(215)
    yours.slider("Share observed").press("ArrowLeft")
    yours.becomes(195)
    assert mine.observed()[0] == 215
    assert apart(yours.pixels("Truth"), before) < 1
    for page in (mine, yours):
        page.until(lambda page=page: page.note("Deviation") == "of 8 draws", "all draws")
    later = visit(server)
    later.becomes(205)
    for page in (yours, later):
        texts = [page.page.content().encode(), *page.watch.received]
        assert not [text for text in texts if b"secret" in text]


def test_a_page_left_open_over_a_restart_says_so(browser, small, tmp_path):
    options = ("--model", str(small.model), "--data", str(small.file))
    servers = [Server(tmp_path, *options)]
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    try:
        page = Driver(context, servers[0])
        gone = page.page.get_by_text("no longer answers this page")
        page.until(lambda: page.observed()[0], "the observations")
        assert gone.is_hidden()
        page.slider("Share observed").press("End")  # so that it is at work
        assert servers[0].end(signal.SIGTERM) == 143
        assert "Traceback" not in servers[0].told()
        assert "Stopped" in servers[0].told()
        gone.wait_for()
        servers.append(Server(tmp_path, *options, port=servers[0].port))
        assert gone.is_visible()
        page.page.get_by_role("button", name="Reload").click()
        page.until(lambda: gone.is_hidden() and page.map("Mean").count(), "the page anew")
        page.until(lambda: page.observed()[0], "the observations")
        page.slider("Share observed").press("Home")
        page.becomes(4)
        page.page.close()
        assert servers[1].complaints() == []
        assert servers[1].end(signal.SIGINT) == 130
        assert "Traceback" not in servers[1].told()
    finally:
        context.close()
        for server in servers:
            server.end(signal.SIGKILL)


@pytest.mark.parametrize("given", ["an empty folder", "a port in use", "no file"])
def test_what_the_command_cannot_serve_is_told_without_a_trace(given, tmp_path, server):
    (tmp_path / "empty").mkdir()
    options, told = {
        "an empty folder": (["--model", str(tmp_path / "empty")], "empty"),
        "a port in use": (["--port", str(server.port)], f"Port {server.port} is in use"),
        "no file": (["--data", str(tmp_path / "none.nc")], "none.nc"),
    }[given]
    if "--port" not in options:
        options += ["--port", str(free_port())]
    ended = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ended.returncode not in (0, None)
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    if given == "a port in use":
        port = int(ended.stderr.split("--port ")[1].split(".")[0])
        assert port > server.port
        with socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
