"""Queries in chunks: so many of all fields for a CPU, so many of each for other devices."""

import pytest
import torch

from mamba_diffae.models.queries import CHUNK, DEVICE_CHUNK, in_chunks


@pytest.mark.parametrize("batch", [1, 3, CHUNK + 1])
def test_a_cpu_is_asked_so_many_of_all_fields(network, batch) -> None:
    points = torch.arange(3 * CHUNK // batch + 2.0).expand(batch, -1)[..., None]
    parts = in_chunks(network(), points)
    assert all(part.shape[:2].numel() <= max(CHUNK, batch) for part in parts)
    assert len(parts) == -(-points.shape[1] // max(1, CHUNK // batch))
    assert torch.equal(torch.cat(parts, dim=1), points)


@pytest.mark.parametrize("batch", [1, 3])
def test_another_device_is_asked_so_many_of_each_field(network, batch) -> None:
    points = torch.empty(batch, 2 * DEVICE_CHUNK + 1, 2, device="meta")
    parts = in_chunks(network(), points)
    assert [part.shape[1] for part in parts] == [DEVICE_CHUNK, DEVICE_CHUNK, 1]


def test_queries_that_feel_one_another_stay_together(network) -> None:
    points = torch.zeros(1, 2 * CHUNK, 2)
    assert [len(part[0]) for part in in_chunks(network(decoder="scanning"), points)] == [2 * CHUNK]


def test_without_queries_there_is_one_empty_part(network) -> None:
    assert [part.shape for part in in_chunks(network(), torch.zeros(2, 0, 2))] == [(2, 0, 2)]
