"""Train, validation and test for sources that bring no split of their own, or not all three."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

import numpy as np

MOST_VALIDATION = 2_000
"""Snapshots that are held out for validation, at most."""
IN_ORDER = {"test": 0.24, "val": 0.16}
"""Shares of the groups that are not for training where groups are split in order."""


def split_by_name(names: Sequence[str]) -> np.ndarray:
    """Assign about 80 / 10 / 10 % of the snapshots to train / val / test, by a hash of their names.

    A snapshot keeps its split when others are added or removed, but for very small sets: there
    those with the lowest hashes fill a test or val split that would be empty. How a system spells
    an accented letter, as one character or as two, makes no difference.

    Args:
        names: A name for each snapshot, length S.

    Returns:
        "train", "val" or "test", shape (S,). From three snapshots on no split is empty; one or two
        are all "train".
    """
    count = len(names)
    splits = np.full(count, "train")
    if count < 3:
        return splits
    position = np.array([_position(name) for name in names])
    test = int(np.clip((position < 0.1).sum(), 1, count - 2))
    val = int(np.clip((position < 0.2).sum(), test + 1, count - 1))
    order = sorted(range(count), key=lambda i: (position[i], names[i]))
    splits[order[:val]] = "val"
    splits[order[:test]] = "test"
    return splits


def split_in_order(groups: np.ndarray) -> np.ndarray:
    """The first groups for training, those that follow for validation, the last ones for test.

    For snapshots in the order of time, neighbours of which are alike, and for groups that are
    random already.

    Args:
        groups: Of the snapshots, numbers that rise in order, shape (S,).

    Returns:
        "train", "val" or "test", shape (S,): about 60 / 16 / 24 % of the groups, at least one for
        validation and test each if there are three or more.
    """
    index = np.unique(groups, return_inverse=True)[1]
    count = int(index.max()) + 1
    least = int(count >= 3)
    test, val = (max(round(share * count), least) for share in IN_ORDER.values())
    return np.select([index >= count - test, index >= count - test - val], ["test", "val"], "train")


def hold_out(splits: np.ndarray) -> np.ndarray:
    """Turn a random tenth of the training snapshots into validation ones, the same in every run.

    Args:
        splits: "train", "val" or "test", shape (S,).

    Returns:
        The same with at most 2,000 "val" in place of "train", at least one if there are two.
    """
    train = np.flatnonzero(splits == "train")
    count = min(MOST_VALIDATION, max(len(train) // 10, 1), max(len(train) - 1, 0))
    changed = splits.copy()
    changed[np.random.default_rng(0).choice(train, count, replace=False)] = "val"
    return changed


def fill_splits(splits: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Published splits with those added that they lack.

    Args:
        splits: "train", "val" or "test", shape (S,).
        names: A name for each snapshot, length S.

    Returns:
        The same if all three are there. Validation snapshots stand in for test ones that lack, and
        training ones for validation ones (`hold_out`). Without training snapshots, or with nothing
        else, all are split anew by `split_by_name`.
    """
    present = set(splits.tolist())
    if present == {"train", "val", "test"}:
        return splits
    if "train" not in present or len(present) == 1:
        return split_by_name(names)
    return hold_out(np.where(splits == "val", "test", splits))


def _position(name: str) -> float:
    """A number in [0, 1) that a name decides."""
    spelt = unicodedata.normalize("NFC", name).encode("utf-8", "backslashreplace")
    return int.from_bytes(hashlib.blake2b(spelt, digest_size=8).digest(), "big") / 2**64
