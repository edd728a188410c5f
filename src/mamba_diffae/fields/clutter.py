"""What desktop programs leave in folders by merely looking into them."""

from __future__ import annotations

from pathlib import Path

_NAMES = {".DS_Store", ".directory", ".localized", "Thumbs.db", "desktop.ini", "@eaDir"}
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
