"""The next batch, made while the network learns from this one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from mamba_diffae.training.learner import Batch, Batches


@contextmanager
def made_ahead(batches: Batches) -> Iterator[Batches]:
    """The same batches; after one is asked, the next is made on another thread.

    A batch depends on its number alone, so nothing else changes.
    """
    pending: dict[int, Future[Batch]] = {}
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:

        def batch(number: int) -> Batch:
            made = pending.pop(number, None)
            ready = made.result() if made is not None else batches(number)
            pending[number + 1] = pool.submit(batches, number + 1)
            return ready

        yield batch
