"""Sets of observations that serve several steps."""

from __future__ import annotations

import torch
from field_cases import no_prior, same

from mamba_diffae.training.data.batches import ROUND, FieldBatches, observed_in
from mamba_diffae.training.data.config import DataConfig


def test_sets_come_round_and_are_made_once_each():
    steps = range(4 * ROUND * 3)
    assert [observed_in(s, 1) for s in steps] == list(steps)
    numbers = torch.tensor([observed_in(s, 4) for s in steps])
    assert torch.bincount(numbers).tolist() == [4] * (3 * ROUND)
    # The same set comes again after a round, never in the next step.
    assert (numbers[1:] != numbers[:-1]).all()


def test_a_set_serves_several_steps_at_other_queries_and_by_the_step_alone(inside) -> None:
    data = inside(count=10, variables=2)
    config = DataConfig(queries=50, fractions=(0.05, 0.4), observed_shape=(12, 12), reuse=2)

    def make() -> FieldBatches:
        return FieldBatches(data, config, no_prior(data), seed=1, batch_size=4, anchor_shape=(6, 6))

    batches = make()
    first, again = batches(3), batches(3 + ROUND)
    assert torch.equal(first.inputs.values, again.inputs.values)
    assert not torch.equal(first.query_coords, again.query_coords)
    assert not torch.equal(first.keys, again.keys)
    assert same(make()(3 + ROUND), again)
