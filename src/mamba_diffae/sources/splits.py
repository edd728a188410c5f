"""Train, validation and test for sources that bring no split of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


def split_by_name(names: Sequence[str]) -> np.ndarray:
    """Assign about 80 / 10 / 10 % of the fields to train / val / test, by a hash of their names.

    A field keeps its split when others are added or removed, but for very small sets: there the
    fields with the lowest hashes fill a test or val split that would be empty.

    Args:
        names: A name for each field, length S.

    Returns:
        "train", "val" or "test", shape (S,). From three fields on no split is empty; one or two
        fields are all "train".
    """
    count = len(names)
    splits = np.full(count, "train")
    if count < 3:
        return splits
    hashes = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    position = np.array([int.from_bytes(h, "big") / 2**64 for h in hashes])
    test = int(np.clip((position < 0.1).sum(), 1, count - 2))
    val = int(np.clip((position < 0.2).sum(), test + 1, count - 1))
    order = np.argsort(position, kind="stable")
    splits[order[:val]] = "val"
    splits[order[:test]] = "test"
    return splits
