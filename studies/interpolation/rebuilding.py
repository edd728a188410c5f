"""Pictures rebuilt from their latent and their own noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np

from mamba_diffae.benchmark import OnProgress
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import Interval, bootstrap_interval, psnr
from mamba_diffae.fields import FieldData, observe
from mamba_diffae.latent import reconstructions
from mamba_diffae.latent.interpolation import NOISES, NoiseKind
from mamba_diffae.models.config import DecoderInputs

READ: Sequence[DecoderInputs] = ("latent", "latent+points")
"""What the decoder reads."""


@final
@dataclass(frozen=True)
class Rebuilt:
    """Pictures rebuilt in one way.

    Attributes:
        fraction: Share of the cells that the latent is encoded from.
        decoder_inputs: What the decoder reads.
        noise: None (the mean), a seeded one, or the field's own.
        count: Pictures.
        psnr: In dB, with its interval.
    """

    fraction: float
    decoder_inputs: DecoderInputs
    noise: NoiseKind
    count: int
    psnr: Interval


def rebuilt_arrays(
    model: FieldAutoencoder,
    truth: FieldData,
    fractions: Sequence[float],
    steps: int,
    seed: int,
    on_progress: OnProgress,
) -> dict[str, np.ndarray]:
    """PSNR of every picture, and the pictures' groups.

    Args:
        model: Fitted, with its flow trained.
        truth: Complete fields.
        fractions: Shares of the cells.
        steps: Steps of Heun's solver.
        seed: Of observations and noise.
        on_progress: Told what is done.

    Returns:
        "psnr", shape (fractions, decoder inputs, noises, S), and "groups", shape (S,).
    """
    unit, weights, scores = truth.unit_interval, truth.weights(), []
    for fraction in fractions:
        seen = observe(truth, fraction, seed=seed)
        found = reconstructions(model, truth, seen, seed=seed, steps=steps)
        ways = product(READ, NOISES)
        scores += [psnr(unit(found[way]), unit(truth.values), weights) for way in ways]
        on_progress(f"inverted noise from {fraction:.0%} of the cells")
    shape = len(fractions), len(READ), len(NOISES), len(truth)
    return {"psnr": np.reshape(scores, shape), "groups": truth.groups}


def rebuilt(arrays: Mapping[str, np.ndarray], fractions: Sequence[float]) -> list[Rebuilt]:
    """Every way to rebuild, from each share of the cells.

    Args:
        arrays: From `rebuilt_arrays`.
        fractions: Shares of the cells.
    """
    groups, scores = arrays["groups"], arrays["psnr"].reshape(-1, len(arrays["groups"]))
    ways = product(fractions, READ, NOISES)
    return [
        Rebuilt(*way, len(groups), bootstrap_interval(row, groups))
        for way, row in zip(ways, scores, strict=True)
    ]
