"""Checksums of what is kept: they tell damage, and are no signature."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def file_checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def content_checksum(content: Mapping[str, Any]) -> str:
    """The SHA-256 of JSON content, however it is laid out.

    >>> content_checksum({"a": 1, "b": (2,)}) == content_checksum({"b": [2], "a": 1})
    True
    """
    read = json.loads(json.dumps(content))  # keys as they will be read, before they are sorted
    return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()


def arrays_checksum(arrays: Mapping[str, np.ndarray], about: Mapping[str, str]) -> str:
    """The SHA-256 of arrays, by name, and of what is said beside them."""
    each = {
        name: [str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).hexdigest()]
        for name, array in arrays.items()
    }
    return content_checksum({"arrays": each, "about": dict(about)})
