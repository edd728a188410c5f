"""Numbers as users give them, of any type: whole ones, seeds, arrays of floats."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from mamba_diffae.fields.errors import FieldError, ValuesError

SEEDS = 2**60
"""Seeds are below this number."""


def whole_number(
    given: Any,
    what: str,
    least: int = 0,
    most: int = SEEDS,
    error: type[FieldError] = ValuesError,
) -> int:
    """A whole number within bounds, of whatever type it is given.

    >>> whole_number(np.int16(3), "cells")
    3

    Args:
        given: What the user gave.
        what: Its name, for the message.
        least: The least that is allowed.
        most: The greatest that is allowed.
        error: Kind of the error.

    Raises:
        FieldError: Of that kind, if it is no such number.
    """
    try:
        number = operator.index(given)
    except TypeError:
        number = None
    if number is None or isinstance(given, bool) or not least <= number <= most:
        bounds = f" from {least} to {most}" if most < SEEDS else f", {least} or more"
        raise error(f"{what} is {given!r}; give a whole number{bounds}.")
    return number


def check_seed(seed: Any) -> None:
    """Refuse what is no seed.

    Raises:
        ValuesError: If it is no whole number from 0 to 2^60 - 1.
    """
    whole_number(seed, "The seed", 0, SEEDS - 1)


def plain(given: Any) -> Any:
    """A torch tensor of any kind as an array, everything else as it is.

    NumPy takes neither tensors on a GPU, nor in bfloat16, nor in a graph of gradients.
    """
    if not hasattr(given, "detach"):
        return given
    tensor = given.detach().cpu()
    return (tensor.double() if tensor.is_floating_point() else tensor).numpy()


def float_array(given: Any, what: str, error: type[FieldError] = ValuesError) -> np.ndarray:
    """A copy as float64; masked numbers are NaN.

    >>> float_array([1, 2], "edges").dtype
    dtype('float64')

    Args:
        given: Numbers of any type, in an array or in lists.
        what: Their name, for the message.
        error: Kind of the error.

    Raises:
        FieldError: Of that kind, if they are no numbers, or times, complex or texts.
    """
    try:
        array = np.ma.asarray(plain(given))
        if array.dtype.kind not in "biufO":
            raise TypeError(f"they are of the type {array.dtype}")
        return np.array(np.ma.array(array, dtype=np.float64).filled(np.nan))
    except (TypeError, ValueError, OverflowError) as reason:
        raise error(
            f"{what} are no numbers ({reason}); give an array or a list of plain numbers, times as "
            "hours or days since one of them."
        ) from reason
