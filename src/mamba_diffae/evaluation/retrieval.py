"""Is a field known again? Features of one share of its cells find those of another share."""

from __future__ import annotations

import numpy as np
import torch

from mamba_diffae.fields import FieldData, FieldError, Observations


def halves(observations: Observations, seed: int = 0) -> tuple[Observations, Observations]:
    """Every field's observations in two halves that share no point.

    Args:
        observations: At least two points a field.
        seed: Field b is divided with the key (seed, b).

    Raises:
        FieldError: If a field has a single point.
    """
    parts: tuple[list[Observations], list[Observations]] = ([], [])
    for b, seen in enumerate(observations.fields()):
        count = seen.coords.shape[1]
        if count < 2:
            raise FieldError(
                f"Field {b} has a single observation, which cannot be divided in two; observe more."
            )
        order = np.random.default_rng((seed, b)).permutation(count)
        for part, rows in zip(parts, (order[: count // 2], order[count // 2 :]), strict=True):
            part.append(seen.points(torch.from_numpy(np.sort(rows))))
    return Observations.stack(parts[0]), Observations.stack(parts[1])


def standardised(*features: np.ndarray) -> tuple[np.ndarray, ...]:
    """Features with mean 0 and deviation 1 in every column, over all that are given together.

    Args:
        features: Each of shape (S, F).
    """
    together = np.concatenate(features)
    mean, deviation = together.mean(axis=0), together.std(axis=0)
    return tuple((x - mean) / np.where(deviation > 0, deviation, 1) for x in features)


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosine of the angle between every row of one and every row of the other.

    Args:
        a: Shape (S, F).
        b: Shape (T, F).

    Returns:
        Shape (S, T).
    """
    unit = [x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12) for x in (a, b)]
    return unit[0] @ unit[1].T


def retrieved(similarity: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Retrieval@1: whether the field most like each is the same one, both ways, averaged.

    Args:
        similarity: Of field i from one share of its cells and field j from the other, shape (S, S).
        same: Fields with equal numbers are the same field, shape (S,), as `copies` tells.

    Returns:
        0, ½ or 1 for each field, shape (S,).
    """
    there, back = similarity.argmax(axis=1), similarity.argmax(axis=0)
    return ((same[there] == same) + 1.0 * (same[back] == same)) / 2


def copies(truth: FieldData) -> np.ndarray:
    """A number for each field, equal for those with equal native values and gaps, shape (S,)."""
    numbers: dict[bytes, int] = {}
    rows = zip(truth.values, truth.valid_mask(), strict=True)
    return np.array([numbers.setdefault(v.tobytes() + m.tobytes(), len(numbers)) for v, m in rows])
