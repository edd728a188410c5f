"""Train the screen and the confirmation, and collect what every training misses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

from mamba_diffae.benchmark import OnProgress, Request
from studies.common.folder_lock import FolderLock
from studies.common.side_by_side import train_side_by_side
from studies.common.workbench import AT_ONCE
from studies.scan.arms import Arm
from studies.scan.cases import Case
from studies.scan.measuring import Measured, measure, train_and_measure
from studies.scan.plan import PLANS, CaseFolder, Planned, confirmation, screen


@final
@dataclass(frozen=True, eq=False)
class CaseResult:
    """What was trained of a case.

    Attributes:
        case: Which.
        measured: Every finished training.
        missing: Names of those that are planned and not finished.
    """

    case: Case
    measured: Sequence[Measured]
    missing: Sequence[str]

    def of(self, arm: Arm) -> list[Measured]:
        """The trainings of an encoder, by their seeds."""
        found = [m for m in self.measured if m.planned.arm == arm]
        return sorted(found, key=lambda m: m.planned.seed)


@final
@dataclass(frozen=True, eq=False)
class ScanResult:
    """All cases.

    Attributes:
        cases: In their order.
        seed: Of the screen and of the resamples.
        facts: How it was done.
    """

    cases: Sequence[CaseResult]
    seed: int
    facts: Mapping[str, str]


def scan(request: Request, on_progress: OnProgress) -> ScanResult:
    """Train every encoder of every case, some with other seeds as well, and score all.

    Args:
        request: Folder, pictures, scale and seed.
        on_progress: Told of every training.

    Raises:
        ValueError: If a training fails.
    """
    study = ScanStudy(request)
    study.train(study.screen, on_progress)
    study.train(study.confirmation, on_progress)
    return study.result()


@final
class ScanStudy:
    """The plan of a request and what is done of it.

    Args:
        request: What is asked.
    """

    def __init__(self, request: Request) -> None:
        self.request, self.plan = request, PLANS[request.scale]
        self.folders = {case.key: CaseFolder(request, self.plan, case) for case in self.plan.cases}

    @cached_property
    def screen(self) -> list[Planned]:
        """Every encoder of every case, once."""
        return screen(self.plan, self.request.seed)

    @cached_property
    def confirmation(self) -> list[Planned]:
        """What the screen shall confirm, with seeds of its own."""
        return confirmation(self.plan, self.request.seed)

    def train(self, planned: Sequence[Planned], tell: OnProgress) -> None:
        """Train and score what is not done, at the quick scale in this process."""
        if self.request.scale != "quick":
            trainings = [self.folders[p.case.key].training(p) for p in planned]
            train_side_by_side(trainings, AT_ONCE, tell)
            return
        for p in planned:
            training = self.folders[p.case.key].training(p)
            lock = FolderLock.acquire(training.folder)
            if lock is None:
                raise ValueError(f"Another process trains {training.folder}; wait for its end.")
            try:
                if not training.finished():
                    train_and_measure(self.folders[p.case.key], p)
                    training.conclude()
                    tell(f"training {training.name}")
            finally:
                lock.release()

    def result(self) -> ScanResult:
        """What is finished."""
        planned, cases = [*self.screen, *self.confirmation], []
        for case in self.plan.cases:
            here = [p for p in planned if p.case is case]
            done = [p for p in here if self._finished(p)]
            missing = [p.name for p in here if p not in done]
            cases.append(CaseResult(case, [self._measured(p) for p in done], missing))
        return ScanResult(cases, self.request.seed, self._facts(planned))

    def _finished(self, planned: Planned) -> bool:
        return self.folders[planned.case.key].training(planned).finished()

    def _measured(self, planned: Planned) -> Measured:
        return measure(self.folders[planned.case.key], planned)

    def _facts(self, planned: Sequence[Planned]) -> dict[str, str]:
        """How it was done, for the report."""
        plan, cost = self.plan, self.plan.cost
        spent = f"{cost.steps} steps" if cost.minutes is None else f"{cost.minutes:g} minutes"
        return {
            "trainings": f"{len(planned)}, preset {plan.preset}, two blocks, {spent} of processor "
            f"time each; at most {AT_ONCE} side by side, one thread on one core each",
            **{f"training {p.name}": self.folders[p.case.key].training(p).command for p in planned},
        }
