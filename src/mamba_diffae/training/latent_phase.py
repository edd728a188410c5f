"""Phase "latent": a flow from noise to the latents of an autoencoder that is done learning."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import Self, final

import numpy as np
import torch
from torch import Tensor, nn

from mamba_diffae.fields import GridField
from mamba_diffae.flow import fold, linear_path, normals, uniform
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.config import LatentPriorConfig
from mamba_diffae.models.latent_prior import LatentPrior
from mamba_diffae.training.batches import DataConfig
from mamba_diffae.training.checkpoint import BEST, Checkpoint
from mamba_diffae.training.config import TrainingConfig
from mamba_diffae.training.latents import FieldEncoder, LatentCache
from mamba_diffae.training.order import in_turn
from mamba_diffae.training.processes import Processes
from mamba_diffae.training.run import Run
from mamba_diffae.training.trainer import TrainingInterrupted, Validate, train

NAME = "latent"
METRIC = "minus_loss"
"""Validation: the loss with its sign turned, since a highest score is best."""
_TIME, _NOISE, _VALIDATION = range(3)
_DRAWS = 16
"""Times and noises at which every validation latent is judged."""


@final
@dataclass(frozen=True, eq=False)
class LatentBatch:
    """Latents of one step, as the encoder gave them.

    Attributes:
        latents: Shape (B, latent_dim).
        keys: What every further random draw depends on, shape (B,), int64.
        index: Which fields they are of, shape (B,).
    """

    latents: Tensor
    keys: Tensor
    index: Tensor

    @property
    def size(self) -> int:
        """Latents in the batch."""
        return len(self.index)

    def describe(self) -> str:
        """Which fields, for messages."""
        return "latents of fields " + ", ".join(map(str, self.index.tolist()))

    def to(self, device: torch.device) -> Self:
        """The same batch on another device."""
        return type(self)(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def shard(self, rank: int, count: int) -> Self:
        """One of `count` equal shares: for each of several processes."""
        part = self.size // count
        rows = slice(rank * part, (rank + 1) * part)
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@final
class LatentBatches:
    """Batches of latents: call with a step.

    Args:
        latents: Shape (encodings, S, latent_dim).
        seed: With the step, all that a batch depends on.
        batch_size: Latents in a batch.
    """

    def __init__(self, latents: Tensor, *, seed: int, batch_size: int) -> None:
        self.latents, self.seed, self.batch_size = latents.flatten(0, 1), seed, batch_size
        self.count = latents.shape[1]

    def __call__(self, step: int) -> LatentBatch:
        """The batch of a step, on the CPU."""
        count = len(self.latents)

        def order(epoch: int) -> np.ndarray:
            return np.random.default_rng((self.seed, epoch)).permutation(count)

        rows = in_turn(count, step, self.batch_size, order)
        keys = fold(fold(torch.tensor([self.seed]), step), torch.arange(self.batch_size))
        index = torch.from_numpy(rows)
        return LatentBatch(self.latents[index], keys, index % self.count)


@final
class LatentPhase:
    """The prior learns the velocity of the flow from noise to standardised latents."""

    name = NAME

    def prepare(self, model: LatentPrior) -> None:
        """Everything learns."""
        model.requires_grad_(True)

    def loss(self, model: LatentPrior, batch: LatentBatch) -> Tensor:
        """Mean squared error of the velocity along the path."""
        x_1 = model.standardise(batch.latents)
        x_0 = normals(fold(batch.keys, _NOISE), x_1.shape[1])
        path = linear_path(x_0, x_1, uniform(fold(batch.keys, _TIME)))
        return (model(path.x_t, path.t) - path.u_t).square().mean()


def latent_validator(latents: Tensor) -> Validate:
    """The loss, with its sign turned, at fixed times and noises.

    Args:
        latents: Of unseen fields, shape (S, latent_dim).

    Returns:
        From a prior to {"minus_loss": number}.
    """
    rows = torch.arange(len(latents)).repeat(_DRAWS)
    keys = fold(torch.tensor([_VALIDATION]), torch.arange(len(rows)))
    batch = LatentBatch(latents[rows], keys, rows)

    @torch.no_grad()
    def scores(model: nn.Module) -> dict[str, float]:
        assert isinstance(model, LatentPrior)
        loss = LatentPhase().loss(model, batch.to(next(model.parameters()).device))
        return {METRIC: -float(loss)}

    return scores


def train_latent_diffusion(
    net: MambaDiffusionAutoencoder,
    truth: GridField,
    run: Run,
    *,
    prior: LatentPriorConfig,
    config: TrainingConfig,
    data: DataConfig,
    seed: int = 0,
    resume: bool = False,
    device: str = "auto",
) -> LatentPrior:
    """Phase 3: encode complete fields once, then learn what latents there are.

    Args:
        net: The autoencoder; it stays as it is.
        truth: The fields it was trained on, with splits.
        run: Where latents, checkpoints and metrics go.
        prior: Sizes of the network that learns.
        config: Length and rates.
        data: Cells, mirror images, and how often a field is encoded.
        seed: Same seed, same result.
        resume: Whether to go on from the run's last checkpoint.
        device: "auto", "cpu" or "cuda".

    Returns:
        The averaged network, in eval mode: as it was when it was best at validation latents, if
        there are any. Few fields would else be learned by heart.

    Raises:
        ValueError: As `train`.
        TrainingInterrupted: After Ctrl-C.
    """
    latents, unseen = _encoded(net, truth, run, data, seed, config.show_progress, device)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LatentPrior(prior)
    model.learn_gaussian(latents.flatten(0, 1))
    trained = train(
        model,
        LatentPhase(),
        LatentBatches(latents, seed=seed, batch_size=config.batch_size),
        config,
        run,
        validate=None if unseen is None else latent_validator(unseen.flatten(0, 1)),
        resume=resume,
        device=device,
    )
    assert isinstance(trained, LatentPrior)
    if unseen is not None:
        Checkpoint(run.path / NAME / BEST).load_ema(trained)
    return trained.eval()


def _encoded(
    net: MambaDiffusionAutoencoder,
    truth: GridField,
    run: Run,
    data: DataConfig,
    seed: int,
    show: bool,
    device: str,
) -> tuple[Tensor, Tensor | None]:
    """Latents of training and of validation fields; the main process alone encodes."""
    processes = Processes(device)
    encoder = FieldEncoder(net.to(processes.device), truth.split("train"), data, seed)
    cache = LatentCache(run, encoder, truth)

    def fill() -> None:
        started = time.monotonic()
        before = run.facts["elapsed"].get(_ENCODING, 0.0)
        try:
            cache.fill(show=show)
        except KeyboardInterrupt as stop:
            command = run.facts.get("command", "the same command")
            raise TrainingInterrupted(
                f"Stopped by Ctrl-C while encoding; what is encoded is kept in {cache.folder}: go "
                f"on with `{command} --resume`."
            ) from stop
        finally:
            spent = round(before + time.monotonic() - started, 2)
            run.update(elapsed={**run.facts["elapsed"], _ENCODING: spent})

    processes.once(fill)
    latents = cache.read("train")
    assert latents is not None
    return latents, cache.read("val")


_ENCODING = "encoding"
"""Under which the time for it stands in `run.json`."""
