"""Tables and sentences of the study of new pictures by either flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.benchmark.wording import in_short
from mamba_diffae.latent.sampling import FLOWS, Flow
from studies.common.attribute_features import WIDTH
from studies.latent_vs_values.study import SET_LABELS, GenerationResult, Likeness

QUESTION = (
    "A decoder writes new pictures from a latent that a small flow has drawn, or from noise alone, "
    "with the latent dropped. Which pictures are distributed more like real ones, and at what cost?"
)


def page(result: GenerationResult) -> Page:
    """All that is shown of the result."""
    return Page(
        title="Flow in the latent, or in the values?",
        question=QUESTION,
        findings=[*findings(result.likeness), _cost_finding(result)],
        scores=[],
        tables=[_likeness_table(result), _cost_table(result)],
        panels=result.panels,
        facts=result.facts,
    )


def _likeness_table(result: GenerationResult) -> Table:
    """Distances and supports of all sets."""
    classifier = result.classifier
    seen_at = in_short(classifier.shape)
    return Table(
        "How like unseen pictures",
        f"Each set beside {result.count} test pictures, by {WIDTH} features of a small classifier "
        f"of {classifier.attributes} attributes, trained on the training pictures at "
        f"{seen_at} (mean AUROC {classifier.auroc:.2f} on test pictures). Kernel distance "
        "on attribute features (squared MMD, unbiased, lower is better) with its standard error, "
        "which leaves out that skin-tone copies depend on one another; precision and recall with "
        "k = 3.",
        ["pictures", "kernel distance", "error", "precision", "recall"],
        [
            [
                SET_LABELS[f.pictures],
                f.distance.value,
                f.distance.error,
                f.support.precision,
                f.support.recall,
            ]
            for f in result.likeness
        ],
        digits=[0, 3, 3, 2, 2],
    )


def _cost_table(result: GenerationResult) -> Table:
    """Time to draw and to train; both flows share encoder and run."""
    seconds = result.seconds
    return Table(
        "What they cost",
        "Drawing: relative to the flow in the values. Training: the phases of the run that each "
        "needs; the flow in the values is a tenth of the fields of the phase flow.",
        ["flow", "drawing", "seconds a picture", "phases", "minutes of training"],
        [
            [
                SET_LABELS[flow],
                seconds[flow] / seconds["values"],
                seconds[flow],
                ", ".join(_phases(flow, result.elapsed)),
                _minutes(flow, result.elapsed),
            ]
            for flow in FLOWS
        ],
        digits=[0, 2, 2, 0, 1],
    )


def _phases(flow: Flow, elapsed: Mapping[str, float]) -> tuple[str, ...]:
    """What of a model's training each of them needs.

    A field is drawn from its latent by phase ensemble, if that was trained, else by the flow.
    """
    if flow == "values":
        return "autoencoder", "flow"
    return "autoencoder", "ensemble" if "ensemble" in elapsed else "flow", "latent"


def _minutes(flow: Flow, elapsed: Mapping[str, float]) -> float | None:
    """Time that the phases took, where all are known."""
    known = [elapsed.get(phase) for phase in _phases(flow, elapsed)]
    spent = [s for s in known if s is not None]
    return sum(spent) / 60 if len(spent) == len(known) else None


def findings(found: Sequence[Likeness]) -> list[str]:
    """Which set is nearer, beyond the errors or not; what is covered; and the floor."""
    likeness = {f.pictures: f for f in found}
    latent, values, floor = (likeness[name] for name in ("latent", "values", "train"))
    covered = (
        f"Precision and recall are {latent.support.precision:.2f} and {latent.support.recall:.2f} "
        f"for the {SET_LABELS['latent']}, {values.support.precision:.2f} and "
        f"{values.support.recall:.2f} for the {SET_LABELS['values']}."
    )
    return [
        _nearer(latent, values),
        _nearer(latent, likeness["gaussian"]),
        covered,
        f"The floor, training pictures against test pictures, is {floor.distance.value:.3f} ± "
        f"{floor.distance.error:.3f}.",
    ]


def _nearer(a: Likeness, b: Likeness) -> str:
    nearer, farther = sorted((a, b), key=lambda likeness: likeness.distance.value)
    x, y = nearer.distance, farther.distance
    names = SET_LABELS[nearer.pictures], SET_LABELS[farther.pictures]
    numbers = f"{x.value:.3f} ± {x.error:.3f} against {y.value:.3f} ± {y.error:.3f}"
    if y.value - x.value <= 2 * np.hypot(x.error, y.error):
        return (
            f"By kernel distance the {names[0]} and the {names[1]} do not differ by more than "
            f"twice the standard error ({numbers})."
        )
    return f"By kernel distance the {names[0]} is nearer than the {names[1]} ({numbers})."


def _cost_finding(result: GenerationResult) -> str:
    """What drawing through the latent costs more."""
    ratio = result.seconds["latent"] / result.seconds["values"]
    text = f"Drawing through the latent takes {ratio:.2f} times as long as drawing in the values"
    extra = result.elapsed.get("latent")
    return text + (f"; its flow took {extra / 60:.1f} minutes to train." if extra else ".")
