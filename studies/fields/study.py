"""Train a model of each kind of fields, score it beside simple methods, and render with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.benchmark import OnProgress, Request
from mamba_diffae.evaluation import Method
from studies.common.ratios import Ratio, paired_ratio
from studies.common.side_by_side import train_side_by_side, work_here
from studies.common.training_job import TrainingJob
from studies.common.workbench import AT_ONCE
from studies.fields.cases import Case
from studies.fields.measuring import MODEL, score_model, score_simple
from studies.fields.peers import PEERS
from studies.fields.plan import PLANS, CaseFolder, Plan
from studies.fields.rendering import RenderingResult, measure_rendering
from studies.fields.scoring import Scored

_NOT_GIVEN = "emoji"
"""The source of a request that names none."""


@final
@dataclass(frozen=True, eq=False)
class CaseResult:
    """All methods on the test fields of a case.

    Attributes:
        case: Which.
        variables: Names and units.
        deviation: Of each variable, shape (C,).
        groups: Of the test fields, shape (S,).
        scores: By method and density; the model comes first.
        seed: Of the resamples.
    """

    case: Case
    variables: Sequence[tuple[str, str]]
    deviation: np.ndarray
    groups: np.ndarray
    scores: Mapping[Method, Mapping[float, Scored]]
    seed: int

    def at(self, density: float) -> list[Scored]:
        """All methods at a density, the model first."""
        return [by_density[density] for by_density in self.scores.values()]

    def best_simple(self, density: float, measure: str) -> Scored:
        """The simple method with the least error on the test fields: a choice that favours it.

        Args:
            density: Share of the cells.
            measure: "rmse" or "crps".
        """
        return min(self.at(density)[1:], key=lambda scored: getattr(scored, measure))

    def ratio(self, rival: Scored, density: float, measure: str) -> Ratio:
        """The model's error over a rival's, all variables in their deviations.

        Args:
            rival: At the same density.
            density: Share of the cells.
            measure: "rmse" or "crps".
        """
        pair = (self.scores[MODEL][density], rival)
        if measure == "crps":
            ours, theirs = (each.errors.crps.sum(axis=1) for each in pair)
            return paired_ratio(ours, theirs, self.groups, self.seed)
        ours, theirs = (each.errors.squared.sum(axis=1) for each in pair)
        return paired_ratio(ours, theirs, self.groups, self.seed).root


@final
@dataclass(frozen=True, eq=False)
class FieldsResult:
    """What was found.

    Attributes:
        plan: How large the study was.
        cases: In their order.
        rendering: With the model of the first case.
        facts: How it was done.
    """

    plan: Plan
    cases: Sequence[CaseResult]
    rendering: RenderingResult
    facts: Mapping[str, str]


def fields(request: Request, on_progress: OnProgress) -> FieldsResult:
    """Train what is not trained yet, and measure what is not measured yet.

    Args:
        request: Folder, scale and seed; the fields are those of the study.
        on_progress: Told of every training, method and rendering.

    Raises:
        ValueError: If a source is given, or a training fails.
    """
    if request.source != _NOT_GIVEN:
        raise ValueError(
            f"The source {request.source!r} was given, but this study has fields of its own; leave "
            "--source out. For data of your own there is mamba-diffae verify."
        )
    plan = PLANS[request.scale]
    folders = [CaseFolder(request, plan, case) for case in plan.cases]
    _train(request, folders, on_progress)
    cases = [_case(folder, on_progress) for folder in folders]
    rendering = measure_rendering(folders[0], on_progress)
    return FieldsResult(plan, cases, rendering, _facts(plan, folders))


def _train(request: Request, folders: Sequence[CaseFolder], tell: OnProgress) -> None:
    """Train and score what is not done, at the quick scale in this process."""
    trainings = [folder.training for folder in folders]
    if request.scale != "quick":
        train_side_by_side(trainings, AT_ONCE, tell)
        return

    def work(training: TrainingJob) -> None:
        (folder,) = (f for f in folders if f.training.folder == training.folder)
        folder.train()
        score_model(folder)
        training.conclude()

    work_here(trainings, work, tell)


def _case(folder: CaseFolder, tell: OnProgress) -> CaseResult:
    scores = {MODEL: score_model(folder), **score_simple(folder, tell)}
    test, variables = folder.test, [(v.name, v.unit) for v in folder.truth.variables]
    told = variables, folder.deviation, test.groups, scores
    return CaseResult(folder.case, *told, folder.request.seed)


def _facts(plan: Plan, folders: Sequence[CaseFolder]) -> dict[str, str]:
    """How it was done, for the report."""
    cost = plan.cost
    spent = f"{cost.steps} steps" if cost.minutes is None else f"{cost.minutes:g} minutes"
    shares = ", ".join(f"{share:.0%} for phase {phase}" for phase, share in cost.shares.items())
    return {
        "trainings": f"one for each case, preset {plan.preset}, {spent} of processor time each "
        f"({shares}); at most {AT_ONCE} side by side, one thread on one core each",
        "draws": f"{plan.n_draws} of each of at most {plan.count} test fields",
        **{f"training {f.case.key}": f.training.command for f in folders},
        **{peer.name: f"{peer.version}: {peer.about}" for peer in PEERS if peer.installed},
    }
