"""What the page says: errors and familiarity in words, without any path of the machine."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mamba_diffae.fields import FieldData, Variable
from mamba_diffae.fields.familiarity import THRESHOLD, unfamiliar

_END = r"\s/\\:;,'\"()<>|\0"
_WORD, _NAME = rf"[^{_END}]+", rf"([^{_END}]+)"
_ENDED = r"(?![^\s/\\]*\.(?:[A-Za-z]\w{0,7})?\s)"
"""Not a word that ends as a file or a sentence does: behind it a folder's name does not go on."""
_FOLDERS = rf"(?:(?:{_ENDED}{_WORD} (?![.~])){{0,4}}{_WORD}[/\\]+)*"
"""Folders, whose names may hold spaces."""
_ALONE = r"(?<![\w/\\.~<])"
"""Where a path may begin: not within "and/or" or "</b>"."""
_ENDING = r"\.[A-Za-z]\w{0,7}(?![\w/\\])"
_PATHS = tuple(
    re.compile(_ALONE + pattern)
    for pattern in (
        rf"[Ff][Ii][Ll][Ee]:/+{_FOLDERS}{_NAME}/?",  # file:///a/b
        rf"[A-Za-z]:[/\\]+{_FOLDERS}{_NAME}[/\\]*",  # C:\a\b
        rf"\\\\{_FOLDERS}{_NAME}\\*",  # \\a\b
        rf"(?:~(?:[A-Za-z_]{_WORD})?|\.\.?)[/\\]+{_FOLDERS}{_NAME}[/\\]?",  # ~/a, ../a
        rf"/+(?!\d+\s|\d+$){_FOLDERS}{_NAME}/?",  # /a/b
        rf"(?:{_WORD}[/\\])+([^{_END}]+?{_ENDING})",  # a/b.nc
    )
)
_ROOTED = re.compile(r"[/~]|\.\.?[/\\]|[A-Za-z]:[/\\]|\\\\|file:/", re.IGNORECASE)
_QUOTED = re.compile(r"(?<!\w)(['\"`])([^'\"`\n]*[/\\][^'\"`\n]*)\1(?!\w)")
_UNIT = (
    r"(?:(?:[kcmµnhMGd]?(?:m|g|s|W|J|N|K|Pa|mol|Hz|l|V|A|eq|min)|h|d|day|yr?|year|°C|deg[CF]?|%|psu|kt)"
    r"(?:[-^]?\d)?)"
)
_NO_PATH = re.compile(
    rf"(?<![\w/\\.~]){_UNIT}(?:[/.*·]{_UNIT})+(?!\w|[/\\.]\w)"
    r"|(?<![\w/\\.])\d+(?:/\d+)+(?![\w/\\])|(?<![\w/\\])(?:and/or|n/a|yes/no)(?![\w/\\])"
    r"|\b(?!(?:file|[a-z]):)[a-z][a-z0-9+.-]*://[^\s'\"()<>]*",
    re.IGNORECASE,
)
"""Units, fractions, dates and addresses of the web."""
_TOKEN = re.compile(rf"{_ALONE}(?:{_WORD}/)+{_WORD}")


def in_words(error: Exception) -> str:
    """An error as the page tells it: those of a person's doing in full, others by their kind."""
    if isinstance(error, ValueError) and str(error):
        return without_paths(str(error))
    return (
        f"That did not work ({type(error).__name__}); the page goes on. What happened is in the "
        "log of the command that serves it."
    )


def without_paths(text: str) -> str:
    """A text in which each path of the machine is reduced to its last name.

    First go the folders that are known, then paths in quotation marks, then all that looks like a
    path. Units, dates, fractions and addresses of the web stay.

    >>> without_paths("/tmp/a1/field.nc is no NetCDF file.")
    'field.nc is no NetCDF file.'
    >>> without_paths("3/4 of 5 m/s; see https://example.org/a/b.html")
    '3/4 of 5 m/s; see https://example.org/a/b.html'
    """
    for folder in _known_folders():
        below = rf"{_ALONE}{re.escape(folder)}(?=[/\\])"
        text = re.sub(below, "/folder", text)  # whose own name may hold whatever it likes
        text = re.sub(rf"{_ALONE}{re.escape(folder)}(?=[{_END}.]|$)", Path(folder).name, text)
    text = _QUOTED.sub(_last_of_quoted, text)
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[0])
        return f"\0{len(kept) - 1}\0"

    text = _NO_PATH.sub(keep, text)
    for pattern in _PATHS:
        text = pattern.sub(lambda found: found[1], text)
    text = _TOKEN.sub(lambda found: _last(found[0]) if os.path.exists(found[0]) else found[0], text)
    return re.sub(r"\0(\d+)\0", lambda found: kept[int(found[1])], text)


def _known_folders() -> list[str]:
    """Folders that paths of this machine lie in, the longest first."""
    package = Path(__file__).resolve().parents[1]
    found = (Path.home(), Path.cwd(), Path(tempfile.gettempdir()), package, Path(sys.prefix))
    return sorted({str(path) for path in found if path.name}, key=len, reverse=True)


def _last_of_quoted(found: re.Match[str]) -> str:
    quote, path = found[1], found[2]
    is_path = _ROOTED.match(path) or re.search(rf"{_ENDING}$", path) or os.path.exists(path)
    return f"{quote}{_last(path)}{quote}" if is_path and "://" not in path else found[0]


def _last(path: str) -> str:
    """The last name of a path, of this system or of another one."""
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]


def familiarity_in_words(familiarity: np.ndarray | None, weights: np.ndarray | None = None) -> str:
    """How familiar a field is to the model, in a sentence."""
    if familiarity is None:
        return "This model does not say how familiar a field is."
    said = unfamiliar(familiarity, weights)
    if said is not None:
        return f"{said}."
    p = float(np.asarray(familiarity)[0])
    return f"The field is like the training fields (p = {p:.2f}, unlike below {THRESHOLD:g})."


def extent_of(truth: FieldData) -> str:
    """How many cells a field has, and how many of them have a value, in short."""
    known = truth.valid_mask()[0].any(axis=-1).mean()
    gaps = "" if known == 1 else f", {known:.0%} with a value"
    return f"{truth.grid.describe_shape()}{gaps}"


def scores_in_words(scores: Mapping[str, Any], variable: Variable | None = None) -> str:
    """What is measured against the truth, in short.

    >>> scores_in_words({"psnr": 24.04, "ssim": 0.838, "rmse": {"red": 1.0}})
    '24.0 dB, SSIM 0.84'

    Args:
        scores: From `evaluate`.
        variable: Whose RMSE is told; None: of pictures, PSNR and SSIM.
    """
    if variable is None:
        ssim = f", SSIM {scores['ssim']:.2f}" if "ssim" in scores else ""
        return f"{scores['psnr']:.1f} dB{ssim}"
    rmse = scores["rmse"]
    own = rmse[variable.name] if isinstance(rmse, Mapping) else rmse
    return f"RMSE {own:.3g} {variable.unit}".strip()
