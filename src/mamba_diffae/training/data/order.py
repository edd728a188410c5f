"""In which order fields are learned from: each once before any comes twice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SIDE_BY_SIDE = 8
"""Fields of one group that stay together, at most."""


def epoch_indices(
    count: int, step: int, batch_size: int, order: Callable[[int], np.ndarray]
) -> np.ndarray:
    """Which of `count` come in the batch of a step.

    Args:
        count: To choose from.
        step: Number of the batch.
        batch_size: How many.
        order: From the number of an epoch to its permutation of all.

    Returns:
        Shape (batch_size,).
    """
    first, last = step * batch_size, (step + 1) * batch_size
    epochs = range(first // count, (last - 1) // count + 1)
    orders = np.concatenate([order(epoch) for epoch in epochs])
    return orders[first - epochs.start * count :][:batch_size]


def shuffle_grouped(rng: np.random.Generator, groups: np.ndarray) -> np.ndarray:
    """A permutation that keeps fields of one group together, `SIDE_BY_SIDE` of them at most.

    Args:
        rng: Of groups and of fields within them.
        groups: Group of each field, shape (S,).

    Returns:
        Shape (S,).
    """
    fields = rng.permutation(len(groups))
    fields = fields[np.argsort(groups[fields], kind="stable")]
    sorted_groups = groups[fields]
    rank = np.arange(len(fields)) - np.searchsorted(sorted_groups, sorted_groups)
    together = np.split(fields, np.flatnonzero(rank % SIDE_BY_SIDE == 0)[1:])
    return np.concatenate([together[i] for i in rng.permutation(len(together))])
