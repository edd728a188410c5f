"""Which points stay observed: one at least, in patterns of several kinds."""

import numpy as np
import pytest

from mamba_diffae.training.data.withholding import MIXTURE, stay_observed


def places(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 2))


def draws(pattern: str, at: np.ndarray, other: np.ndarray | None, count: int = 300) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.array([stay_observed(rng, pattern, at, other) for _ in range(count)])


@pytest.mark.parametrize("pattern", MIXTURE)
@pytest.mark.parametrize("count", [2, 3, 40])
def test_some_places_stay_and_some_are_withheld(pattern, count):
    kept = draws(pattern, places(count), places(7, seed=3)).sum(axis=1)
    assert kept.min() >= 1
    assert kept.max() <= count - 1


@pytest.mark.parametrize("pattern", ["random", "block", "clusters"])
def test_counts_are_log_uniform_from_one_up(pattern):
    kept = draws(pattern, places(64), None, 2000).sum(axis=1)
    shares = np.histogram(np.log2(kept + 0.5), bins=[0, 2, 4, 6])[0] / 2000
    np.testing.assert_allclose(shares, [1 / 3] * 3, atol=0.05)


def test_stations_that_another_snapshot_lacks_are_withheld():
    at = places(30)
    missing = np.isin(np.arange(30), [3, 8, 20])
    assert all(np.array_equal(kept, ~missing) for kept in draws("gaps", at, at[~missing], 5))


def test_a_hole_of_another_snapshot_is_withheld():
    at, other = places(200), places(200, seed=3)
    hole = np.linalg.norm(at - 0.5, axis=1) < 0.2
    other = other[np.linalg.norm(other - 0.5, axis=1) > 0.25]
    assert not draws("gaps", at, other, 5)[:, hole].any()


def test_a_block_is_missing_and_a_cluster_is_all_there_is():
    at = places(60)
    for pattern in ("block", "clusters"):
        for kept in draws(pattern, at, None, 20):
            near = kept if pattern == "clusters" else ~kept
            if near.sum() < 2 or near.sum() > 20:
                continue
            centres = at[near]
            radius = np.linalg.norm(centres[:, None] - centres, axis=-1)
            # From one of the near ones all others of them are nearer than any far one.
            far = np.linalg.norm(centres[:, None] - at[~near], axis=-1)
            assert (radius.max(axis=1) <= far.min(axis=1)).any()
