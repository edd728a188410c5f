"""How large the study is, and where the training of a case is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from mamba_diffae.benchmark import Request
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.benchmark.suite.errors import deviations
from mamba_diffae.benchmark.suite.families import spread_order
from mamba_diffae.fields import FieldData
from studies.common.candidates import Candidate, Cost, Job
from studies.common.model_store import ModelStore
from studies.common.training_job import TrainingJob
from studies.common.worker_shell import worker_words
from studies.fields.cases import CASES, Case, Stations, seen_in_training

SHARES = {"autoencoder": 0.6, "ensemble": 0.4}
"""Of the cost of a training, by phase: the mean, then the draws."""
_QUICK_FIELDS, _QUICK_CELLS = 30, 12
_WORKER = "studies.fields.worker"
_UNVALIDATED = 1_000_000
"""Steps between two validations: they would take time from the training."""


@final
@dataclass(frozen=True)
class RenderingPlan:
    """What is rendered.

    Attributes:
        sizes: Cells along each axis, ascending; with draws.
        mean_sizes: The same, of which the mean alone is rendered; no other package is asked.
        seconds: After which one rendering is stopped.
        n_draws: Draws that are rendered beside mean and deviation.
        count: Test fields on which accuracy is measured.
    """

    sizes: Sequence[int]
    mean_sizes: Sequence[int] = ()
    seconds: float = 300
    n_draws: int = 4
    count: int = 24


@final
@dataclass(frozen=True)
class Plan:
    """How large the study is.

    Attributes:
        preset: Sizes of the networks.
        cost: Of each training, all phases together.
        rendering: What is rendered, by the model of the first case.
        cases: Kinds of fields.
        count: Test fields that are scored, at most.
        n_draws: Of each.
    """

    preset: str
    cost: Cost
    rendering: RenderingPlan
    cases: Sequence[Case] = CASES
    count: int = 48
    n_draws: int = 32


PLANS: Mapping[Scale, Plan] = {
    "quick": Plan(
        "tiny",
        Cost(steps=10, shares=SHARES),
        RenderingPlan((32,), (48,), seconds=60, n_draws=2, count=2),
        count=6,
        n_draws=8,
    ),
    "standard": Plan("small", Cost(minutes=10, shares=SHARES), RenderingPlan((256, 512, 1024))),
    "full": Plan(
        "small",
        Cost(minutes=40, shares=SHARES),
        RenderingPlan((256, 512, 1024, 2048, 4096), (16_384,), seconds=1800),
        count=96,
    ),
}


@final
class CaseFolder:
    """The fields of a case and where its training is.

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
        data = self.case.open()
        if self.request.scale != "quick":
            return data
        rows = np.linspace(0, len(data) - 1, min(_QUICK_FIELDS, len(data))).round().astype(int)
        few = data.take(rows)
        return few.at(few.grid.scaled_shape(_QUICK_CELLS))

    @cached_property
    def test(self) -> FieldData:
        """Test fields that are scored: of as many groups as there are."""
        test = self.truth.split("test")
        return test.take(spread_order(test.groups)[: self.plan.count])

    @cached_property
    def stations(self) -> Stations:
        """What is known of the training fields, where that is stations alone."""
        return Stations(self.truth, self.request.seed)

    @cached_property
    def learned_from(self) -> FieldData:
        """What methods without a network learn from, and choose by."""
        return self.stations.binned() if self.case.stations else seen_in_training(self.truth)

    @cached_property
    def deviation(self) -> np.ndarray:
        """Of each variable over whole training fields, shape (C,): the unit of errors."""
        return deviations(self.truth.split("train"))

    @cached_property
    def training(self) -> TrainingJob:
        """Folder and process of the training, which is scored there as well."""
        case, known = self.case, self.truth
        if case.stations:  # told from a training on whole fields
            known = seen_in_training(known)
        store = ModelStore(self.request, case.source, known, self.plan.preset)
        candidate = Candidate(
            f"fields-{case.key}",
            case.title,
            "autoencoder",
            tuple(f"{phase}.validate_every={_UNVALIDATED}" for phase in SHARES),
            native_size=case.size,
            phases=tuple(SHARES),
        )
        stored = store.training(Job(candidate, self.request.seed, self.plan.cost))
        words = worker_words(_WORKER, case.key, self.request)
        return TrainingJob(stored.name, stored.folder, stored.recipe, words)

    def train(self) -> None:
        """Train in this process, or go on with that."""
        facts = {"native_shape": list(self.truth.shape)}
        if not self.case.stations:
            self.training.fit(self.truth, facts)
            return
        about = {"grid": self.truth.grid, "variables": self.truth.variables}
        self.training.fit(self.stations.observations, facts, **about)
