"""The processes that train one network: what one of them does for all, what all must know."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, final

import torch
from torch import Tensor

T = TypeVar("T")
_PATIENCE = 10.0
"""Seconds until it is said for which processes this one waits."""


@final
class Processes:
    """The processes of a training: one, or as many as `accelerate launch` started.

    They run one program side by side; each must call these methods, in the same order.

    Args:
        device: "auto" (a GPU if there is one), "cpu" or "cuda".

    Attributes:
        rank: The number of this process, from 0.
        count: How many there are.
        device: Where this process computes.

    Raises:
        ValueError: If the device is not there.
    """

    def __init__(self, device: str) -> None:
        from accelerate.state import AcceleratorState, PartialState

        on_gpu = _on_gpu(device)
        if not torch.distributed.is_initialized():
            # Accelerate remembers the first device and precision of a process for good; a notebook
            # may train on the CPU first and on the GPU then.
            AcceleratorState._reset_state(reset_partial_state=True)
        with _waiting_told():
            state = PartialState(cpu=not on_gpu)
        assert state.device is not None
        self.rank, self.count, self.device = state.process_index, state.num_processes, state.device

    @property
    def main(self) -> bool:
        """Whether this is the process that writes files and speaks to the user."""
        return self.rank == 0

    def run_on_main(self, action: Callable[[], T]) -> T:
        """Let the main process alone do something; the others wait.

        Returns:
            What it got, in every process.

        Raises:
            Exception: What it raised, in every process.
        """
        from accelerate.utils import broadcast_object_list

        if self.count == 1:
            return action()
        outcome: list[Any] = [None, None]
        if self.main:
            try:
                outcome[0] = action()
            except Exception as error:
                outcome[1] = error
        result, error = broadcast_object_list(outcome)
        if error is not None:
            raise error
        return result

    def mean(self, value: Tensor) -> Tensor:
        """The mean over the processes; NaN if it is NaN in one."""
        from accelerate.utils import reduce

        mean = reduce(value.detach(), "mean")
        assert isinstance(mean, Tensor)
        return mean

    def any(self, flag: bool) -> bool:
        """Whether it is so in one process at least."""
        return self.mean(torch.tensor(float(flag), device=self.device)).item() > 0

    def broadcast(self, number: float) -> float:
        """The number that the main process gave, to the last bit."""
        from accelerate import utils

        given = torch.tensor(number, dtype=torch.float64, device=self.device)
        utils.broadcast(given)
        return given.item()

    def check_batch(self, phase: str, size: int) -> None:
        """Refuse a batch, with a ValueError, that cannot be cut into equal shares."""
        if size % self.count:
            raise ValueError(
                f"The batches of phase {phase!r} hold {size}, which {self.count} processes cannot "
                f"share equally; set {phase}.batch_size to a multiple of {self.count}, such as "
                f"{size - size % self.count + self.count}, or start another number of processes."
            )

    def check_alike(self, facts: Mapping[str, Any]) -> None:
        """Refuse facts, with a ValueError in every process, that are not the same in all."""
        from accelerate.utils import gather_object

        everywhere = gather_object([dict(facts)])
        for rank, theirs in enumerate(everywhere):
            first = everywhere[0]
            if names := [n for n in {**first, **theirs} if first.get(n) != theirs.get(n)]:
                raise ValueError(
                    f"The processes were given different {', '.join(names)}: {names[0]} is "
                    f"{first.get(names[0])} in process 0 and {theirs.get(names[0])} in process "
                    f"{rank}. Start every process with the same data, settings and seed."
                )


@contextmanager
def _waiting_told() -> Iterator[None]:
    """Say after a while which processes are awaited, which may be a stray variable's invention."""
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    found = ", ".join(f"{name}={os.environ[name]}" for name in names if name in os.environ)
    alone = "unset them if this is to train alone, or start all by accelerate launch"
    told = f"\nWaiting for other processes, by {found}; {alone}.\n"
    timer = threading.Timer(_PATIENCE, lambda: os.write(2, told.encode()))
    timer.daemon = True
    if found:
        timer.start()
    try:
        yield
    except (ValueError, RuntimeError) as error:
        if not found:
            raise
        raise ValueError(
            f"The environment says that this is one of several processes ({found}), which cannot "
            f"be joined ({error}); {alone}."
        ) from error
    finally:
        timer.cancel()


def _on_gpu(device: str) -> bool:
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"Unknown device {device!r}; choose auto, cpu or cuda.")
    gpu = torch.cuda.is_available()
    if device == "cuda" and not gpu:
        raise ValueError("Device cuda was asked, but torch finds no GPU; choose auto or cpu.")
    return gpu and device != "cpu"
