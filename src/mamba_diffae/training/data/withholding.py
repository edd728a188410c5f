"""Which points of a snapshot stay observed and which are held back, as gaps really lie."""

from __future__ import annotations

import numpy as np

MIXTURE = {"random": 0.4, "gaps": 0.3, "block": 0.15, "clusters": 0.15}
"""Weight of each pattern."""
_SAME = 0.5
"""Share of the usual distance between neighbours within which another snapshot has a point too."""


def stay_observed(
    rng: np.random.Generator, pattern: str, places: np.ndarray, other: np.ndarray | None
) -> np.ndarray:
    """Which places stay observed: one at least, and one at least is held back.

    `random`: any; `block`: all but those nearest to one of them; `clusters`: those nearest to one
    of them; `gaps`: those near any point of another snapshot, so that holes and stations that did
    not report come back where they were. But for `gaps` the number is log-uniform, from one up.

    Args:
        rng: Source of randomness.
        pattern: One of `MIXTURE`.
        places: Embedded coordinates, shape (P, E), P > 1.
        other: Those of another snapshot, shape (Q, E), Q > 0; None: there is no other.

    Returns:
        Shape (P,), bool.
    """
    total = len(places)
    count = int(total ** rng.random())
    ties = rng.random(total)
    if pattern == "gaps" and other is not None:
        far = _distance(places, other)
        # Where most stations are the same ones, those that are not did not report.
        reach = 0.0 if np.median(far) == 0 else _SAME * _spacing(places)
        near = int((far <= reach).sum())
        count = near if 0 < near < total else count
        order = np.lexsort((ties, far))
    elif pattern in ("block", "clusters"):
        centre = places[rng.integers(total), None]
        far = np.linalg.norm(places - centre, axis=1)
        order = np.lexsort((ties, far if pattern == "clusters" else -far))
    else:
        order = np.argsort(ties)
    kept = np.zeros(total, dtype=bool)
    kept[order[:count]] = True
    return kept


def _distance(places: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of each place from the nearest other, shape (P,)."""
    from scipy.spatial import KDTree

    return KDTree(other).query(places)[0]


def _spacing(places: np.ndarray) -> float:
    """Median distance of a place from its nearest neighbour."""
    from scipy.spatial import KDTree

    return float(np.median(KDTree(places).query(places, k=2)[0][:, 1]))
