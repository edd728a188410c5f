"""One door: whatever the source, complete fields come out."""

from __future__ import annotations

import difflib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from mamba_diffae.fields import GridField
from mamba_diffae.sources.arrays import from_array, open_array_file
from mamba_diffae.sources.cifar10 import open_cifar10
from mamba_diffae.sources.embedded import open_emoji
from mamba_diffae.sources.hub import open_hub
from mamba_diffae.sources.images import SUFFIXES, open_folder
from mamba_diffae.sources.stl10 import open_stl10

ARRAY_SUFFIXES = (".npy", ".npz")
ARCHIVES = {"cifar10": open_cifar10, "stl10": open_stl10}
FORMS = {**{kind: f"{kind}:DIR" for kind in ARCHIVES}, "hf": "hf:NAME"}
"""Sources of the form kind:rest, by kind."""
ALLOWED = (
    f"'emoji', {', '.join(FORMS.values())}, the path of an image folder or of a .npy or .npz file, "
    "an array or a GridField"
)


def open_field(
    source: str | os.PathLike[str] | np.ndarray | GridField,
    *,
    size: int | None = None,
    skip_broken: bool = False,
) -> GridField:
    """Open complete fields, whatever they are kept in.

    Args:
        source: "emoji" (the embedded picture set; a folder of that name is "./emoji");
            "cifar10:DIR" or "stl10:DIR", DIR holding the published archive or its unpacked folder;
            "hf:NAME", an image data set of the Hugging Face hub (extra `data`); the path of a
            folder of PNG, JPEG or WebP pictures, or of a .npy or .npz file; an array of shape
            (S, n, n) or (S, n, n, C); or a GridField, returned as it is.
        size: Pixels a side, by area average; the native size where it is not given (of an image
            folder or of hf:NAME, the smallest shorter side, at most 256).
        skip_broken: In an image folder or hf:NAME, skip pictures that cannot be decoded, with a
            warning.

    Returns:
        The fields, in their own unit.

    Raises:
        ValueError: If the source is unknown, empty or damaged, or `size` is above the native one.
    """
    field = _open(source, size, skip_broken)
    if size is None or size == field.size:
        return field
    return replace(field, values=field.at(size))


def _open(source: object, size: int | None, skip_broken: bool) -> GridField:
    if isinstance(source, GridField):
        return source
    if isinstance(source, np.ndarray):
        return from_array(source)
    if not isinstance(source, str | os.PathLike):
        raise ValueError(f"A source of type {type(source).__name__} is unknown; give {ALLOWED}.")
    if source == "emoji":
        return open_emoji()
    kind, rest = _parts(source)
    if kind:
        return _open_published(kind, rest, size, skip_broken)
    path = Path(source).expanduser()
    if path.is_dir():
        return open_folder(path, size, skip_broken)
    if not path.exists():
        raise ValueError(f"The source {str(source)!r} is unknown; give {ALLOWED}.{_nearest(path)}")
    if path.suffix.lower() in ARRAY_SUFFIXES:
        return open_array_file(path)
    if path.suffix.lower() in SUFFIXES:
        raise ValueError(
            f"{path} is one picture; give the folder that holds it, or use open_picture."
        )
    raise ValueError(f"{path} is no kind of file that is read; give {ALLOWED}.")


def lasting_name(source: str) -> str:
    """The same source by a name that holds in any working folder."""
    kind, rest = _parts(source)
    path = Path(rest if kind else source).expanduser()
    if source == "emoji" or (kind == "hf" and not path.exists()):
        return source
    return f"{kind}:{path.resolve()}" if kind else str(path.resolve())


def _parts(source: str | os.PathLike[str]) -> tuple[str, str]:
    """Kind and rest of a source of the form kind:rest; two empty texts for any other."""
    kind, colon, rest = source.partition(":") if isinstance(source, str) else ("", "", "")
    return (kind, rest) if colon and kind in FORMS else ("", "")


def _open_published(kind: str, rest: str, size: int | None, skip_broken: bool) -> GridField:
    if not rest:
        raise ValueError(f"The source '{kind}:' names nothing; give {FORMS[kind]}.")
    if kind == "hf":
        return open_hub(rest, size, skip_broken)
    return ARCHIVES[kind](Path(rest).expanduser())


def _nearest(path: Path) -> str:
    """A hint at the name or the neighbouring path that was probably meant."""
    siblings = path.parent.iterdir() if path.parent.is_dir() else []
    names = ["emoji", *FORMS.values(), *(str(sibling) for sibling in siblings)]
    close = difflib.get_close_matches(str(path), names, n=1, cutoff=0.6)
    return f" Did you mean {close[0]!r}?" if close else ""
