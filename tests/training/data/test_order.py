"""In which order fields come: each once, and groups together where that is asked."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mamba_diffae.training.data.order import SIDE_BY_SIDE, epoch_indices, shuffle_grouped


@given(st.integers(1, 40), st.integers(1, 50))
def test_each_comes_once_before_any_comes_twice(count: int, batch_size: int) -> None:
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng(epoch).permutation(count)

    steps = 2 * count // batch_size + 1
    seen = np.concatenate([epoch_indices(count, step, batch_size, order) for step in range(steps)])
    for epoch in range(len(seen) // count):
        assert seen[epoch * count :][:count].tolist() == order(epoch).tolist()


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.integers(0, 5))
def test_groups_stand_together_in_a_permutation(groups: list[int], seed: int) -> None:
    known = np.array(groups)
    order = shuffle_grouped(np.random.default_rng(seed), known)
    assert sorted(order) == list(range(len(groups)))
    changes = int((np.diff(known[order]) != 0).sum()) + 1
    assert changes <= sum(-(-int(size) // SIDE_BY_SIDE) for size in np.bincount(known))


def test_another_seed_is_another_order_of_groups_and_within_them() -> None:
    groups = np.repeat(np.arange(6), 5)
    a, b = (shuffle_grouped(np.random.default_rng(seed), groups) for seed in (0, 1))
    assert groups[a].tolist() != groups[b].tolist()
    assert a[groups[a] == 0].tolist() != b[groups[b] == 0].tolist()
