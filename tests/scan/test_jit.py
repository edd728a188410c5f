"""Kernels with a compiler or a cache in an odd state."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

KERNEL = """
import numpy as np
from mamba_diffae.scan.jit import kernel

@kernel
def double(a):
    a *= 2

a = np.ones(3)
double(a)
print(a.tolist())
"""
SCAN = """
import torch
from mamba_diffae.scan import selective_scan
x, dt, A = torch.randn(1, 5, 2), torch.rand(1, 5, 2), -torch.rand(2, 2)
B, C = torch.randn(2, 1, 5, 2)
ours = selective_scan(x, dt, A, B, C)
print(torch.equal(ours, selective_scan(x, dt, A, B, C, backend="reference")))
"""

pytestmark = pytest.mark.slow


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_a_cache_that_was_cut_short_is_written_anew(tmp_path: Path) -> None:
    script, cache = tmp_path / "kernels.py", tmp_path / "cache"
    script.write_text(KERNEL)
    for ending in ("nbi", "nbc", "n*"):
        done = run(str(script), NUMBA_CACHE_DIR=str(cache))
        assert done.stdout == "[2.0, 2.0, 2.0]\n", done.stderr
        assert {file.suffix for file in cache.rglob("*.n*") if file.stat().st_size} == {
            ".nbi",
            ".nbc",
        }  # whole again
        for file in cache.rglob(f"*.{ending}"):
            file.write_bytes(b"")


def test_without_a_compiler_the_reference_answers() -> None:
    done = run("-c", SCAN, NUMBA_DISABLE_JIT="1")
    assert done.stdout == "True\n", done.stderr
    assert done.stderr.count("NUMBA_DISABLE_JIT") == 1


def test_a_compiler_that_does_not_start_is_none() -> None:
    done = run("-c", SCAN, NUMBA_NUM_THREADS="0")
    assert done.stdout == "True\n", done.stderr
    assert done.stderr.count("Numba does not start") == 1
