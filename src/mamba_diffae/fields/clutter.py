"""What desktop programs leave in folders by merely looking into them."""

from __future__ import annotations

from pathlib import Path, PurePath

_FOLDERS = {"@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "__MACOSX"}
"""Of file servers, drives and archives: small copies of pictures, and what was thrown away."""
_NAMES = {".DS_Store", ".directory", ".localized", "Thumbs.db", "desktop.ini", *_FOLDERS}
_OF_MACS = "._"
"""How the files begin in which macOS keeps attributes on disks of other systems."""


def entries(folder: Path) -> list[Path]:
    """What is in a folder, but for such files.

    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> (folder / ".DS_Store").touch(), (folder / "a.png").touch()
    (None, None)
    >>> [path.name for path in entries(folder)]
    ['a.png']
    """
    return [
        path
        for path in folder.iterdir()
        if path.name not in _NAMES and not path.name.startswith(_OF_MACS)
    ]


def is_hidden(path: PurePath) -> bool:
    """Whether a file lies in such a folder, or it or a folder above it is hidden by a dot.

    >>> is_hidden(PurePath("a/@eaDir/b.png")), is_hidden(PurePath(".a/b.png"))
    (True, True)

    Args:
        path: Relative to the folder that is looked at.
    """
    return any(part.startswith(".") or part in _FOLDERS for part in path.parts)
