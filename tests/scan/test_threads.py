"""The CPU kernel's threads, forks, memory of compiled code, and what an import costs."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from numba.core.caching import _CacheLocator
from scan_cases import cast, draw, results
from torch.utils.data import DataLoader, Dataset

from mamba_diffae.scan import cpu, cpu_kernels, cpu_scratch, jit, selective_scan
from mamba_diffae.scan.backends import STATE_SPACING
from mamba_diffae.scan.threads import run_tasks

SCAN = Path(cpu_kernels.__file__).parent


def small(seed=0):
    inputs = cast(draw(6, 40, 80, 4, K=2, seed=seed), torch.float32)
    return inputs, torch.ones_like(inputs["x"])


def same(got, expected):
    return all(torch.equal(got[name], value) for name, value in expected.items())


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_run_gives_the_same_bits(threads):
    torch.set_num_threads(threads)
    inputs, dy = small()
    expected = results(inputs, dy, backend="cpu")
    assert all(same(results(inputs, dy, backend="cpu"), expected) for _ in range(5))


@pytest.mark.parametrize("batch", [1, 6])
def test_the_number_of_threads_changes_no_bit(batch):
    inputs = cast(draw(batch, 40, 300, 4, K=2), torch.float32)
    dy = torch.randn_like(inputs["x"])
    expected = results(inputs, dy, backend="cpu")
    for threads in (3, 64):
        torch.set_num_threads(threads)
        assert same(results(inputs, dy, backend="cpu"), expected)


def test_a_processor_without_avx2_is_told_of_once(monkeypatch, recwarn):
    inputs, _ = small()
    expected = selective_scan(**inputs, backend="cpu")
    monkeypatch.setattr(cpu.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(cpu, "get_host_cpu_features", lambda: {"avx": True, "avx2": False})
    cpu._warn_without_avx2.cache_clear()
    assert all(torch.equal(selective_scan(**inputs, backend="cpu"), expected) for _ in range(3))
    cpu._warn_without_avx2.cache_clear()
    assert len(recwarn) == 1
    assert "AVX2, which this processor lacks" in str(recwarn[0].message)


def test_other_processors_have_no_avx2_to_miss(monkeypatch, recwarn):
    monkeypatch.setattr(cpu.platform, "machine", lambda: "arm64")
    monkeypatch.setattr(cpu, "get_host_cpu_features", lambda: {"neon": True})
    cpu._warn_without_avx2.cache_clear()
    selective_scan(**small()[0], backend="cpu")
    cpu._warn_without_avx2.cache_clear()
    assert not recwarn


@pytest.mark.parametrize(("threads", "count"), [(1, 0), (1, 5), (4, 0), (4, 1), (4, 3), (3, 100)])
def test_every_task_runs_once(threads, count):
    torch.set_num_threads(threads)
    done = []
    run_tasks(lambda first, last: done.extend(range(first, last)), count)
    assert sorted(done) == list(range(count))


def test_an_error_in_a_task_reaches_the_caller():
    torch.set_num_threads(3)

    def fail(first, last):
        raise MemoryError(f"{first} to {last}")

    with pytest.raises(MemoryError):
        run_tasks(fail, 10)


def test_several_threads_may_call_at_once():
    torch.set_num_threads(2)
    cases = [small(seed) for seed in range(4)]
    expected = [results(*case, backend="cpu") for case in cases]
    with ThreadPoolExecutor(4) as callers:
        got = list(callers.map(lambda case: results(*case, backend="cpu"), cases * 4))
    assert all(same(result, expected[i % 4]) for i, result in enumerate(got))


class Scans(Dataset):
    """Scans in the worker, with as many threads as asked.

    The inputs are few and drawn beforehand: torch's own OpenMP hangs in a forked child with more
    than one thread.
    """

    def __init__(self, threads):
        self.threads, self.cases = threads, [small(seed)[0] for seed in range(2)]

    def __len__(self):
        return 2

    def __getitem__(self, index):
        torch.set_num_threads(self.threads)
        return selective_scan(**self.cases[index], backend="cpu")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks need a POSIX system")
@pytest.mark.parametrize("threads", [1, 2])
def test_forked_data_loader_workers(threads):
    scans = Scans(threads)
    torch.set_num_threads(2)
    expected = [scans[index] for index in range(2)]  # the parent has a pool of threads
    loader = DataLoader(
        scans, batch_size=None, num_workers=1, multiprocessing_context="fork", timeout=60
    )
    for y, wanted in zip(loader, expected, strict=True):
        torch.testing.assert_close(y, wanted)


def test_an_import_loads_no_compiler():
    code = (
        "import sys, mamba_diffae.scan;"
        "loaded = {'numba', 'llvmlite', 'triton'} & set(sys.modules); assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def add_one(values):
    for i in range(values.shape[0]):
        values[i] += 1


def test_no_folder_for_the_compile_cache(monkeypatch):
    def refuse(self):
        raise PermissionError("read-only")

    monkeypatch.setattr(_CacheLocator, "ensure_cache_path", refuse)
    values = np.zeros(3)
    jit.kernel(add_one)(values)
    assert values.tolist() == [1, 1, 1]


def test_a_compile_cache_that_turns_read_only(monkeypatch, tmp_path):
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    compiled = jit.kernel(add_one)

    def refuse(self):
        raise PermissionError("read-only")

    monkeypatch.setattr(_CacheLocator, "ensure_cache_path", refuse)
    values = np.zeros(3)
    compiled(values)
    compiled(values)
    assert values.tolist() == [2, 2, 2]


def test_the_compile_cache_is_used(monkeypatch, tmp_path):
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    hits = []
    for _ in range(2):
        compiled = jit.kernel(add_one)
        compiled(np.zeros(3))
        hits.append(sum(compiled.__wrapped__.stats.cache_hits.values()))
    assert hits == [0, 1]


def test_the_kernels_are_kept_on_disk():
    results(*small(), backend="cpu")
    for kernel in (cpu_kernels.forward, cpu_kernels.backward):
        folder = Path(kernel.__wrapped__.stats.cache_path)
        assert list(folder.glob(f"*{kernel.__name__}*.nbc"))


def test_the_kernels_name_the_sources_they_are_compiled_from():
    """Numba's cache compares cpu_kernels.py alone; else users would keep kernels of old parts."""
    parts = ("simd.py", "cpu_scratch.py", "cpu_adjoint.py")
    digest = hashlib.sha256(b"".join((SCAN / part).read_bytes() for part in parts)).hexdigest()[:12]
    assert digest in (SCAN / "cpu_kernels.py").read_text(), f"write {digest} into cpu_kernels.py"


def test_the_backend_keeps_a_state_a_chunk():
    assert STATE_SPACING["cpu"] == cpu_scratch.T
