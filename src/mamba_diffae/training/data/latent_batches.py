"""Batches of latents, for the flow of what latents there are."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.flow import fold
from mamba_diffae.training.data.order import epoch_indices


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

        rows = epoch_indices(count, step, self.batch_size, order)
        keys = fold(fold(torch.tensor([self.seed]), step), torch.arange(self.batch_size))
        index = torch.from_numpy(rows)
        return LatentBatch(self.latents[index], keys, index % self.count)
