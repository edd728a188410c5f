"""Where the studio listens, whom it answers, and how it ends."""

import http.client
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import mamba_diffae
from mamba_diffae.cli.studio import studio
from mamba_diffae.fields import MissingExtraError
from mamba_diffae.studio.errors import PortError
from mamba_diffae.studio.server import Place, _warm
from mamba_diffae.studio.session import Session

COMMAND = [sys.executable, "-c", "from mamba_diffae.cli import main; main()", "studio"]
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec_WebSocket_Protocol": "bokeh, token",
}


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return tried.getsockname()[1]


def test_by_default_only_this_machine_reaches_it():
    place = Place()
    assert place.is_local
    assert place.who() == "Only this machine can reach it."
    assert place.allowed() == ["127.0.0.1:5006", "localhost:5006"]
    assert place.url == "http://127.0.0.1:5006/"


def test_a_first_answer_that_fails_is_told_in_the_log(caplog):
    def fail() -> None:
        raise RuntimeError("no memory")

    assert list(_warm(cast(Session, SimpleNamespace(question=fail)))) == []
    assert "The first answer could not be made ahead." in caplog.text
    assert "no memory" in caplog.text


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.7", "::"])
def test_told_otherwise_it_says_who_can_reach_it(address):
    place = Place(8000, address, ("maps.example",))
    assert not place.is_local
    assert "Whoever can reach port 8000" in place.who()
    assert "without a password" in place.who()
    assert "maps.example:8000" in place.allowed()
    assert not any("*" in origin for origin in place.allowed())


def test_another_name_may_have_a_port_of_its_own(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "Machine")
    origins = Place(8000, "0.0.0.0", ("Maps.example", "localhost:9000", "[::1]:80")).allowed()
    assert {"maps.example:8000", "localhost:9000", "[::1]:80", "machine:8000"} <= {*origins}


@pytest.mark.parametrize("origin", ["", "*", "*.example", "http://maps.example", "a b", "a:b"])
def test_what_is_no_name_of_a_machine_is_no_origin(origin):
    with pytest.raises(PortError, match="expected a name with or without a port"):
        Place(free_port(), origins=(origin,)).check()


@pytest.mark.parametrize("address", ["", "nonsense.invalid", "x..y", "a" * 300])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(PortError, match="give an address of its own"):
        Place(free_port(), address).check()


def test_a_port_in_use_names_the_next_free_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortError, match=rf"Port {port} is in use: .* --port (\d+)") as caught:
            Place(port).check()
    found = re.search(r"--port (\d+)", str(caught.value))
    assert found is not None
    assert int(found[1]) > port


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(PortError, match="give an address of its own"):
        Place(8000, "192.0.2.7").check()


@pytest.mark.parametrize("package", ["panel", "bokeh"])
def test_without_the_extra_the_command_says_how_to_install_it(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mamba-diffae\[studio\]'"):
        studio()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[subprocess.Popen, int]]:
    """A studio in a process of its own; its port."""
    port = free_port()
    process = start(port)
    yield process, port
    process.kill()
    process.wait()


def start(port: int, *options: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [*COMMAND, "--port", str(port), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Started in the background, tests would hand down that Ctrl-C is to be ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "Opening the studio with emoji-96 …\n"
    for line in process.stdout:
        if "Ctrl-C" in line:
            return process
    raise AssertionError("The studio ended before it was ready.")


def get(port: int, path: str, address: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, port, timeout=120)
    connection.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, text


@pytest.mark.slow
def test_the_page_names_no_path_and_loads_from_nowhere_else(served):
    status, text = get(served[1], "/")
    assert status == 200
    assert "mamba-diffae studio" in text
    package = Path(mamba_diffae.__file__).resolve()
    for folder in (*package.parents[:-2], Path.home(), Path(sys.prefix)):
        assert f"{folder}/" not in text
    loaded = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert loaded
    assert not [place for place in loaded if "//" in place]
    assert "Content-Security-Policy" in text


@pytest.mark.slow
def test_only_its_own_pages_may_talk_to_it(served):
    status, _ = get(served[1], "/ws", Origin="http://elsewhere.example", **UPGRADE)
    assert status == 403


@pytest.mark.slow
@pytest.mark.parametrize("named", ["?bokeh-session-id=mine", "?theme=dark&bokeh-token=mine"])
def test_an_address_that_names_a_session_leads_to_the_plain_one(served, named):
    status, text = get(served[1], f"/{named}")
    assert (status, text) == (302, "")
    assert get(served[1], "/", Bokeh_Session_Id="mine")[0] == 302
    assert get(served[1], f"/autoload.js{named}")[0] == 302
    assert get(served[1], "/?theme=dark")[0] == 200


@pytest.mark.slow
def test_an_address_of_version_6_is_served():
    place = Place(free_port(), "::1")
    try:
        place.check()
    except PortError:
        pytest.skip("this machine has no addresses of version 6")
    process = start(place.port, "--address", "::1")
    try:
        answers = [
            get(place.port, "/ws", "::1", Origin=f"http://{origin}", **UPGRADE)[0]
            for origin in (f"[::1]:{place.port}", f"[::2]:{place.port}")
        ]
    finally:
        process.kill()
        process.wait()
    assert answers == [101, 403]


@pytest.mark.slow
def test_what_there_is_not_is_answered_without_a_trace(served):
    status, text = get(served[1], "/../../etc/passwd")
    assert status == 404
    assert "Traceback" not in text
    assert "root:" not in text


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_ends_at_once_and_cleanly(number, code):
    process = start(port := free_port())
    assert get(port, "/")[0] == 200
    time.sleep(1)  # so that it is at work
    process.send_signal(number)
    told, _ = process.communicate(timeout=120)
    assert process.returncode == code, told
    assert "Traceback" not in told
    assert "Stopped" in told
