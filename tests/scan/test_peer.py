"""Against an independent implementation, mambapy's parallel scan."""

import pytest
import torch
from scan_cases import assert_close, cast, draw, results

MambaBlock = pytest.importorskip("mambapy.mamba").MambaBlock


def mambapy_scan(x, dt, A, B, C, D):
    return MambaBlock.selective_scan(None, x, dt, A, B, C, D)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("length", [1, 64, 200])
def test_mambapy(backend, length):
    inputs = cast(draw(2, length, 24, 16, step=None, order=None), torch.float32)
    dy = torch.randn(2, length, 24)
    assert_close(results(inputs, dy, backend=backend), results(inputs, dy, mambapy_scan), 5e-6)
