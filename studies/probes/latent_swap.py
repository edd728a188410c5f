"""Latents swapped between pictures: each decoded from another one's latent, with its own points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import psnr
from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.models.config import DecoderInputs

READ: Sequence[DecoderInputs] = ("latent+points", "latent")
"""What the decoder reads."""


@final
@dataclass(frozen=True)
class Swap:
    """How far another picture's latent moves the mean.

    Attributes:
        decoder_inputs: What the decoder reads.
        count: Pictures.
        moved: Root mean square of the change of the mean, over that of truth − mean.
        own_psnr: PSNR from the own latent, in dB.
        other_psnr: From another picture's.
    """

    decoder_inputs: DecoderInputs
    count: int
    moved: float
    own_psnr: float
    other_psnr: float


def swap_latents(model: FieldAutoencoder, data: FieldData, seen: Observations) -> list[Swap]:
    """How far the mean moves, by what the decoder reads.

    Args:
        model: With a latent.
        data: Fields of distinct groups, two at least.
        seen: What was observed of them.
    """
    latents = model.encode(seen)
    return [_swapped(model, data, seen, latents, read) for read in READ]


def _swapped(
    model: FieldAutoencoder,
    data: FieldData,
    seen: Observations,
    latents: np.ndarray,
    read: DecoderInputs,
) -> Swap:
    truth, weights = data.unit_interval(data.values), data.weights()
    own, other = (
        data.unit_interval(model.predict(seen, data, latents=z, decoder_inputs=read).mean)
        for z in (latents, np.roll(latents, 1, axis=0))
    )
    change, error = (np.average(np.square(mean - own), weights=weights) for mean in (other, truth))
    scores = (float(psnr(mean, truth, weights).mean()) for mean in (own, other))
    return Swap(read, len(data), float(np.sqrt(change / error)), *scores)
