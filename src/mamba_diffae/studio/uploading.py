"""Uploads in parts, refused before their end where they are too large or of another kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

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
        options: Of the widget.
    """

    def __init__(
        self,
        on_file: Callable[[str, bytes], None],
        tell: Callable[[str], None],
        **options: Any,
    ) -> None:
        super().__init__(chunk_size=2_000_000, multiple=False, **options)
        self._on_file, self._tell = on_file, tell
        self._parts: list[bytes] = []
        self._refused = False

    def _process_event(self, event: Any) -> None:
        if event.event_name != "upload_event":
            return
        part, name = event.data, str(event.data["name"])
        if part["chunk"] == 1:
            self._parts, self._refused = [], False
        if self._refused:
            return
        self._parts.append(bytes(part["data"]))
        size = sum(map(len, self._parts))
        try:
            checked_name(name)
            if size > UPLOAD_LIMIT:
                raise too_large(shown_name(name), size)
        except UploadError as error:
            self._parts, self._refused = [], True
            self._tell(in_words(error))
            return
        if part["chunk"] == part["total_chunks"]:
            content, self._parts = b"".join(self._parts), []
            self._on_file(name, content)
