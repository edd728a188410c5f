"""Which trainings there are, from what they begin, and on which fields they are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

from mamba_diffae.benchmark import Request
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.benchmark.suite.families import spread_order
from mamba_diffae.fields import FieldData, Observations, observe
from studies.common.candidates import Candidate, Cost, Job
from studies.common.model_store import ModelStore
from studies.common.training_job import TrainingJob
from studies.common.worker_shell import worker_words
from studies.draws.arms import FLOW, NO_TOKEN_NOISE, PRIOR_FLOW, SCORE, START, Arm
from studies.draws.cases import CASES, PICTURES, Case

_QUICK_FIELDS, _QUICK_CELLS = 48, 24
_WORKER = "studies.draws.worker"
_UNVALIDATED = 1_000_000
"""Steps between two validations: they would take time from the training, not the same of all."""


@final
@dataclass(frozen=True)
class Plan:
    """How large the study is.

    Attributes:
        preset: Sizes of the networks.
        start: Cost of phase 1.
        cost: Of every other training.
        cases: Fields, and what is trained on them.
        steps: Steps of Heun's solver that are compared, where the main fraction is observed.
        reference: Those with which all is compared, and that are taken elsewhere; one of `steps`.
        count: Test fields that are scored, at most.
        n_draws: Of each.
        shown: Fields in the sheet of pictures.
    """

    preset: str
    start: Cost
    cost: Cost
    cases: Sequence[Case] = CASES
    steps: Sequence[int] = (2, 10, 20)
    reference: int = 20
    count: int = 48
    n_draws: int = 16
    shown: int = 6


PLANS: Mapping[Scale, Plan] = {
    "quick": Plan(
        "tiny",
        Cost(steps=4),
        Cost(steps=4),
        (replace(PICTURES, arms=(FLOW, PRIOR_FLOW, SCORE, NO_TOKEN_NOISE)),),
        steps=(2, 4),
        reference=4,
        count=4,
        n_draws=4,
        shown=2,
    ),
    "standard": Plan("small", Cost(minutes=5), Cost(minutes=2.5)),
    "full": Plan("small", Cost(minutes=20), Cost(minutes=10), count=96),
}


@final
@dataclass(frozen=True)
class Planned:
    """One training.

    Attributes:
        case: On which fields.
        arm: Of what.
    """

    case: Case
    arm: Arm

    @property
    def name(self) -> str:
        """Tells it from all others of the study."""
        return f"{self.case.key}-{self.arm.key}"


def scored_fields(fields: FieldData, count: int | None) -> FieldData:
    """Test fields, of as many groups as there are.

    Args:
        fields: With splits.
        count: How many at most; None: all.
    """
    test = fields.split("test")
    return test.take(spread_order(test.groups)[:count])


def planned(plan: Plan) -> list[Planned]:
    """All trainings: what others begin from comes first, then the energy score of all cases."""
    starts = [Planned(case, START) for case in plan.cases]
    others = [Planned(case, arm) for case in plan.cases for arm in case.arms]
    return [*starts, *sorted(others, key=lambda p: p.arm != SCORE)]


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

    @cached_property
    def truth(self) -> FieldData:
        """All fields, with splits; a few small ones at the quick scale."""
        data = self.case.open(self.request)
        if self.request.scale != "quick":
            return data
        few = data.distinct(_QUICK_FIELDS)
        return few.at(few.grid.scaled_shape(min(_QUICK_CELLS, max(few.shape))))

    @cached_property
    def test(self) -> FieldData:
        """Test fields that are scored: of as many groups as there are."""
        return scored_fields(self.truth, self.plan.count)

    def observe(self, data: FieldData, fraction: float) -> Observations:
        """A share of the lattice of some fields."""
        return observe(data, fraction, seed=self.request.seed)

    @cached_property
    def start(self) -> TrainingJob:
        """Phase 1."""
        return self.training(Planned(self.case, START))

    def training(self, planned: Planned) -> TrainingJob:
        """Folder and process of a training, which is scored there as well."""
        stored = self._store.training(self._job(planned.arm))
        words = worker_words(_WORKER, planned.name, self.request)
        return TrainingJob(stored.name, stored.folder, stored.recipe, words)

    @cached_property
    def _store(self) -> ModelStore:
        source = self.case.source or self.request.source
        return ModelStore(self.request, source, self.truth, self.plan.preset)

    def _job(self, arm: Arm) -> Job:
        """The candidate that is trained; it has the settings of phase 1 as well."""
        before = () if arm == START else self.start.recipe.settings
        candidate = Candidate(
            f"draws-{self.case.key}-{arm.key}",
            f"{self.case.title}: {arm.label}",
            "autoencoder",
            (*before, *arm.settings, f"{arm.phase}.validate_every={_UNVALIDATED}"),
            native_size=self.case.native_size,
            phases=(arm.phase,),
            rate=arm.rate,
        )
        cost, share = self.plan.start if arm == START else self.plan.cost, self.case.share
        minutes = None if cost.minutes is None else share * cost.minutes
        return Job(candidate, self.request.seed, replace(cost, minutes=minutes))
