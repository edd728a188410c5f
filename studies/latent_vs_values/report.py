"""Tables and sentences of the study of new pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.benchmark.wording import in_short, percent, significant
from studies.common.attribute_features import WIDTH
from studies.latent_vs_values.picture_sets import SET_LABELS, PictureSet
from studies.latent_vs_values.study import Cost, GenerationResult, Likeness

QUESTIONS = {
    False: "A decoder writes new pictures from a latent that a small flow has drawn. How like "
    "real ones are they distributed, and at what cost?",
    True: "A decoder writes new pictures from a latent that a small flow has drawn, or from noise "
    "alone, with the latent dropped. Which pictures are distributed more like real ones, and at "
    "what cost?",
}
"""What is asked, by whether there is a flow in the values."""
TITLES = {
    False: "New pictures by a flow in the latent",
    True: "Flow in the latent, or in the values?",
}
"""Likewise the heading."""
_IN_SENTENCES: Mapping[PictureSet, str] = {**SET_LABELS, "mean": "mean in place of the draw"}


def page(result: GenerationResult) -> Page:
    """All that is shown of the result."""
    both = "values" in result.costs
    return Page(
        title=TITLES[both],
        question=QUESTIONS[both],
        findings=[*findings(result.likeness, result.perfect), _cost_finding(result)],
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
        "on attribute features (squared MMD, unbiased between independent sets, lower is better) "
        "with its standard error, which leaves out that skin-tone copies depend on one another; "
        "precision and recall with k = 3. Latents of test pictures: each test picture is observed "
        f"at {percent(result.fraction)} of its cells, encoded, and drawn from its latent alone. "
        "These are reconstructions of the very pictures they are compared with, therefore a bound "
        "for the decoder under a perfect flow of latents, not new pictures; perfect ones would "
        f"have distance {result.perfect:.3f}, precision and recall 1.",
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
    """Time to draw and to train; beside the flow in the values, where there is one."""
    rows = [
        [
            SET_LABELS[name],
            cost.seconds,
            ", ".join(cost.phases),
            _minutes(cost, result.elapsed),
        ]
        for name, cost in result.costs.items()
    ]
    about = "Training: the phases of the run that each needs"
    columns = ["pictures", "seconds a picture", "phases", "minutes of training"]
    digits = [0, 3, 0, 1]
    values = result.costs.get("values")
    if values is None:
        return Table("What they cost", f"{about}.", columns, rows, digits=digits)
    relative = [
        [row[0], cost.seconds / values.seconds, *row[1:]]
        for row, cost in zip(rows, result.costs.values(), strict=True)
    ]
    return Table(
        "What they cost",
        f"Drawing: relative to the flow in the values. {about}; the flow in the values is a tenth "
        "of the fields of the phase flow.",
        [columns[0], "drawing", *columns[1:]],
        relative,
        digits=[digits[0], 2, *digits[1:]],
    )


def _minutes(cost: Cost, elapsed: Mapping[str, float]) -> float | None:
    """Time that the phases took, where all are known."""
    known = [elapsed.get(phase) for phase in cost.phases]
    spent = [s for s in known if s is not None]
    return sum(spent) / 60 if len(spent) == len(known) else None


def findings(found: Sequence[Likeness], perfect: float) -> list[str]:
    """Which set is nearer, beyond the errors or not; what is covered; the bound; the floor.

    Args:
        found: Of all sets that there are.
        perfect: Kernel distance of the test pictures from themselves.
    """
    likeness = {f.pictures: f for f in found}
    latent, encoded = likeness["latent"], likeness["encoded"]
    others = [name for name in ("values", "gaussian", "mean") if name in likeness]
    covered = ", ".join(
        f"{f.support.precision:.2f} and {f.support.recall:.2f} for the {_IN_SENTENCES[f.pictures]}"
        for f in found
        if f.pictures in ("latent", "mean", "values")
    )
    return [
        *(_nearer(latent, likeness[name]) for name in others),
        f"Precision and recall are {covered}.",
        "Draws from the latents of the test pictures themselves, a bound for the decoder and not "
        f"new pictures, are at {_measured(encoded)}; perfect reconstructions would be at "
        f"{perfect:.3f}.",
        f"The floor, training pictures against test pictures, is {_measured(likeness['train'])}.",
    ]


def _measured(likeness: Likeness) -> str:
    return f"{likeness.distance.value:.3f} ± {likeness.distance.error:.3f}"


def _nearer(a: Likeness, b: Likeness) -> str:
    nearer, farther = sorted((a, b), key=lambda likeness: likeness.distance.value)
    x, y = nearer.distance, farther.distance
    names = _IN_SENTENCES[nearer.pictures], _IN_SENTENCES[farther.pictures]
    numbers = f"{_measured(nearer)} against {_measured(farther)}"
    if y.value - x.value <= 2 * np.hypot(x.error, y.error):
        return (
            f"By kernel distance the {names[0]} and the {names[1]} do not differ by more than "
            f"twice the standard error ({numbers})."
        )
    return f"By kernel distance the {names[0]} is nearer than the {names[1]} ({numbers})."


def _cost_finding(result: GenerationResult) -> str:
    """What drawing through the latent costs; beside the values, where they have a flow."""
    latent, values = result.costs["latent"], result.costs.get("values")
    if values is None:
        text = f"Drawing through the latent takes {significant(latent.seconds)} seconds a picture"
    else:
        ratio = latent.seconds / values.seconds
        text = (
            f"Drawing through the latent takes {ratio:.2f} times as long as drawing in the values"
        )
    extra = result.elapsed.get("latent")
    return text + (f"; its flow took {extra / 60:.1f} minutes to train." if extra else ".")
