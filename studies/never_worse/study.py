"""Score the prior alone and networks on every family and cell of the suite, beside all rivals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from mamba_diffae.benchmark import OnProgress, Request
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.benchmark.suite import (
    CELLS,
    FAMILIES,
    Candidate,
    Family,
    SuiteResult,
    foreign_prior_candidate,
    prior_candidate,
    run_suite,
)
from mamba_diffae.benchmark.suite.run import HALF_WIDTH
from mamba_diffae.priors import PRIORS
from studies.common.candidates import Cost
from studies.never_worse.models import (
    FamilyTraining,
    foreign_network,
    own_networks,
    packaged_network,
    train,
    training_on,
)

DEFAULT_PRIOR, EARLIER_PRIOR = "mixture", "kriging"
"""The prior that is tried, and the one that stands in for it where it is not registered."""


@final
@dataclass(frozen=True)
class Plan:
    """How large the study is.

    Attributes:
        families: Those of the suite that are tried.
        cells: How their fields are observed.
        fields: Test fields of each row, at the least.
        half_width: In dB: fields are added until the interval of a row by itself is narrower.
        preset: Sizes of the networks.
        own: Cost of a network on each family; None: none is trained, and none scored.
        foreign: Cost of a network on `home`, asked about all other families.
        home: The family that prior and network learn from which are asked about all others.
    """

    families: Sequence[Family] = tuple(FAMILIES.values())
    cells: Sequence[str] = tuple(CELLS)
    fields: int = 48
    half_width: float = HALF_WIDTH
    preset: str = "small"
    own: Cost | None = None
    foreign: Cost | None = None
    home: Family = FAMILIES["emoji"]


PLANS: Mapping[Scale, Plan] = {
    "quick": Plan(
        families=(FAMILIES["gaussian smooth"], FAMILIES["fronts"]),
        cells=("20 %", "block"),
        fields=12,
        half_width=math.inf,
    ),
    "standard": Plan(own=Cost(minutes=10), foreign=Cost(minutes=30)),
    "full": Plan(fields=96, own=Cost(minutes=60), foreign=Cost(minutes=120)),
}


@final
@dataclass(frozen=True, eq=False)
class NeverWorseResult:
    """How methods do beside the best simple ones.

    Attributes:
        suite: A row for each method, family, cell and variable.
        half_width: In dB: how narrow the interval of a row by itself was wanted; inf: whatever.
        grouped_by: What a group of the resamples is, by family, where fields are not their own.
        facts: How it was done.
    """

    suite: SuiteResult
    half_width: float
    grouped_by: Mapping[str, str]
    facts: Mapping[str, str]


def never_worse(request: Request, on_progress: OnProgress) -> NeverWorseResult:
    """Train the networks that are not trained yet, and score all methods on the suite.

    Errors are kept beside the folder of the study, trained networks where all studies keep theirs:
    what is done is found again. A source that is none of the suite's comes in as one more family.

    Args:
        request: Folder, scale, seed, prior, and a source that is added.
        on_progress: Told of every training, and of every family and cell.

    Raises:
        ValueError: If the prior is unknown, or a training fails.
    """
    plan = PLANS[request.scale]
    families = [*plan.families, *_added(request)]
    ours, trained = _candidates(request, plan, families, on_progress)
    suite = run_suite(
        {candidate.key: candidate for candidate in ours},
        families=families,
        cells=plan.cells,
        fields=plan.fields,
        half_width=plan.half_width,
        seed=request.seed,
        cache=errors_folder(request),
        on_progress=on_progress,
    )
    return NeverWorseResult(
        suite=suite,
        half_width=plan.half_width,
        grouped_by={f.name: f.grouped_by for f in families if f.grouped_by},
        facts=_facts(suite, families, plan, trained),
    )


def errors_folder(request: Request) -> Path:
    """Where the errors of all methods are kept, for every run of this study."""
    return request.folder.parent / "suite"


def chosen_prior(request: Request) -> str:
    """The prior that is tried."""
    default = DEFAULT_PRIOR if DEFAULT_PRIOR in PRIORS.names() else EARLIER_PRIOR
    return request.prior or default


def _added(request: Request) -> list[Family]:
    """The family of a source that is none of the suite's."""
    known = {family.source for family in FAMILIES.values()}
    return [] if request.source in known else [Family(Path(request.source).stem, request.source)]


def _candidates(
    request: Request, plan: Plan, families: Sequence[Family], on_progress: OnProgress
) -> tuple[list[Candidate], list[FamilyTraining]]:
    """What is compared, and the trainings behind it."""
    prior, device = chosen_prior(request), request.device
    ours, own, foreign = [prior_candidate(prior)], [], []
    if plan.foreign is not None:
        ours.append(foreign_prior_candidate(prior, plan.home))
        foreign.append(training_on(request, plan.home, plan.preset, plan.foreign))
    if plan.own is not None:
        own += [training_on(request, family, plan.preset, plan.own) for family in families]
    train(request, [*own, *foreign], on_progress)
    if plan.own is not None:
        ours.append(own_networks(f"network, {_words(plan.own)} on its family", own, device))
    if plan.foreign is not None:
        key = f"network, {_words(plan.foreign)} on {plan.home.name}"
        ours += [foreign_network(key, foreign[0], device), packaged_network(device)]
    return ours, [*own, *foreign]


def _words(cost: Cost) -> str:
    """Such as "10 minutes"."""
    return f"{cost.steps} steps" if cost.minutes is None else f"{cost.minutes:g} minutes"


def _facts(
    suite: SuiteResult, families: Sequence[Family], plan: Plan, trained: Sequence[FamilyTraining]
) -> dict[str, str]:
    counts = sorted({row.fields for row in suite.rows})
    fields = f"{counts[0]} to {counts[-1]}" if counts[1:] else f"{counts[0]}"
    return {
        "scored on": f"{len(families)} families, {len(plan.cells)} ways to observe, {fields} test "
        "fields of each, on cells that were not observed",
        **{f"training on {t.family}, {t.job.folder.name}": t.job.command for t in trained},
    }
