"""Tables and sentences of the study of what the latent holds."""

from __future__ import annotations

from collections.abc import Sequence

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.evaluation import Interval
from mamba_diffae.evaluation.probes import FOLDS, STRENGTH
from studies.common.report import verdict
from studies.probes.latent_swap import Swap
from studies.probes.result import Goal, Probed, ProbesResult, Stability, Taught

QUESTION = (
    "A latent of 20 % of a picture's coarse cells: how well does a straight line through it tell "
    "what the picture shows, beside the principal components of the whole picture and of the "
    "kriged one, and does another share of the cells give the same latent?"
)


def page(result: ProbesResult) -> Page:
    """All that is shown of the result."""
    return Page(
        title="What the latent knows",
        question=QUESTION,
        findings=[*findings(result), _taught_finding(result.taught), _swap_finding(*result.swaps)],
        scores=[],
        tables=[
            _means_table(result.probed),
            _attributes_table(result),
            _stability_table(result.stability),
            _swaps_table(result.swaps),
            _goals_table(result.goals),
        ],
        panels=result.panels,
        facts=result.facts,
    )


def _means_table(probed: Sequence[Probed]) -> Table:
    """Mean AUROC of all features, and what the first of them, the latent, has more."""
    ours = probed[0].score
    return Table(
        "Linear probes: mean AUROC over the attributes",
        f"Logistic regression, C = {STRENGTH}, {FOLDS} folds that never part a base; 95 % "
        "intervals over bases, those of differences paired. Features are standardised in every "
        "fold; unscaled components keep their relative sizes, which can suit them better.",
        ["features", "AUROC", "low", "high", "latent − these", "low", "high"],
        [
            [
                p.feature.label,
                *_numbers(p.score.mean),
                *(_numbers(ours.above(p.score)) if i else [None] * 3),
            ]
            for i, p in enumerate(probed)
        ],
        digits=[0, *[3] * 6],
    )


def _attributes_table(result: ProbesResult) -> Table:
    """AUROC of all features on every attribute."""
    ours, *others = result.probed
    labels = [p.feature.label for p in others]
    return Table(
        "Linear probes: AUROC of every attribute",
        "Attributes by how many pictures and bases have them; the latent's with its 95 % interval.",
        ["attribute", "pictures", "bases", ours.feature.label, "low", "high", *labels],
        [
            [
                attribute.name,
                attribute.pictures,
                attribute.bases,
                *_numbers(ours.score.auroc[attribute.name]),
                *(p.score.auroc[attribute.name].mean for p in others),
            ]
            for attribute in result.attributes
        ],
        digits=[0, 0, 0, *[3] * (3 + len(others))],
    )


def _stability_table(stability: Sequence[Stability]) -> Table:
    """Retrieval and cosines of all features."""
    return Table(
        "The same picture from other cells",
        "Two observations that share no cell. Retrieval@1: the picture whose features make the "
        "smallest angle is the same one. Cosines of one picture's two features, and of different "
        "pictures'. Latents are standardised.",
        ["features", "retrieval@1", "low", "high", "cosine, same", "cosine, others"],
        [[s.feature.label, *_numbers(s.retrieval), s.same.mean, s.others] for s in stability],
        digits=[0, *[3] * 5],
    )


def _swaps_table(swaps: Sequence[Swap]) -> Table:
    """How far another picture's latent moves the mean."""
    return Table(
        "Latents swapped between pictures",
        f"{swaps[0].count} pictures of distinct bases. Moved: root mean square of the change of "
        "the mean, over that of truth − mean; with points, each picture keeps its own.",
        ["reads", "moved", "PSNR, own latent", "PSNR, another's"],
        [[s.decoder_inputs, s.moved, s.own_psnr, s.other_psnr] for s in swaps],
    )


def _goals_table(goals: Sequence[Goal]) -> Table:
    """The goals set beforehand."""
    return Table(
        "Goals set beforehand",
        "Asked is the least that meets the goal.",
        ["goal", "asked", "measured", "verdict"],
        [[_goal(g), g.least, g.measured, verdict(g.passed)] for g in goals],
        digits=[0, 3, 3, 0],
    )


def _goal(goal: Goal) -> str:
    rival = "" if goal.rival is None else f" above {goal.rival.label}"
    return f"{goal.measure}{rival}"


def _numbers(interval: Interval) -> list[float]:
    return [interval.mean, interval.low, interval.high]


def findings(result: ProbesResult) -> list[str]:
    """Which goals were reached, and how the latent stands beside each rival."""
    told = [
        f"{_goal(g)}: {g.measured:.3f}, asked {g.least:.3f}; the goal {verdict(g.passed)}."
        for g in result.goals
    ]
    ours, *rivals = result.probed
    told += [_difference(ours.score.above(p.score), p.feature.label) for p in rivals]
    latent, *others = result.stability
    kriged = [s for s in others if s.feature.kind == "kriged"]
    best = max(kriged, key=lambda s: s.retrieval.mean)
    told.append(
        f"From other cells {latent.retrieval.mean:.1%} of the pictures are found again by their "
        f"latent, {best.retrieval.mean:.1%} by the {best.feature.label}."
    )
    return told


def _difference(difference: Interval, rival: str) -> str:
    side = "above" if difference.mean >= 0 else "below"
    sure = difference.low > 0 or difference.high < 0
    return (
        f"The latent's mean AUROC is {abs(difference.mean):.3f} {side} that of the {rival}; the "
        f"95 % interval of the difference, {difference.low:+.3f} to {difference.high:+.3f}, "
        f"{'does not contain' if sure else 'contains'} zero."
    )


def _taught_finding(taught: Taught) -> str:
    return (
        f"A small convolutional network that was taught the attributes by {taught.train} training "
        f"pictures, in {taught.steps} steps, and is shown complete pictures, has a mean AUROC of "
        f"{taught.auroc:.3f}."
    )


def _swap_finding(beside: Swap, alone: Swap) -> str:
    """What another picture's latent does."""
    return (
        f"Another picture's latent moves the mean by {beside.moved:.2f} of its error where the "
        f"points are read too (PSNR {beside.own_psnr:.2f} to {beside.other_psnr:.2f} dB), and by "
        f"{alone.moved:.2f} where the latent is all there is."
    )
