"""What the study of the latent measured, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from mamba_diffae.benchmark import ImageGrid
from mamba_diffae.evaluation import Interval
from mamba_diffae.evaluation.probes import ProbeScore
from studies.probes.features import KRIGED, TRUTH, Feature
from studies.probes.latent_swap import Swap

LEAST_AUROC, LEAST_RETRIEVAL = 0.90, 0.97
"""Set beforehand: mean AUROC, which must also lie above both rivals', and retrieval@1."""


@final
@dataclass(frozen=True, eq=False)
class Probed:
    """What probes tell from one kind of features.

    Attributes:
        feature: The features.
        score: How well they tell the attributes.
    """

    feature: Feature
    score: ProbeScore


@final
@dataclass(frozen=True)
class Stability:
    """How alike the features of two observations of the same fields are.

    Attributes:
        feature: The features.
        retrieval: Retrieval@1.
        same: Mean cosine of the two of one field.
        others: Mean cosine of those of different fields.
    """

    feature: Feature
    retrieval: Interval
    same: Interval
    others: float


@final
@dataclass(frozen=True)
class Goal:
    """A goal set beforehand.

    Attributes:
        measure: "mean AUROC" or "retrieval@1".
        rival: Whose mean AUROC the latent's must reach; None: a number set beforehand.
        least: The least that reaches it.
        measured: Of the latent.
    """

    measure: str
    rival: Feature | None
    least: float
    measured: float

    @property
    def passed(self) -> bool:
        """Whether it is reached."""
        return self.measured >= self.least


@final
@dataclass(frozen=True)
class Attribute:
    """An attribute that is probed.

    Attributes:
        name: Such as "beard" or "gender=female".
        pictures: That have it.
        bases: That have it.
    """

    name: str
    pictures: int
    bases: int


@final
@dataclass(frozen=True)
class Taught:
    """A classifier that learned the attributes, and is shown complete pictures.

    Attributes:
        train: Pictures that it learned from.
        steps: Updates of its weights.
        auroc: Its mean over the attributes.
    """

    train: int
    steps: int
    auroc: float


@final
@dataclass(frozen=True, eq=False)
class ProbesResult:
    """What the latent holds.

    Attributes:
        probed: Of the latent first; principal components in both scalings; the latent's parts.
        attributes: That were probed.
        stability: Of the latent first; of the kriged picture in both scalings; of the parts.
        swaps: Latents swapped, by what the decoder reads.
        taught: A classifier of complete pictures.
        panels: Neighbours and a map.
        facts: What was scored.
    """

    probed: Sequence[Probed]
    attributes: Sequence[Attribute]
    stability: Sequence[Stability]
    swaps: Sequence[Swap]
    taught: Taught
    panels: Sequence[ImageGrid]
    facts: Mapping[str, str]

    @property
    def goals(self) -> list[Goal]:
        """What was set beforehand; a rival counts in whichever scaling suits it better."""
        ours = self.probed[0].score.mean.mean
        found = [Goal("mean AUROC", None, LEAST_AUROC, ours)]
        for rival in (TRUTH, KRIGED):
            scalings = [p for p in self.probed if p.feature.kind == rival.kind]
            best = max(scalings, key=lambda p: p.score.mean.mean)
            found.append(Goal("mean AUROC", best.feature, best.score.mean.mean, ours))
        retrieval = self.stability[0].retrieval.mean
        return [*found, Goal("retrieval@1", None, LEAST_RETRIEVAL, retrieval)]
