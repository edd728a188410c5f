"""Pickles without trust: numbers, text, lists, dictionaries and arrays of bytes; nothing acts."""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any, final

import numpy as np


@final
class PickledArray:
    """Stands for `numpy.ndarray` in a pickle.

    Attributes:
        values: The array, uint8; None where the pickle gave it no content.
    """

    values: np.ndarray | None = None

    def __init__(self, *_: object) -> None:
        """Made empty, as NumPy's `_reconstruct` does; the content is the state."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, column_major, content = state
        if not isinstance(kind, _ByteType) or not isinstance(content, bytes):
            raise ValueError("an array whose content is no bytes")
        order = "F" if column_major else "C"
        self.values = np.frombuffer(content, np.uint8).reshape(shape, order=order)


@final
class _ByteType:
    """Stands for `numpy.dtype`; only that of bytes is known."""

    def __init__(self, code: str | bytes, *_: object) -> None:
        if code not in ("u1", b"u1"):
            raise ValueError(f"an array of type {code!r}, where 'u1' was expected")

    def __setstate__(self, state: object) -> None:
        """Bytes have no byte order: nothing to set."""


ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): PickledArray,
    ("numpy._core.multiarray", "_reconstruct"): PickledArray,
    ("numpy", "ndarray"): PickledArray,
    ("numpy", "dtype"): _ByteType,
    # How Python 3 writes bytes where Python 2 shall read them: text encoded as latin1.
    ("_codecs", "encode"): str.encode,
}
"""Every name that a pickle may use, with what it gets: not even NumPy's own constructors."""


@final
class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {f'{module}.{name}'!r}, and is not obeyed")
        return ADMITTED[module, name]


def read_pickle(data: bytes) -> Any:
    """Read a pickle of numbers, text, lists, dictionaries and arrays of bytes.

    A pickle is a program that may import and call anything. This one may use the names in
    `ADMITTED` and is stopped at any other, which is not even imported.

    Args:
        data: The pickle. Strings of Python 2 become bytes.

    Returns:
        What was pickled, with a `PickledArray` for each array.

    Raises:
        ValueError: If it is truncated, damaged, or asks for anything else.
    """
    try:
        for opcode, argument, _ in pickletools.genops(data):
            # The reader's memory is a table as long as the highest place that is used.
            if opcode.name.endswith("PUT") and int(argument or 0) > len(data):
                raise pickle.UnpicklingError(f"it asks for a table of {argument} places")
        return _Unpickler(io.BytesIO(data), encoding="bytes").load()
    # A damaged pickle can make the reader raise nearly anything; all of it means the same here.
    except Exception as error:
        why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise ValueError(f"its pickle is refused: {why}") from error
