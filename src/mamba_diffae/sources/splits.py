"""Train, validation and test for sources that bring no split of their own, or not all three."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

MOST_VALIDATION = 2_000
"""Fields that are held out for validation, at most."""


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


def hold_out(splits: np.ndarray) -> np.ndarray:
    """Turn a random tenth of the training fields into validation fields, the same in every run.

    Args:
        splits: "train", "val" or "test", shape (S,).

    Returns:
        The same with at most 2,000 "val" in place of "train", at least one if there are two.
    """
    train = np.flatnonzero(splits == "train")
    count = min(MOST_VALIDATION, max(len(train) // 10, 1), max(len(train) - 1, 0))
    held = splits.copy()
    held[np.random.default_rng(0).choice(train, count, replace=False)] = "val"
    return held


def completed(splits: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Published splits with those added that they lack.

    Args:
        splits: "train", "val" or "test", shape (S,).
        names: A name for each field, length S.

    Returns:
        The same if all three are there. Validation fields stand in for test fields that lack, and
        training fields for validation fields (`hold_out`). Without training fields, or with nothing
        else, all are split anew by `split_by_name`.
    """
    present = set(splits.tolist())
    if present == {"train", "val", "test"}:
        return splits
    if "train" not in present or len(present) == 1:
        return split_by_name(names)
    return hold_out(np.where(splits == "val", "test", splits))
