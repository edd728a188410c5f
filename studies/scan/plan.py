"""Which trainings there are: a screen with one seed, then a confirmation with three others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from mamba_diffae.benchmark import Request
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.benchmark.suite.families import spread_order
from mamba_diffae.fields import FieldData
from studies.common.candidates import Candidate, Cost, Job
from studies.common.model_store import ModelStore
from studies.common.training_job import TrainingJob
from studies.common.worker_shell import worker_words
from studies.scan.arms import NO_SCAN, Arm
from studies.scan.cases import BARE, CASES, SERIES, Case
from studies.scan.fields import Stations

FURTHER = (1, 2, 3)
"""Seeds of the confirmation, counted from that of the screen."""
_CONSTANT = (
    "autoencoder.final_fraction=1",
    "autoencoder.ema_decay=0.995",
    "model.encoder_blocks=2",
)
_QUICK_FIELDS, _QUICK_CELLS = 48, 32
_WORKER = "studies.scan.worker"


@final
@dataclass(frozen=True)
class Plan:
    """How large the study is.

    Attributes:
        preset: Sizes of the networks.
        cost: Of every training.
        cases: Where encoders are compared.
        most_arms: Encoders of a case, at most.
        count: Test fields that are scored, at most.
        validate_every: Steps between two validations; None: as the case says.
    """

    preset: str
    cost: Cost
    cases: Sequence[Case] = CASES
    most_arms: int = 99
    count: int = 10_000
    validate_every: int | None = None


PLANS: Mapping[Scale, Plan] = {
    "quick": Plan("tiny", Cost(steps=4), (BARE, SERIES), 2, 6, 2),
    "standard": Plan("small", Cost(minutes=3)),
    "full": Plan("small", Cost(minutes=8)),
}


@final
@dataclass(frozen=True)
class Planned:
    """One training.

    Attributes:
        case: Where.
        arm: Which encoder.
        seed: Of the training.
    """

    case: Case
    arm: Arm
    seed: int

    @property
    def name(self) -> str:
        """Tells it from all others of the study."""
        return f"{self.case.key}-{self.arm.key}-{self.seed}"


@final
class CaseFolder:
    """The fields of a case and where its trainings are.

    Args:
        request: What is asked of the study.
        plan: How large it is.
        case: Which.
    """

    def __init__(self, request: Request, plan: Plan, case: Case) -> None:
        self.request, self.plan, self.case = request, plan, case
        self.quick = request.scale == "quick"

    @cached_property
    def truth(self) -> FieldData:
        """All fields, with splits; a few small ones at the quick scale."""
        data = self.case.open(self.request)
        if not self.quick:
            return data
        rows = np.linspace(0, len(data) - 1, min(_QUICK_FIELDS, len(data))).round().astype(int)
        few = data.take(rows)
        return few.at(few.grid.scaled_shape(min(_QUICK_CELLS, max(few.shape))))

    @cached_property
    def test(self) -> FieldData:
        """Test fields that are scored: of as many groups as there are."""
        test = self.truth.split("test")
        count = min(self.case.count, self.plan.count)
        return test.take(spread_order(test.groups)[:count])

    @cached_property
    def stations(self) -> Stations:
        """What is known of the training fields, where that is stations alone."""
        return Stations(self.truth, self.request.seed)

    @cached_property
    def _store(self) -> ModelStore:
        known = self.truth
        if self.case.stations:  # told from a training on whole fields
            known = known.take(known.splits != "test")
        return ModelStore(self.request, self.source, known, self.plan.preset)

    @property
    def source(self) -> str:
        """Where the fields come from."""
        return self.case.source or self.request.source

    def job(self, planned: Planned) -> Job:
        """The candidate that is trained."""
        case, arm = planned.case, planned.arm
        every = self.plan.validate_every or case.validate_every
        settings = (
            *arm.settings,
            *_CONSTANT,
            *case.settings,
            f"autoencoder.validate_every={every}",
        )
        label = f"{case.key}: {arm.label}"
        key = f"scan-{case.key}-{arm.key}"
        phases = ("autoencoder",)
        candidate = Candidate(key, label, "autoencoder", settings, phases=phases, rate=case.rate)
        return Job(candidate, planned.seed, self.plan.cost)

    def training(self, planned: Planned) -> TrainingJob:
        """Folder and process of a training, which is scored there as well."""
        stored = self._store.training(self.job(planned))
        words = worker_words(_WORKER, planned.name, self.request)
        return TrainingJob(stored.name, stored.folder, stored.recipe, words)


def screen(plan: Plan, seed: int) -> list[Planned]:
    """Every encoder of every case, once."""
    return [Planned(case, arm, seed) for case in plan.cases for arm in case.arms[: plan.most_arms]]


def confirmation(plan: Plan, seed: int) -> list[Planned]:
    """No scan, and what a case shall confirm, each with seeds that the screen has not seen.

    Args:
        plan: How large the study is.
        seed: Of the screen.
    """
    return [
        Planned(case, arm, seed + further)
        for case in plan.cases
        for further in FURTHER
        for arm in ((NO_SCAN, *case.confirmed)[: plan.most_arms] if case.confirmed else ())
    ]
