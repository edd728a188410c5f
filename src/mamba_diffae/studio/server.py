"""The server: where it listens, who can reach it, and how it ends."""

from __future__ import annotations

import errno
import ipaddress
import logging
import re
import signal
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import Any, final
from weakref import WeakSet

import panel as pn
import torch
from bokeh.core.validation import silence
from bokeh.core.validation.warnings import MISSING_RENDERERS
from panel.io.resources import LOCAL_DIST
from panel.io.server import get_server
from tornado.iostream import StreamClosedError
from tornado.routing import Matcher, Rule
from tornado.web import RequestHandler
from tornado.websocket import WebSocketClosedError

from mamba_diffae.fields import UnfamiliarFieldsWarning
from mamba_diffae.fields.cf.writing import ZARR
from mamba_diffae.studio.design import StudioDesign, template
from mamba_diffae.studio.errors import PortError
from mamba_diffae.studio.opening import Library, Source, opened_file
from mamba_diffae.studio.page import build_page, tell_error
from mamba_diffae.studio.sending import keep_order
from mamba_diffae.studio.session import Session
from mamba_diffae.studio.words import in_words
from mamba_diffae.studio.worker import tell_pages_of_warnings

log = logging.getLogger(__name__)
_ORIGIN = re.compile(r"([\w-]+(?:\.[\w-]+)*|\[[0-9a-fA-F:.]+\])(:\d{1,5})?")
_NAMES_OF_SESSIONS = {"bokeh-session-id", "bokeh-token"}
_TRIED = 100
"""Ports that are tried for the next free one."""


@final
@dataclass(frozen=True)
class Place:
    """Where the page is served.

    Attributes:
        port: To listen at.
        address: Of the interface; 127.0.0.1 is this machine alone.
        origins: Further names by which a browser may call it, with a port where that is another
            one: as a tunnel or a proxy has it.
    """

    port: int = 5006
    address: str = "127.0.0.1"
    origins: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.address == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        """To be opened in a browser."""
        everywhere = self.address in ("0.0.0.0", "::")
        host = socket.gethostname() if everywhere else self.address
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def who(self) -> str:
        """Who can reach it, in a sentence."""
        if self.is_local:
            return "Only this machine can reach it."
        return (
            f"Whoever can reach port {self.port} of this machine can use it, without a password: "
            "end it when it is not needed, or leave --address out."
        )

    def allowed(self) -> list[str]:
        """Origins of pages that may talk to it, in small letters, so that no other site can."""
        names = {self.address, "localhost"}
        if not self.is_local:
            names |= {"127.0.0.1", socket.gethostname(), socket.getfqdn()}
            with suppress(OSError):
                names |= {str(i[4][0]) for i in socket.getaddrinfo(socket.gethostname(), None)}
        bracketed = {f"[{name}]" if ":" in name else name for name in names if "%" not in name}
        others = {o if re.search(r":\d+$", o) else f"{o}:{self.port}" for o in self.origins}
        own = {f"{name}:{self.port}" for name in bracketed}
        return sorted(origin.lower() for origin in own | others)

    def check(self) -> None:
        """Refuse a port that cannot be listened at, and what is no name of a machine.

        Raises:
            PortError: With the next free port, or what to give.
        """
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise PortError(
                    f"--origin is {origin!r}; expected a name with or without a port, such as "
                    "maps.example or localhost:8000."
                )
        error = _listening_error(self.address, self.port)
        if error is None:
            return
        if error.errno == errno.EADDRINUSE:
            following = range(self.port + 1, min(self.port + _TRIED, 65536))
            free = next((p for p in following if _listening_error(self.address, p) is None), None)
            hint = "" if free is None else f": give the next free one with --port {free}"
            raise PortError(f"Port {self.port} is in use{hint}.")
        if error.errno == errno.EACCES:
            raise PortError(f"Port {self.port} is reserved; give one above 1023 with --port.")
        raise PortError(
            f"--address is {self.address}, at which this machine cannot listen "
            f"({error.strerror or error}); give an address of its own, such as 127.0.0.1."
        )


def serve(model: str, data: str | None, place: Place, on_ready: Callable[[str], None]) -> None:
    """Serve the studio until it is stopped by an interrupt.

    Args:
        model: Name of the model that is asked first.
        data: A file, or a source of `open_field`; None: what comes with the model.
        place: Where.
        on_ready: Called with what to tell once the page can be opened.

    Raises:
        PortError: If it cannot listen there.
        ValueError: If the model or the data cannot be opened.
    """
    place.check()
    torch.set_num_threads(max(1, torch.get_num_threads() // 2))  # what is quick and what is slow
    library = Library((model,))
    source = None if data is None else _source(library, model, data)
    first = Session(library, model, source)  # a mistake is told here, not on the page
    tell_pages_of_warnings()
    warnings.filterwarnings("ignore", category=UnfamiliarFieldsWarning)  # the page tells it anyhow
    pn.extension("filedropper", "tabulator", design=StudioDesign, exception_handler=tell_error)
    silence(MISSING_RENDERERS)  # maps are empty until there is something to show
    keep_order()
    for quiet in ("tornado.access", "bokeh.server.views.ws"):  # such as of pages that were closed
        logging.getLogger(quiet).setLevel(logging.ERROR)
    logging.getLogger("bokeh.server.protocol_handler").addFilter(_without_closed_pages)
    sessions = WeakSet([first])

    def page() -> Any:
        try:
            if pn.state.curdoc is not None:  # else Panel names its own site until the page is sent
                pn.state.curdoc.template_variables["dist_url"] = LOCAL_DIST
            session = Session(library, model, source)
            sessions.add(session)
            return template(build_page(session))
        except Exception as error:  # a bare page that says why, without a trace
            log.warning("A page could not be made.", exc_info=error)
            return template(pn.pane.HTML(escape(in_words(error)), css_classes=["message"]))

    server = get_server(
        {"/": page},
        port=place.port,
        address=place.address,
        websocket_origin=[origin for origin in place.allowed() if origin[0] != "["],
        title="mamba-diffae studio",
    )
    # Bokeh refuses addresses of version 6 as options, but compares with what it holds.
    server._tornado.websocket_origins.update(place.allowed())
    server._tornado.default_router.rules.insert(0, Rule(_NamesSession(), _Plain))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Panel's own ends without a word
    first.worker.run("warm", partial(_warm, first), lambda step: None)
    loop: Any = server.io_loop.asyncio_loop  # pyright: ignore
    loop.set_exception_handler(_without_gone_pages)
    interrupts = _handled_by(loop)
    on_ready(f"{place.url}  {place.who()} Ctrl-C ends it.")
    try:
        server.start()
        server.io_loop.start()
    finally:
        for number in interrupts:
            loop.remove_signal_handler(number)
        open_ = list(sessions)
        for session in open_:
            session.worker.stop()
        for session in open_:  # torch ends the program without mercy if it is left computing
            session.worker.join()
        with suppress(Exception):  # what is open is cut off: the program ends
            server.stop(wait=False)


def _handled_by(loop: Any) -> list[int]:
    """Have interrupts handled between the callbacks of a loop.

    Anywhere else they may be raised where nothing can be, such as in a callback of a weak
    reference, which swallows them.
    """
    numbers = []
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if callable(handler):
            with suppress(NotImplementedError):  # Windows
                loop.add_signal_handler(number, handler, number, None)
                numbers.append(number)
    return numbers


@final
class _NamesSession(Matcher):
    """Addresses and headers that name a session: Bokeh would open it, and who sent it look on."""

    def match(self, request: Any) -> dict[str, Any] | None:
        named = _NAMES_OF_SESSIONS & request.query_arguments.keys()
        return {} if named or "Bokeh-Session-Id" in request.headers else None


@final
class _Plain(RequestHandler):
    """Leads to the page without a session in its address."""

    def get(self) -> None:
        self.redirect("/")


def _source(library: Library, model: str, data: str) -> Source:
    """A file as an upload is opened, anything else as `open_field` does."""
    opened, path = library.model(model), Path(data).expanduser()
    is_file = path.is_file() or path.suffix.lower() == ZARR
    return opened_file(opened, path) if is_file else library.packaged(opened, data)


def _warm(session: Session) -> Iterator[None]:
    """Ask once before a person does: the first answer takes ten times as long."""
    try:
        question = session.question()
        mean = question.mean()
        yield
        for _ in question.rest(mean):
            yield
    except Exception as error:  # the page tells the same error to whom it concerns
        log.warning("The first answer could not be made ahead.", exc_info=error)


def _without_gone_pages(loop: Any, context: dict[str, Any]) -> None:
    """Tell nothing of what could not be sent to a page that was closed meanwhile."""
    if not isinstance(context.get("exception"), WebSocketClosedError | StreamClosedError):
        loop.default_exception_handler(context)


def _without_closed_pages(record: logging.LogRecord) -> bool:
    """Whether a record tells more than that a page was closed while its message was on the way."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, AssertionError)  # Bokeh's own: it has no session any more


def _listening_error(address: str, port: int) -> OSError | None:
    """Why this machine cannot listen there; None if it can."""
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((address, port))
    except UnicodeError:  # too long, or with dots where none can be
        return OSError("no name of a machine")
    except OSError as error:
        return error
    return None
