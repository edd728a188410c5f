"""What the probes found, as tables, goals and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.evaluation import Interval
from mamba_diffae.evaluation.probes import FOLDS, STRENGTH, ProbeScore
from mamba_diffae.experiments.result import Table
from mamba_diffae.experiments.verdicts import Row
from mamba_diffae.fields import GridField

LEAST_AUROC, LEAST_RETRIEVAL = 0.90, 0.97
"""Set beforehand: mean AUROC, which must also lie above both rivals', and retrieval@1."""
LATENT, TRUTH, KRIGED = "latent", "PCA of the truth", "PCA of kriging"
UNSCALED = ", unscaled"
"""Of principal components: with their own sizes, instead of each standardised."""


@final
@dataclass(frozen=True)
class Stability:
    """How alike the features of two observations of the same fields are.

    Attributes:
        features: Their display name.
        retrieval: Retrieval@1.
        same: Mean cosine of the two of one field.
        others: Mean cosine of those of different fields.
    """

    features: str
    retrieval: Interval
    same: Interval
    others: float


def part_name(part: str) -> str:
    """Display name of a part of the latent, by itself."""
    return f"{part} alone"


def means_table(scores: Sequence[ProbeScore]) -> Table:
    """Mean AUROC of all features, and what the first of them, the latent, has more."""
    return Table(
        "Linear probes: mean AUROC over the attributes",
        f"Logistic regression, C = {STRENGTH}, {FOLDS} folds that never part a base; 95 % "
        "intervals over bases, those of differences paired. Features are standardised in every "
        "fold; unscaled components keep their relative sizes, which can suit them better.",
        ["features", "AUROC", "low", "high", "latent − these", "low", "high"],
        [
            [s.features, *_numbers(s.mean), *(_numbers(scores[0].above(s)) if i else [None] * 3)]
            for i, s in enumerate(scores)
        ],
        digits=[0, *[3] * 6],
    )


def attributes_table(
    scores: Sequence[ProbeScore], labels: Mapping[str, np.ndarray], judged: GridField
) -> Table:
    """AUROC of all features on every attribute."""
    ours, *others = scores
    return Table(
        "Linear probes: AUROC of every attribute",
        "Attributes by how many pictures and bases have them; the latent's with its 95 % interval.",
        ["attribute", "pictures", "bases", LATENT, "low", "high", *(s.features for s in others)],
        [
            [
                name,
                int(label.sum()),
                len(np.unique(judged.groups[label])),
                *_numbers(ours.auroc[name]),
                *(score.auroc[name].mean for score in others),
            ]
            for name, label in labels.items()
        ],
        digits=[0, 0, 0, *[3] * (3 + len(others))],
    )


def stability_table(stability: Sequence[Stability]) -> Table:
    """Retrieval and cosines of all features."""
    return Table(
        "The same picture from other cells",
        "Two observations that share no cell. Retrieval@1: the picture whose features make the "
        "smallest angle is the same one. Cosines of one picture's two features, and of different "
        "pictures'. Latents are standardised.",
        ["features", "retrieval@1", "low", "high", "cosine, same", "cosine, others"],
        [[s.features, *_numbers(s.retrieval), s.same.mean, s.others] for s in stability],
        digits=[0, *[3] * 5],
    )


def goals_table(scores: Sequence[ProbeScore], latent: Stability) -> Table:
    """What was set beforehand; a rival counts in whichever scaling suits it better."""
    ours = scores[0]
    rows = [_goal("mean AUROC", LEAST_AUROC, ours.mean.mean)]
    for rival in (TRUTH, KRIGED):
        best = max((s for s in scores if s.features.startswith(rival)), key=lambda s: s.mean.mean)
        rows.append(_goal(f"mean AUROC above {best.features}", best.mean.mean, ours.mean.mean))
    rows.append(_goal("retrieval@1", LEAST_RETRIEVAL, latent.retrieval.mean))
    return Table(
        "Goals set beforehand",
        "Asked is the least that meets the goal.",
        ["goal", "asked", "measured", "verdict"],
        rows,
        digits=[0, 3, 3, 0],
    )


def _goal(name: str, asked: float, measured: float) -> Row:
    return [name, asked, measured, "held" if measured >= asked else "did not hold"]


def _numbers(interval: Interval) -> list[float]:
    return [interval.mean, interval.low, interval.high]


def findings(
    goals: Table, scores: Sequence[ProbeScore], stability: Sequence[Stability]
) -> list[str]:
    """Which goals held, and how the latent stands beside each rival."""
    said = [
        f"{name}: {measured:.3f}, asked {asked:.3f}; the goal {verdict}."
        for name, asked, measured, verdict in goals.rows
    ]
    said += [_difference(scores[0].above(score), score.features) for score in scores[1:]]
    latent, *others = stability
    rivals = [s for s in others if s.features.startswith(KRIGED)]
    best = max(rivals, key=lambda s: s.retrieval.mean)
    said.append(
        f"From other cells {latent.retrieval.mean:.1%} of the pictures are found again by their "
        f"latent, {best.retrieval.mean:.1%} by the {best.features}."
    )
    return said


def _difference(gap: Interval, rival: str) -> str:
    side = "above" if gap.mean >= 0 else "below"
    sure = "does not hold" if gap.low > 0 or gap.high < 0 else "holds"
    return (
        f"The latent's mean AUROC is {abs(gap.mean):.3f} {side} that of the {rival}; the 95 % "
        f"interval of the difference, {gap.low:+.3f} to {gap.high:+.3f}, {sure} zero."
    )
