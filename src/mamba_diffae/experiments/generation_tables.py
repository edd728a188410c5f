"""What new pictures are like and what they cost, as tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.evaluation.generation import KernelDistance, Support
from mamba_diffae.experiments.attribute_features import WIDTH, AttributeFeatures
from mamba_diffae.experiments.result import Table
from mamba_diffae.fields import GridField
from mamba_diffae.latent.sampling import Flow

FLOWS: Mapping[Flow, str] = {"latent": "flow in the latent", "values": "flow in the values"}
PHASES: Mapping[Flow, tuple[str, ...]] = {
    "latent": ("autoencoder", "diffusion", "latent"),
    "values": ("autoencoder", "diffusion"),
}
"""What of a model's training each of them needs."""
FLOOR, GAUSSIAN = "training pictures (floor)", "Gaussian of training pictures"


@final
@dataclass(frozen=True)
class Likeness:
    """How like unseen pictures a set of pictures is."""

    name: str
    distance: KernelDistance
    support: Support


def likeness_table(
    found: Sequence[Likeness], look: AttributeFeatures, test: GridField, count: int
) -> Table:
    """Distances and supports of all sets."""
    return Table(
        "How like unseen pictures",
        f"Each set beside {count} test pictures, by {WIDTH} features of a small classifier of "
        f"{len(look.attributes)} attributes, trained on the training pictures at {look.size}² "
        f"(mean AUROC {look.score(test):.2f} on test pictures). Kernel distance on attribute "
        "features (squared MMD, unbiased, lower is better) with its standard error, which leaves "
        "out that skin-tone copies depend on one another; precision and recall with k = 3.",
        ["pictures", "kernel distance", "error", "precision", "recall"],
        [
            [f.name, f.distance.value, f.distance.error, f.support.precision, f.support.recall]
            for f in found
        ],
        digits=[0, 3, 3, 2, 2],
    )


def cost_table(seconds: Mapping[Flow, float], elapsed: Mapping[str, float]) -> Table:
    """Time to draw and to train; both flows share encoder, decoder and run."""
    return Table(
        "What they cost",
        "Drawing: relative to the flow in the values. Training: the phases of the run that each "
        "needs; the flow in the values is a tenth of the phase diffusion's fields.",
        ["flow", "drawing", "seconds a picture", "phases", "minutes of training"],
        [
            [
                name,
                seconds[flow] / seconds["values"],
                seconds[flow],
                ", ".join(PHASES[flow]),
                _minutes(flow, elapsed),
            ]
            for flow, name in FLOWS.items()
        ],
        digits=[0, 2, 2, 0, 1],
    )


def _minutes(flow: Flow, elapsed: Mapping[str, float]) -> float | None:
    """Time that the phases took, where all are known."""
    known = [elapsed.get(phase) for phase in PHASES[flow]]
    spent = [s for s in known if s is not None]
    return sum(spent) / 60 if len(spent) == len(known) else None


def findings(found: Sequence[Likeness]) -> list[str]:
    """Who is nearer, beyond the errors or not; what is covered; and the floor."""
    by_name = {f.name: f for f in found}
    latent, values = (by_name[name] for name in FLOWS.values())
    covered = (
        f"Precision and recall are {latent.support.precision:.2f} and {latent.support.recall:.2f} "
        f"for the {latent.name}, {values.support.precision:.2f} and {values.support.recall:.2f} "
        f"for the {values.name}."
    )
    rivals = [_nearer(latent, values), _nearer(latent, by_name[GAUSSIAN])]
    floor = by_name[FLOOR].distance
    return [
        *rivals,
        covered,
        f"The floor, training pictures against test pictures, is {floor.value:.3f} ± "
        f"{floor.error:.3f}.",
    ]


def _nearer(a: Likeness, b: Likeness) -> str:
    nearer, farther = sorted((a, b), key=lambda likeness: likeness.distance.value)
    x, y = nearer.distance, farther.distance
    numbers = f"{x.value:.3f} ± {x.error:.3f} against {y.value:.3f} ± {y.error:.3f}"
    if y.value - x.value <= 2 * np.hypot(x.error, y.error):
        return (
            f"By kernel distance the {nearer.name} and the {farther.name} do not differ by more "
            f"than twice the standard error ({numbers})."
        )
    return f"By kernel distance the {nearer.name} is nearer than the {farther.name} ({numbers})."


def cost_finding(seconds: Mapping[Flow, float], elapsed: Mapping[str, float]) -> str:
    """What the way through the latent costs more."""
    ratio = seconds["latent"] / seconds["values"]
    text = f"Drawing through the latent takes {ratio:.2f} times as long as drawing in the values"
    extra = elapsed.get("latent")
    return text + (f"; its flow took {extra / 60:.1f} minutes to train." if extra else ".")
