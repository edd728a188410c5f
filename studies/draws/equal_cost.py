"""Which draws are best at equal cost: train all arms of all cases, and collect their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np

from mamba_diffae.benchmark import ImageGrid, OnProgress, Request
from studies.common.side_by_side import train_side_by_side, work_here
from studies.common.training_job import TrainingJob
from studies.common.workbench import AT_ONCE
from studies.draws.arms import START
from studies.draws.cases import PICTURES, Case
from studies.draws.measuring import Measured, measure, train_and_measure
from studies.draws.plan import PLANS, CaseFolder, Plan, Planned, planned
from studies.draws.sheet import sheet
from studies.draws.ways import Way, by_flow


@final
@dataclass(frozen=True, eq=False)
class CaseResult:
    """What is measured of a case.

    Attributes:
        case: Which.
        measured: Of every finished training, by fraction, then in the order of the arms.
        groups: Of the scored fields, shape (S,).
        missing: Names of trainings that are planned and not finished.
    """

    case: Case
    measured: Sequence[Measured]
    groups: np.ndarray
    missing: Sequence[str] = ()

    def of(self, way: Way, fraction: float) -> Measured | None:
        """Some draws at a fraction, if they are measured."""
        found = (m for m in self.measured if (m.way, m.fraction) == (way, fraction))
        return next(found, None)


@final
@dataclass(frozen=True, eq=False)
class EqualCostResult:
    """All cases.

    Attributes:
        plan: How large the study was.
        cases: In their order.
        seed: Of trainings, observations, draws and resamples.
        panels: Pictures.
        facts: How it was done.
    """

    plan: Plan
    cases: Sequence[CaseResult]
    seed: int
    panels: Sequence[ImageGrid]
    facts: Mapping[str, str]

    @property
    def reference(self) -> Way:
        """The flow with which all is compared."""
        return by_flow(self.plan.reference)


def equal_cost(request: Request, on_progress: OnProgress) -> EqualCostResult:
    """Train phase 1 of each case, then every arm from it, and score all.

    Args:
        request: Folder, pictures, scale and seed.
        on_progress: Told of every training.

    Raises:
        ValueError: If a training fails.
    """
    study = EqualCostStudy(request)
    study.train(on_progress)
    return study.result()


@final
class EqualCostStudy:
    """The plan of a request and what is done of it.

    Args:
        request: What is asked.
    """

    def __init__(self, request: Request) -> None:
        self.request, self.plan = request, PLANS[request.scale]
        self.planned = planned(self.plan)
        self.folders = {case.key: CaseFolder(request, self.plan, case) for case in self.plan.cases}

    def train(self, tell: OnProgress) -> None:
        """Train and score what is not done, at the quick scale in this process."""
        starts = [p for p in self.planned if p.arm == START]
        for chosen in (starts, [p for p in self.planned if p not in starts]):
            trainings = [self._training(p) for p in chosen]
            if self.request.scale == "quick":
                work_here(trainings, partial(self._work, chosen), tell)
            else:
                train_side_by_side(trainings, AT_ONCE, tell)

    def _work(self, chosen: Sequence[Planned], training: TrainingJob) -> None:
        """Train and score one in this process."""
        (p,) = (p for p in chosen if self._training(p).folder == training.folder)
        train_and_measure(self.folders[p.case.key], p)
        training.conclude()

    def result(self) -> EqualCostResult:
        """What is finished."""
        cases = [self._case(case) for case in self.plan.cases]
        panels = [] if PICTURES.key not in self.folders else sheet(self.folders[PICTURES.key])
        return EqualCostResult(self.plan, cases, self.request.seed, panels, self._facts())

    def _case(self, case: Case) -> CaseResult:
        here = [Planned(case, arm) for arm in (START, *case.arms)]
        done = [p for p in here if self._training(p).finished()]
        folder = self.folders[case.key]
        found = [m for p in done for m in measure(folder, p)]
        found = [m for fraction in case.fractions for m in found if m.fraction == fraction]
        missing = [p.name for p in here if p not in done]
        return CaseResult(case, found, folder.test.groups, missing)

    def _training(self, p: Planned) -> TrainingJob:
        return self.folders[p.case.key].training(p)

    def _facts(self) -> dict[str, str]:
        """How it was done, for the report."""
        plan, count = self.plan, len(self.planned)
        first, other = (
            f"{c.steps} steps" if c.minutes is None else f"{c.minutes:g} minutes of processor time"
            for c in (plan.start, plan.cost)
        )
        return {
            "trainings": f"{count}, preset {plan.preset}; {first} for phase 1, {other} for every "
            f"other; at most {AT_ONCE} side by side, one thread on one core each",
            "draws": f"{plan.n_draws} of each of at most {plan.count} test fields",
            **{f"training {p.name}": self._training(p).command for p in self.planned},
        }
