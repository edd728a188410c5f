"""What the page says: errors and familiarity in words, without any path of the machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from mamba_diffae.fields import Variable
from mamba_diffae.fields.familiarity import THRESHOLD, unfamiliar

_PATH = re.compile(r"(?<![\w/])(?:/[^\s/:;,'\"()]+){2,}/?([^\s/:;,'\"()]*)")


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

    >>> without_paths("/tmp/a1/field.nc is no NetCDF file.")
    'field.nc is no NetCDF file.'
    """
    return _PATH.sub(lambda found: found[0].rstrip("/").rpartition("/")[2], text)


def familiarity_in_words(familiarity: np.ndarray | None, weights: np.ndarray | None = None) -> str:
    """How familiar a field is to the model, in a sentence."""
    if familiarity is None:
        return "This model does not say how familiar a field is."
    said = unfamiliar(familiarity, weights)
    if said is not None:
        return f"{said}."
    p = float(np.asarray(familiarity)[0])
    return f"The field is like the training fields (p = {p:.2f}, unlike below {THRESHOLD:g})."


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
