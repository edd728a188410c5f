"""What the page says: errors and familiarity in words, without any path of the machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

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


def scores_in_words(scores: Mapping[str, Any], chosen: int = 0) -> str:
    """What is measured against the truth, in short: "24.0 dB, RMSE 12.1".

    Args:
        scores: From `evaluate`.
        chosen: Number of the variable whose RMSE is told, where there are several.
    """
    rmse = scores["rmse"]
    if isinstance(rmse, Mapping):
        own = list(rmse.values())
        rmse = own[chosen] if len(own) > chosen else own[0]
    return f"PSNR {scores['psnr']:.1f} dB · RMSE {rmse:.3g}"
