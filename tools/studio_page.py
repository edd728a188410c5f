"""The command `mamba-diffae studio` in a process of its own, and what its pages complain of.

For the tests in a browser and for `tools/studio_clicks.py`.
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, final

COMMAND = (sys.executable, "-c", "from mamba_diffae.cli import main; main()", "studio")
PATIENCE = 150.0
"""Seconds that a busy machine may take for anything."""


def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return tried.getsockname()[1]


@final
class Server:
    """The command in a process of its own, until `end`.

    Attributes:
        port: At which it listens.
        url: Of its page.
        process: Of the command.

    Args:
        folder: Where its log is written; what it reads by a name lies there too.
        options: Further ones of the command.
        port: None: a free one.

    Raises:
        RuntimeError: If it ends before its page can be opened; with what it told.
    """

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self._log = folder / f"studio-{self.port}.log"
        self._read = 0
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "--port", str(self.port), *options],
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Started in the background, it would inherit that Ctrl-C is to be ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
        until = time.monotonic() + PATIENCE
        while "Ctrl-C" not in self.told():
            if self.process.poll() is not None or time.monotonic() > until:
                self.end(signal.SIGKILL)
                raise RuntimeError(f"The studio did not start: {self.told()}")
            time.sleep(0.1)
        self.complaints()

    def told(self) -> str:
        """All that it has printed and logged."""
        return self._log.read_text(errors="replace")

    def complaints(self) -> list[str]:
        """Lines of its log since this was asked last, but its address and how it read a file."""
        lines = self.told().splitlines()
        new, self._read = lines[self._read :], len(lines)
        healthy = re.compile(r"\s*$|Note: |http://.* Ctrl-C ends it")
        return [line for line in new if not healthy.match(line)]

    def resident(self) -> float:
        """Memory that it has in use, in MB."""
        about = Path(f"/proc/{self.process.pid}/status").read_text()
        (kilobytes,) = re.findall(r"VmRSS:\s+(\d+)", about)
        return int(kilobytes) / 1024

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and wait for its end.

        Returns:
            Its exit status.
        """
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@final
class Watch:
    """What a page complains of, whom it asks, and what it is told.

    Attributes:
        complaints: Errors and warnings of its console, errors that nothing caught, and requests
            that failed.
        elsewhere: Addresses of other machines that were asked for something.
        received: Messages of the server to the page.

    Args:
        page: Of playwright.
        url: Of the server.
        keeps: Whether messages of the server are kept.
    """

    def __init__(self, page: Any, url: str, keeps: bool = False) -> None:
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.received: list[bytes] = []
        self._own = (url, url.replace("http:", "ws:"), "data:", "blob:")
        self._keeps = keeps
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("crash", lambda page: self.complaints.append("the page crashed"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("response", self._answered)
        page.on("websocket", self._connected)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def _asked(self, url: str) -> None:
        if not url.startswith(self._own):
            self.elsewhere.append(url)

    def _connected(self, socket: Any) -> None:
        self._asked(socket.url)
        if self._keeps:
            socket.on("framereceived", self._told)

    def _told(self, message: str | bytes) -> None:
        self.received.append(message.encode() if isinstance(message, str) else message)
