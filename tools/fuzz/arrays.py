"""Arrays, names and numbers as users have them: of any type, order, content and spelling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

TYPES = (
    *("f8", "f8", "f8", "f4", "f4", "f2", ">f8", ">f4", "g", "i4", "i8", ">i2", "u1", "u8", "b1"),
    *("c16", "O", "M8[s]", "m8[s]", "U3", "S2"),
)
SPECIAL = (math.nan, math.inf, -math.inf, 0.0, -0.0, -999.0, 1e300, -1e300, 1e-320, 9.97e36, 1e5)
NAMES = (
    *("sst", "v", "lat", "lon", "x", "y", "z", "time", "depth", "latitude", "longitude"),
    *("", " ", "a" * 3000, "Höhe", "He\u0301", "温度", "🌊", "<script>alert(1)</script>", "a/b"),
    *("../../etc/passwd", "a\nb", "\x00", "{x}", "%s", "values", "mask", "[bold]", ":smile:"),
    *("-x", "nan", "None", "\ud800", "a,b", '"', "'", "\u202e"),
)
UNITS = (
    *("", "degC", "K", "m", "km", "degrees_north", "degrees_east", "%", "m s-1", "m/s", "1"),
    *("days since 2000-01-01", "seconds since 1-1-1", "<b>", "°", "µg m-3", "10^", "**", " " * 50),
)
BIG = 2**63
NUMBERS = (
    *(0, 1, 2, 3, 5, 8, -1, 10**6, BIG, -BIG, 10**30, 0.2, 0.5, 1.0, 1e-12, 1.5, -0.5, 1e308),
    *(math.nan, math.inf, -math.inf, True, np.float32(0.3), np.int16(2), np.uint8(1), np.nan),
)

names = st.sampled_from(NAMES) | st.text(max_size=8)
units = st.sampled_from(UNITS) | st.text(max_size=5)
numbers = st.sampled_from(NUMBERS)
seeds = st.integers(0, 2**32 - 1)


def mostly(usual: Any, other: st.SearchStrategy, share: int = 6) -> st.SearchStrategy:
    """A usual value, and in one of so many cases another."""
    first = usual if isinstance(usual, st.SearchStrategy) else st.just(usual)
    return st.integers(0, share - 1).flatmap(lambda n: other if n == share - 1 else first)


@st.composite
def shapes(draw: st.DrawFn, usual: Sequence[int], share: int = 14) -> tuple[int, ...]:
    """A shape, and now and then one of other lengths or another number of axes."""
    kind = draw(st.integers(0, share - 1))
    shape = list(usual)
    if kind == 0 and shape:
        shape[draw(st.integers(0, len(shape) - 1))] = draw(st.sampled_from([0, 1, 2, 3, 7, 40]))
    elif kind == 1:
        other = draw(st.sampled_from(["drop", "add", "turn"]))
        if other == "drop":
            shape = shape[1:]
        elif other == "add":
            shape.insert(draw(st.integers(0, len(shape))), draw(st.sampled_from([1, 2])))
        else:
            shape.reverse()
    return tuple(shape)


@st.composite
def arrays(
    draw: st.DrawFn,
    shape: Sequence[int],
    low: float = 0.0,
    high: float = 1.0,
    *,
    strange: int = 10,
    types: Sequence[str] = TYPES,
) -> Any:
    """Numbers in a range; in one of so many cases of other types, with special values, masked.

    Args:
        draw: Of hypothesis.
        shape: Its shape.
        low: Least usual value.
        high: Greatest usual value.
        strange: One of so many arrays is unusual in each of several ways.
        types: Of the numbers.
    """
    rng = np.random.default_rng(draw(seeds))
    array: Any = rng.uniform(low, high, tuple(shape))
    odd = lambda: draw(st.integers(0, strange - 1)) == strange - 1  # noqa: E731
    if odd() and array.size:
        for value in draw(st.lists(st.sampled_from(SPECIAL), min_size=1, max_size=3)):
            array.flat[draw(st.integers(0, array.size - 1))] = value
    if odd():
        array = np.full(shape, draw(st.sampled_from(SPECIAL)))
    if odd():
        array = _of_type(array, draw(st.sampled_from(list(types))))
    if odd():
        array = laid_out(array, draw(st.sampled_from(LAYOUTS)), rng)
    return array


LAYOUTS = ("fortran", "reversed", "strided", "read-only", "masked", "list", "broadcast")


def laid_out(array: np.ndarray, layout: str, rng: np.random.Generator) -> Any:
    """The same numbers in another order of memory, masked, or as lists."""
    if layout == "fortran":
        return np.asfortranarray(array)
    if layout == "reversed":
        return array[::-1].copy()[::-1] if array.ndim else array
    if layout == "strided":
        return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array
    if layout == "masked":
        return np.ma.array(array, mask=rng.random(array.shape) < 0.3)
    if layout == "list":
        return array.tolist()
    if layout == "broadcast" and array.ndim and len(array):
        return np.broadcast_to(array[:1], array.shape)
    array = array.copy()
    array.flags.writeable = False
    return array


def _of_type(array: np.ndarray, kind: str) -> np.ndarray:
    with np.errstate(all="ignore"):
        if kind == "O":
            found = array.astype(object)
            if found.size:
                found.flat[0] = "n/a" if found.size % 2 else None
            return found
        if kind in ("M8[s]", "m8[s]"):
            whole = np.nan_to_num(array, nan=0, posinf=9, neginf=-9).clip(-1e9, 1e9)
            return whole.astype("i8").astype(kind)
        if kind in ("U3", "S2"):
            return np.full(array.shape, "a", kind)
        return array.astype(kind)


def summary(value: Any) -> str:
    """An input in a few words."""
    if isinstance(value, np.ndarray):
        masked = "masked " if isinstance(value, np.ma.MaskedArray) else ""
        some = np.asarray(value).ravel()[:4].tolist()
        return f"{masked}{value.dtype} {value.shape} {some!r}"[:160]
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {summary(v)}" for k, v in value.items()) + "}"
    return repr(value)[:160]
