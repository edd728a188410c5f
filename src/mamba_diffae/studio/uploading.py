"""Uploads in parts, refused before their end where they are too large or of another kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from panel.layout import Column
from panel.widgets import FileDropper

from mamba_diffae.studio.errors import UploadError
from mamba_diffae.studio.opening import UPLOAD_LIMIT, checked_name, shown_name, too_large
from mamba_diffae.studio.words import in_words


@final
class Upload(FileDropper):
    """A place to drop a file on; its bytes go on as they are, and are not kept.

    Args:
        on_file: Called with the name and the bytes.
        tell: Called with a message where a file is refused.
        on_refused: Called once nothing more of a refused file comes.
        options: Of the widget.
    """

    def __init__(
        self,
        on_file: Callable[[str, bytes], None],
        tell: Callable[[str], None],
        on_refused: Callable[[], None],
        **options: Any,
    ) -> None:
        super().__init__(chunk_size=2_000_000, multiple=False, **options)
        self._on_file, self._tell, self._on_refused = on_file, tell, on_refused
        self._parts: list[bytes] = []
        self._refused = False

    def _process_event(self, event: Any) -> None:
        if event.event_name != "upload_event":
            return
        part, name = event.data, str(event.data["name"])
        if part["chunk"] == 1:
            self._parts, self._refused = [], False
        is_last = part["chunk"] == part["total_chunks"]
        if not self._refused:
            self._take(name, bytes(part["data"]), is_last)
        if self._refused and is_last:
            self._on_refused()

    def _take(self, name: str, part: bytes, is_last: bool) -> None:
        self._parts.append(part)
        size = sum(map(len, self._parts))
        try:
            checked_name(name)
            if size > UPLOAD_LIMIT:
                raise too_large(shown_name(name), size)
        except UploadError as error:
            self._parts, self._refused = [], True
            self._tell(in_words(error))
            return
        if is_last:
            content, self._parts = b"".join(self._parts), []
            self._on_file(name, content)


@final
class UploadPlace:
    """A place to drop a file on, which is empty again after a file that was refused.

    Attributes:
        view: To be laid out.
        upload: The widget that is there now; Panel empties none, so another one takes its place.

    Args:
        on_file: As of `Upload`.
        tell: Likewise.
        options: Of the widget.
    """

    def __init__(
        self, on_file: Callable[[str, bytes], None], tell: Callable[[str], None], **options: Any
    ) -> None:
        self._make = lambda: Upload(on_file, tell, self.empty, **options)
        self.upload = self._make()
        self.view: Any = Column(self.upload, sizing_mode="stretch_width", margin=0)

    def empty(self) -> None:
        """Show no file any more."""
        self.upload = self._make()
        self.view.objects = [self.upload]
