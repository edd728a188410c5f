"""Latents swapped between pictures: each decoded from another one's latent, with its own points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import psnr
from mamba_diffae.fields import FieldBatch, GridField
from mamba_diffae.models.config import Context

CONTEXTS: Sequence[Context] = ("latent+points", "latent")


@final
@dataclass(frozen=True)
class Swap:
    """How far another picture's latent moves the mean.

    Attributes:
        context: What the decoder reads.
        count: Pictures.
        moved: Root mean square of the change of the mean, over that of truth − mean.
        own_psnr: PSNR from the own latent, in dB.
        other_psnr: From another picture's.
    """

    context: Context
    count: int
    moved: float
    own_psnr: float
    other_psnr: float


def swap_latents(model: FieldAutoencoder, pictures: GridField, seen: FieldBatch) -> list[Swap]:
    """How far the mean moves, in both contexts.

    Args:
        model: With a latent.
        pictures: Complete fields of distinct bases, two at least.
        seen: What was observed of them.
    """
    latents = model.encode(seen)
    return [_swapped(model, pictures, seen, latents, context) for context in CONTEXTS]


def _swapped(
    model: FieldAutoencoder,
    pictures: GridField,
    seen: FieldBatch,
    latents: np.ndarray,
    context: Context,
) -> Swap:
    unit, truth = pictures.scaling.unit, pictures.at(pictures.size)
    own, other = (
        model.predict(seen, pictures, latents=z, context=context).mean
        for z in (latents, np.roll(latents, 1, axis=0))
    )
    moved = np.sqrt(np.square(other - own).mean() / np.square(truth - own).mean())
    scores = (float(psnr(unit(mean), unit(truth)).mean()) for mean in (own, other))
    return Swap(context, len(pictures), float(moved), *scores)
