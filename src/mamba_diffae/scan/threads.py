"""A pool of threads that follows `torch.get_num_threads()` and survives a fork.

Numba's own threads (`parallel=True`) are not used: their work queue aborts when two threads call
at once, and GNU OpenMP kills a forked child.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Lock

import torch

PARTS_PER_THREAD = 4  # so that a thread slowed down by other work is relieved by the rest


class _Pool:
    """Threads shared by all callers; grows to the largest number asked for."""

    def __init__(self):
        self.lock = Lock()
        self.size = 0
        self.executor: ThreadPoolExecutor | None = None

    def of_size(self, size: int) -> ThreadPoolExecutor:
        with self.lock:
            if self.executor is None or self.size < size:
                self.executor = ThreadPoolExecutor(size, thread_name_prefix="selective_scan")
                self.size = size
            return self.executor


_pool = _Pool()
if hasattr(os, "register_at_fork"):
    # In a forked child the threads are gone, and the lock may be held by one of them.
    os.register_at_fork(after_in_child=_pool.__init__)


def run_tasks(kernel: Callable[[int, int], None], count: int) -> None:
    """Call kernel(first, last) over parts of range(count) on torch's number of threads; wait."""
    threads = min(torch.get_num_threads(), count)
    if threads <= 1:
        kernel(0, count)
        return
    parts = min(PARTS_PER_THREAD * threads, count)
    bounds = [count * part // parts for part in range(parts + 1)]
    waiting = iter(list(pairwise(bounds)))
    executor = _pool.of_size(threads - 1)
    helpers = [executor.submit(_work, kernel, waiting) for _ in range(threads - 1)]
    _work(kernel, waiting)
    for helper in helpers:
        helper.result()


def _work(kernel: Callable[[int, int], None], waiting: Iterator[tuple[int, int]]) -> None:
    for first, last in waiting:
        kernel(first, last)
