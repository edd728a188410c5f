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
from mamba_diffae.fields import GridField, observe
from mamba_diffae.latent import reconstructions
from mamba_diffae.latent.interpolation import NOISES, NoiseKind
from mamba_diffae.models.config import Context

CONTEXTS: Sequence[Context] = ("latent", "latent+points")


@final
@dataclass(frozen=True)
class Rebuilt:
    """Pictures rebuilt in one way.

    Attributes:
        fraction: Share of the cells that the latent is encoded from.
        context: What the decoder reads.
        noise: None (the mean), a seeded one, or the picture's own.
        count: Pictures.
        psnr: In dB, with its interval.
    """

    fraction: float
    context: Context
    noise: NoiseKind
    count: int
    psnr: Interval


def rebuilt_arrays(
    model: FieldAutoencoder,
    truth: GridField,
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
        "psnr", shape (fractions, contexts, noises, S), and "groups", shape (S,).
    """
    unit, scores = truth.scaling.unit, []
    for fraction in fractions:
        seen = observe(truth, fraction, seed=seed)
        found = reconstructions(model, truth, seen, seed=seed, steps=steps)
        for context, noise in product(CONTEXTS, NOISES):
            scores.append(psnr(unit(found[context, noise]), unit(truth.at(truth.size))))
        on_progress(f"inverted noise from {fraction:.0%} of the cells")
    shape = len(fractions), len(CONTEXTS), len(NOISES), len(truth)
    return {"psnr": np.reshape(scores, shape), "groups": truth.groups}


def rebuilt(arrays: Mapping[str, np.ndarray], fractions: Sequence[float]) -> list[Rebuilt]:
    """Every way to rebuild, from each share of the cells.

    Args:
        arrays: From `rebuilt_arrays`.
        fractions: Shares of the cells.
    """
    groups, scores = arrays["groups"], arrays["psnr"].reshape(-1, len(arrays["groups"]))
    ways = product(fractions, CONTEXTS, NOISES)
    return [
        Rebuilt(*way, len(groups), bootstrap_interval(row, groups))
        for way, row in zip(ways, scores, strict=True)
    ]
