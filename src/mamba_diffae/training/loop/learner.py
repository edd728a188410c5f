"""One step of learning: gradients, clipping, the optimiser, the average of the weights."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, Self, final

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import PARAM_LIST, AveragedModel, get_ema_multi_avg_fn

from mamba_diffae.training.loop.config import TrainingConfig
from mamba_diffae.training.loop.processes import Processes
from mamba_diffae.training.objectives.base import Objective

if TYPE_CHECKING:
    from accelerate import Accelerator

_COMPILER_CACHE = "TORCHINDUCTOR_CACHE_DIR"


class Batch(Protocol):
    """What the trainer asks of a batch; all else is between `batches` and the objective."""

    @property
    def size(self) -> int:
        """Fields in it."""
        ...

    def to(self, device: torch.device) -> Self:
        """The same batch on a device."""
        ...

    def shard(self, rank: int, count: int) -> Self:
        """One of `count` equal shares: so much of it does each of several processes learn from."""
        ...

    def describe(self) -> str:
        """The data it holds, such as "fields 12, 77", for messages."""
        ...


Batches = Callable[[int], Batch]
"""From the number of a batch to the batch; nothing else but fixed seeds decides what is in it."""


@final
class NonFiniteLossError(FloatingPointError):
    """The loss or its gradient became NaN or infinite."""


@final
class Learner:
    """A network, its optimiser and its moving average, alike in every process.

    Args:
        model: Trained in place, and moved to the device.
        objective: What is learned.
        config: How.
        processes: Among which each batch is shared.
    """

    def __init__(
        self, model: nn.Module, objective: Objective, config: TrainingConfig, processes: Processes
    ) -> None:
        self.config, self.model, self.processes = config, model, processes
        self.objective = objective
        self.accelerator = _accelerator(processes, config.accumulation)
        objective.prepare(model.train())
        self.loss, self.optimizer = self.accelerator.prepare(
            _Loss(model, objective), _optimizer(model, config)
        )
        self.ema = AveragedModel(model, multi_avg_fn=self._average, use_buffers=True).eval()

    def learn(self, batches: Sequence[Batch], rate: float, progress: float = 0.0) -> float:
        """Make one step.

        Args:
            batches: As many as `config.accumulation` says, whole ones, the same in every process;
                their gradients are averaged.
            rate: The learning rate.
            progress: Share of the phase that is done.

        Returns:
            The mean of their losses.

        Raises:
            NonFiniteLossError: If a loss or the gradient is not finite; the weights have not moved.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.objective.begin_step(progress)
        losses = [self._accumulate(batch, batches) for batch in batches]
        self.ema.update_parameters(self.model)
        return sum(losses) / len(losses)

    def _accumulate(self, batch: Batch, batches: Sequence[Batch]) -> float:
        """Add the gradient of one batch; with a step's last one the optimiser moves."""
        share = batch.shard(self.processes.rank, self.processes.count)
        with self.accelerator.accumulate(self.loss):
            loss = self.loss(share.to(self.accelerator.device))
            value = _finite("loss", self.processes.mean(loss), [batch])
            self.accelerator.backward(loss)
            if self.accelerator.sync_gradients:
                parameters = self.loss.parameters()
                norm = self.accelerator.clip_grad_norm_(parameters, self.config.clip_norm)
                _finite("gradient's norm", norm, batches)
            self.optimizer.step()
            self.optimizer.zero_grad()
        return value

    def _average(self, averages: PARAM_LIST, currents: PARAM_LIST, count: Tensor | int) -> None:
        """Move averages towards the weights; called with tensors of one dtype."""
        if averages[0].is_floating_point():
            get_ema_multi_avg_fn(self.config.ema_decay_at(int(count)))(averages, currents, count)
        else:  # counters and indices have no average
            for average, current in zip(averages, currents, strict=True):
                average.copy_(current)


@final
class _Loss(nn.Module):
    """The loss as a forward pass: what Accelerate wraps for bf16 and for several processes."""

    def __init__(self, model: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.model, self.objective = model, objective

    def forward(self, batch: Batch) -> Tensor:
        return self.objective.loss(self.model, batch)


def _finite(what: str, value: Tensor | None, batches: Sequence[Batch]) -> float:
    number = math.nan if value is None else value.item()
    if not math.isfinite(number):
        data = "; ".join(batch.describe() for batch in batches)
        raise NonFiniteLossError(f"The {what} is {number}, on {data}")
    return number


def _optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimiser of the weights that learn; decay is for matrices only."""
    learning = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in learning if p.ndim >= 2 and not getattr(p, "_no_weight_decay", False)]
    spared = {id(p) for p in decayed}
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": [p for p in learning if id(p) not in spared], "weight_decay": 0.0},
    ]
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[config.optimizer]
    _spare_compiler_cache()
    return kind([g for g in groups if g["params"]], lr=config.learning_rate, fused=True)


def _spare_compiler_cache() -> None:
    """Let PyTorch use its own place where the folder that was set for its compiler cannot be made.

    It makes that folder with its first optimiser, and fails if it cannot; nothing is compiled here.
    """
    folder = os.environ.get(_COMPILER_CACHE)
    try:
        if folder:
            os.makedirs(folder, exist_ok=True)
    except OSError:
        del os.environ[_COMPILER_CACHE]


def _accelerator(processes: Processes, accumulation: int) -> Accelerator:
    from accelerate import Accelerator
    from accelerate.utils import DistributedDataParallelKwargs, GradientAccumulationPlugin

    on_gpu = processes.device.type == "cuda"
    return Accelerator(
        cpu=not on_gpu,
        mixed_precision="bf16" if on_gpu and torch.cuda.is_bf16_supported() else "no",
        gradient_accumulation_plugin=GradientAccumulationPlugin(
            num_steps=accumulation, sync_with_dataloader=False
        ),
        # Which weights a loss reaches differs from phase to phase, and from share to share.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
