"""Ask the default prior, and a model, how familiar own and foreign fields are to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from mamba_diffae.benchmark import ImageGrid, OnProgress, Request
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.benchmark.suite import FAMILIES, Family
from studies.familiarity.distributions import distribution_grid
from studies.familiarity.measuring import Amount, FamilyFields, in_words
from studies.familiarity.methods import FamiliarityMethod, given_model, prior_alone
from studies.familiarity.outcome import Misses, Outcome


@final
@dataclass(frozen=True)
class Plan:
    """How large the study is.

    Attributes:
        amounts: Observed cells of a field.
        families: Those of the suite that are foreign, the home family left out.
        own: Test fields of the home family; None: all.
        foreign: Test fields of each other family, at most.
    """

    amounts: Sequence[Amount] = (5, 20, 50, 200, 0.2)
    families: Sequence[Family] = tuple(FAMILIES.values())
    own: int | None = None
    foreign: int = 48


PLANS: Mapping[Scale, Plan] = {
    "quick": Plan(amounts=(20, 0.2), families=(FAMILIES["fronts"],), own=40, foreign=24),
    "standard": Plan(),
    "full": Plan(foreign=288),
}


@final
@dataclass(frozen=True, eq=False)
class FamiliarityResult:
    """What methods said of own and of foreign fields.

    Attributes:
        outcomes: By method, family and number of observations, those of own fields first.
        groups: Of the scored fields, how many by family.
        panels: Distributions of the p-values, for each method.
        facts: How it was done.
    """

    outcomes: Sequence[Outcome]
    groups: Mapping[str, int]
    panels: Sequence[ImageGrid]
    facts: Mapping[str, str]

    @property
    def own(self) -> list[Outcome]:
        """Those of fields of the training fields' kind."""
        return [outcome for outcome in self.outcomes if outcome.own]

    @property
    def foreign(self) -> list[Outcome]:
        """Those of other families."""
        return [outcome for outcome in self.outcomes if not outcome.own]

    @property
    def misses(self) -> list[Misses]:
        """The foreign fields of all families, by method and number of observations."""
        together: dict[tuple[str, str], list[Outcome]] = {}
        for outcome in self.foreign:
            together.setdefault((outcome.method, outcome.observed), []).append(outcome)
        return [Misses.of(outcomes) for outcomes in together.values()]


def familiarity(request: Request, on_progress: OnProgress) -> FamiliarityResult:
    """Fit the prior on the home family, and ask it and the given model, if any, about all families.

    What methods said is kept in the folder of the study, and found again when it is resumed.

    Args:
        request: Folder, home family (its source), scale, seed, and maybe a model of that family.
        on_progress: Told of every method, family and number of observations.

    Raises:
        ValueError: If the home family has no test fields, or the model states no familiarity.
    """
    plan, folder = PLANS[request.scale], request.folder / "scores"
    home = FamilyFields(home_family(request), plan.own, request.seed, folder)
    methods = [prior_alone(home.data)]
    if request.model is not None:
        methods.insert(0, given_model(request.model))  # first: it may state none
    others = [
        FamilyFields(family, plan.foreign, request.seed, folder)
        for family in plan.families
        if family.name != home.family.name
    ]
    outcomes = list(_outcomes(home, others, methods, plan.amounts, on_progress))
    asked = {outcome.family for outcome in outcomes}
    groups = {
        fields.family.name: len(np.unique(fields.test.groups))
        for fields in (home, *others)
        if fields.family.name in asked
    }
    labels = [method.label for method in methods]
    return FamiliarityResult(
        outcomes=outcomes,
        groups=groups,
        panels=[distribution_grid([o for o in outcomes if o.method == m]) for m in labels],
        facts=_facts(home, others, asked, plan),
    )


def home_family(request: Request) -> Family:
    """The family of the suite that has the source of the request, or one of its fields."""
    for family in FAMILIES.values():
        if family.source == request.source:
            return family
    return Family(Path(request.source).stem or "own fields", request.truth)


def _outcomes(
    home: FamilyFields,
    others: Sequence[FamilyFields],
    methods: Sequence[FamiliarityMethod],
    amounts: Sequence[Amount],
    on_progress: OnProgress,
) -> Iterator[Outcome]:
    for fields in (home, *others):
        for method in methods:
            for amount in filter(fields.holds, amounts):
                ask = fields.own if fields is home else fields.foreign
                outcome = ask(method, amount)
                if outcome is not None:
                    on_progress(f"{method.label}: {fields.family.name}, {in_words(amount)}")
                    yield outcome


def _facts(
    home: FamilyFields, others: Sequence[FamilyFields], asked: set[str], plan: Plan
) -> dict[str, str]:
    tried = [f for f in others if f.family.name in asked]
    counts = sorted({len(f.test) for f in tried})
    fields = f"{counts[0]} to {counts[-1]}" if counts[1:] else "".join(map(str, counts))
    foreign = f"{fields} of each of {len(tried)} other families" if tried else "no other family"
    left = [f.family.name for f in others if f not in tried]
    about = {
        "scored on": f"{len(home.test)} test fields of {home.family.name} and {foreign}, "
        f"{', '.join(map(in_words, plan.amounts))} observed at random",
        "kriging": "fitted on the training fields of the family that is asked about",
    }
    if left:
        about["left out"] = f"{', '.join(left)}: of another number of variables or axes"
    return about
