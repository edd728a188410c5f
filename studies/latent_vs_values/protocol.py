"""How much is drawn and compared, by scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from mamba_diffae.benchmark.study import Scale


@final
@dataclass(frozen=True)
class GenerationProtocol:
    """What is drawn and compared.

    Attributes:
        count: Pictures in each set, at most.
        train: Training pictures of distinct bases that classifier and Gaussian learn from; None:
            all.
        steps: Steps of the solver.
        classifier_steps: Updates of the classifier whose features are compared.
        components: Of the Gaussian.
        fraction: Share of the cells of a test picture that its latent is encoded from: the least
            share that the flow of latents learns from.
    """

    count: int = 256
    train: int | None = None
    steps: int = 10
    classifier_steps: int = 800
    components: int = 512
    fraction: float = 0.6


PROTOCOLS: Mapping[Scale, GenerationProtocol] = {
    "quick": GenerationProtocol(8, 240, steps=3, classifier_steps=40, components=32),
    "standard": GenerationProtocol(),
    "full": GenerationProtocol(310, steps=20, classifier_steps=3000),
}
