"""Which axes of an array are snapshots, space and variables."""

from __future__ import annotations

import warnings

import numpy as np

from mamba_diffae.fields import ShapeError, ValuesError

CHANNEL_LIMIT = 16
"""Variables at most in the last axis of an array that says nothing of itself."""
FEW = 4
"""Variables that are hardly levels."""
EXPECTED = "expected (S, *shape) or (S, *shape, C): S snapshots of one to three axes, C variables"


def last_is_variables(
    shape: tuple[int, ...], what: str, dim: int | None = None, count: int | None = None
) -> bool:
    """Whether the last axis of an array holds its variables; a warning if it could be otherwise.

    Args:
        shape: Of the array.
        what: The name to use in messages.
        dim: Number of axes of the grid, if told.
        count: Number of variables, if told.

    Raises:
        ShapeError: If the shape is none of a stack of fields, or not the one that was told.
    """
    if len(shape) < 2 or 0 in shape:
        hint = "none of them may be zero" if 0 in shape else "one field alone is array[None]"
        raise ShapeError(f"{what} has shape {shape}; {EXPECTED}; {hint}.")
    if dim is not None:
        last = _told_axes(shape, what, dim, count)
        if last and count is None and _surprising(shape):
            _say(shape, what, last, "name all axes, from_array(array, axes={...})", named=True)
        return last
    if count is not None and count > 1:
        if shape[-1] != count or len(shape) < 3:
            raise ShapeError(
                f"{what} has shape {shape}, but {count} variables were named; they come last: "
                f"expected (S, *shape, {count})."
            )
        return True
    inferred = len(shape) > 2 and shape[-1] == 1 if count else inferred_variables(shape)
    if len(shape) - 1 - inferred > 3:
        raise ShapeError(
            f"{what} has shape {shape}: four axes or more beside the snapshots; {EXPECTED}. "
            f"Variables come last, at most {CHANNEL_LIMIT} unless they are named; take one level "
            "or one time after the other as snapshots."
        )
    other = _otherwise(shape, inferred) if count is None else None
    if count is not None and not inferred and shape[-1] <= FEW and _inferred(shape):
        other = f"name each of the {shape[-1]} variables, from_array(array, variables=[...])"
    if other is not None:
        _say(shape, what, inferred, other)
    return inferred


def _told_axes(shape: tuple[int, ...], what: str, dim: int, count: int | None) -> bool:
    last = len(shape) == dim + 2
    given = shape[-1] if last else 1
    if len(shape) not in (dim + 1, dim + 2) or count not in (None, given):
        of = "" if count is None else f" of {count} variables"
        raise ShapeError(
            f"{what} has shape {shape}, but a grid of {dim} axes{of} was given; expected "
            f"(S, *shape{', C' if count is None else f', {count}'})."
        )
    return last


def inferred_variables(shape: tuple[int, ...]) -> bool:
    """Whether the last axis of an array that says nothing of itself is taken as variables."""
    return len(shape) > 2 and (shape[-1] == 1 or _inferred(shape))


def _inferred(shape: tuple[int, ...]) -> bool:
    """Few in the last of three axes of a snapshot are variables, more are cells."""
    if len(shape) == 4:
        return shape[3] <= CHANNEL_LIMIT and shape[3] < min(shape[1:3])
    return len(shape) == 5 and shape[4] <= CHANNEL_LIMIT


def _surprising(shape: tuple[int, ...]) -> bool:
    """Whether the variables behind the named axes are so many that they may be cells."""
    return shape[-1] > FEW if len(shape) == 3 else not _inferred(shape)


def _otherwise(shape: tuple[int, ...], last: bool) -> str | None:
    """What to do if what was inferred is wrong; None if it can hardly be."""
    if len(shape) == 2:
        return "one field alone is array[None]"
    if len(shape) == 3 and not last and shape[2] <= CHANNEL_LIMIT and shape[2] < shape[1]:
        return (
            "for profiles of several variables name those, from_array(array, variables=[...]); one "
            "field alone is array[None]"
        )
    if len(shape) == 4 and last and shape[3] > FEW:
        return "for volumes of one variable name their axes, from_array(array, axes={...})"
    if len(shape) == 4 and not last and min(shape[1], shape[3]) <= CHANNEL_LIMIT:
        return "variables come last, so move them there: np.moveaxis(array, 1, -1)"
    return None


def _say(shape: tuple[int, ...], what: str, last: bool, other: str, named: bool = False) -> None:
    """How an array was read, and what to do if it was meant otherwise; `named`: its axes are."""
    cells = shape[1:-1] if last else shape[1:]
    names = "', '".join(("z", "y", "x")[-len(cells) :])
    read = f"{' × '.join(map(str, cells))} cells" + ("" if named else f" ('{names}')")
    count = f"{shape[-1]} variables" if last and shape[-1] > 1 else "one variable"
    warnings.warn(
        f"{what} of shape {shape} is taken as {shape[0]} snapshots of {read} of {count}. If that "
        f"is wrong: {other}. If it is right, name the axes and the variables, and this is not "
        "said.",
        stacklevel=4,
    )


def as_array(values: object, what: str) -> np.ndarray:
    """An array of what may be lists of numbers; masks are kept.

    Raises:
        ShapeError: If the lists are of unlike lengths.
    """
    if isinstance(values, np.ndarray):
        return values
    try:
        if isinstance(values, list | tuple) and any(np.ma.isMaskedArray(v) for v in values):
            return np.ma.stack(values)
        return np.asarray(values)
    except ValueError as error:
        raise ShapeError(
            f"{what} holds parts of unlike shapes; {EXPECTED}: give one array, "
            "np.stack(snapshots), of parts of one shape."
        ) from error


def numbers(values: np.ndarray, what: str) -> np.ndarray:
    """An array of native byte order, in a type that is computed with.

    Raises:
        ValuesError: If it holds no numbers.
    """
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind not in "iuf":
        raise ValuesError(
            f"{what} has the type {values.dtype}; expected integers or floats: convert it, for "
            "example with array.astype(np.float32)."
        )
    if kind == "f" and size not in (4, 8):
        return values.astype(np.float32 if size < 4 else np.float64)
    return values.astype(values.dtype.newbyteorder("="), copy=False)
