"""What the page says: errors and familiarity in words, without any path of the machine."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from mamba_diffae.fields import FieldData, Variable
from mamba_diffae.fields.familiarity import THRESHOLD, unfamiliar

UPLOADS = "mamba-diffae-"
"""How folders begin that uploaded files are read in."""
_NAME = r"[^\s/\\:;,'\"()<>]+"
_PATH = re.compile(
    rf"(?<![\w/\\.:)\]%°+<])(?:"
    rf"(?:file:/*|[A-Za-z]:|~(?:[a-z_]\w*)?|\.\.?)(?:[/\\]+{_NAME})+"  # from a named place
    rf"|(?:[/\\]+{_NAME}){{2,}}|[/\\]+{_NAME}\.\w+"  # from the root: "/s" is a unit
    rf")[/\\]?"
)
_QUOTED = re.compile(r"(?<=['\"`])(?:file:|[A-Za-z]:|~|\.\.?)?[/\\][^'\"`\n]+(?=['\"`])")


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

    Paths from a root, a drive, a home folder or the working folder, in quotation marks also those
    with spaces. What lies below a known folder, whose own name may hold spaces, loses that.

    >>> without_paths("/tmp/a1/field.nc is no NetCDF file.")
    'field.nc is no NetCDF file.'
    >>> without_paths("3/4 of 5 m/s; see https://example.org/a/b.html")
    '3/4 of 5 m/s; see https://example.org/a/b.html'
    """
    for folder in _known_folders():
        text = re.sub(rf"(?<!\w){re.escape(folder + os.sep)}", "/./", text)
    for pattern in (_QUOTED, _PATH):
        text = pattern.sub(lambda found: re.split(r"[/\\]", found[0].rstrip("/\\"))[-1], text)
    return text


def without_upload_folders(text: str) -> str:
    """A text in which uploaded files are named without the folder that each was read in.

    >>> without_upload_folders(f"{tempfile.gettempdir()}/{UPLOADS}k2x/sea.nc: 3 gaps in /data/a.nc")
    'sea.nc: 3 gaps in /data/a.nc'
    """
    folder = re.escape(str(Path(tempfile.gettempdir()) / UPLOADS))
    return re.sub(rf"{folder}[^/\\]*[/\\]", "", text)


def _known_folders() -> list[str]:
    """Folders that paths of this machine lie in, the longest first."""
    found = [Path(__file__).resolve().parents[1], Path(sys.prefix), Path(tempfile.gettempdir())]
    for ask in (Path.home, Path.cwd):
        with suppress(OSError, RuntimeError):  # a user without a home, a folder that is gone
            found.append(ask())
    return sorted({str(path) for path in found if path.name}, key=len, reverse=True)


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
