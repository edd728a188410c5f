"""A tiny network with synthetic batches; as a script: train, and be killed on the way.

python toy.py RUN BATCH: killed when the network is to learn from that batch.
python toy.py RUN saving: killed between the two renames of the second checkpoint.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from mamba_diffae.training import Objective, Phase, Run, TrainingConfig, train

assert "accelerate" not in sys.modules, "importing mamba_diffae.training must stay light"

CONFIG = TrainingConfig(
    steps=12,
    batch_size=4,
    learning_rate=0.05,
    warmup_steps=3,
    validate_every=3,
    log_every=1,
    checkpoint_every=4,
    show_progress=False,
)


class Toy(nn.Module):
    """An encoder that may be frozen, a decoder, and buffers of both kinds."""

    def __init__(self, width: int = 5) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.encoder = nn.Linear(3, width)
            self.decoder = nn.Linear(width, 2)
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.seen += len(x)
            self.mean.lerp_(x.mean(0), 0.1)
        return self.decoder(torch.tanh(self.encoder(x - self.mean)))


@dataclass(frozen=True)
class ToyBatch:
    x: Tensor
    y: Tensor
    first: int

    @property
    def size(self) -> int:
        return len(self.x)

    def to(self, device: torch.device) -> Self:
        return type(self)(self.x.to(device), self.y.to(device), self.first)

    def shard(self, rank: int, count: int) -> Self:
        part = self.size // count
        rows = slice(rank * part, (rank + 1) * part)
        return type(self)(self.x[rows], self.y[rows], self.first + rank * part)

    def describe(self) -> str:
        return f"fields {self.first} to {self.first + self.size - 1}"


def batches(index: int, size: int = 4) -> ToyBatch:
    """Samples index·size onwards of one endless stream."""
    first = index * size
    rows = [torch.randn(3, generator=torch.Generator().manual_seed(first + i)) for i in range(size)]
    x = torch.stack(rows)
    return ToyBatch(x, torch.stack([x.sum(1), x[:, 0] * x[:, 1]], 1), first)


class ToyObjective(Objective):
    name = "toy"

    def __init__(self, frozen: bool = False) -> None:
        self.frozen = frozen

    def prepare(self, model: Toy) -> None:
        model.requires_grad_(True)
        if self.frozen:
            model.encoder.requires_grad_(False).eval()

    def loss(self, model: Toy, batch: ToyBatch) -> Tensor:
        return (model(batch.x) - batch.y).square().mean()


class Eventful(ToyObjective):
    """Something happens when the network is to learn from a batch, by its number.

    Not when the batch is made: that is ahead of its turn, on another thread.
    """

    def __init__(self, event: Callable[[int], object]) -> None:
        super().__init__()
        self.event = event

    def loss(self, model: Toy, batch: ToyBatch) -> Tensor:
        self.event(batch.first // batch.size)
        return super().loss(model, batch)


def at(number: int, event: Callable[[], object]) -> Eventful:
    """An objective with which something happens at one batch."""
    return Eventful(lambda batch: event() if batch == number else None)


def interrupt() -> None:
    """Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def validate(model: nn.Module) -> dict[str, float]:
    assert not model.training
    batch = batches(1000, 64)
    with torch.no_grad():
        error = (model(batch.x) - batch.y).square().mean().item()
    return {"score": -error, "error": error}


def fit(
    run: Run,
    config: TrainingConfig = CONFIG,
    objective: Objective | None = None,
    phase: str = "autoencoder",
    **options: Any,
) -> nn.Module:
    """`train` on the toy, on the CPU, unless told otherwise."""
    given = {
        "model": Toy(),
        "phase": Phase(phase, objective or ToyObjective()),
        "batches": batches,
        "validate": validate,
        "device": "cpu",
        **options,
    }
    return train(config=config, run=run, **given)


def weights(model: nn.Module) -> dict[str, list]:
    return {name: tensor.tolist() for name, tensor in model.state_dict().items()}


def curve(run: Run) -> list[tuple]:
    """What of the metrics does not depend on the clock."""
    timed = ("seconds", "fields_per_second")
    return [tuple((k, str(v)) for k, v in row.items() if k not in timed) for row in run.metrics()]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_between_renames() -> None:
    renames = 0

    def hook(event: str, arguments: tuple) -> None:
        nonlocal renames
        if event == "os.rename" and str(arguments[1]).endswith("last"):
            renames += 1
            if renames == 3:  # the first checkpoint takes one, the second sets that one aside
                _die()

    sys.addaudithook(hook)


def main(folder: str, when: str) -> None:
    if when == "saving":
        _die_between_renames()
    deadly = ToyObjective() if when == "saving" else at(int(when), _die)
    fit(Run.create(folder, {}), objective=deadly)


if __name__ == "__main__":
    main(*sys.argv[1:])
