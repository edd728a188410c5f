"""The next batch, made while the network learns from this one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import torch

from mamba_diffae.training.loop.learner import Batch, Batches


@contextmanager
def prefetch(batches: Batches) -> Iterator[Batches]:
    """The same batches; after one is asked, the next is made on another thread.

    A batch depends on its number alone, so nothing else changes. Meanwhile torch computes with one
    thread less, if it has several: else they would wait for the one that the batches hold up.
    """
    pending: dict[int, Future[Batch]] = {}
    with _one_thread_less(), ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:

        def batch(number: int) -> Batch:
            made = pending.pop(number, None)
            ready = made.result() if made is not None else batches(number)
            pending[number + 1] = pool.submit(batches, number + 1)
            return ready

        yield batch


@contextmanager
def _one_thread_less() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads - 1))
    try:
        yield
    finally:
        torch.set_num_threads(threads)
