"""Tables and sentences of the study of familiarity; every sentence is computed from the numbers."""

from __future__ import annotations

from collections.abc import Sequence

from mamba_diffae.benchmark import Page
from mamba_diffae.fields.familiarity import THRESHOLD
from studies.familiarity.outcome import MARGIN, Misses, Outcome, Share
from studies.familiarity.study import FamiliarityResult
from studies.familiarity.tables import (
    AIM,
    detection_table,
    false_alarms_table,
    misses_table,
    percent,
    with_interval,
    worse_table,
)

QUESTION = (
    "A prediction states how familiar a field is, a p-value, and warns below 0.05. Are 5 % of the "
    "fields of the training fields' kind warned of, as a p-value promises? How many foreign fields "
    "are? And where the answer is worse than kriging's, is there a warning?"
)


def page(result: FamiliarityResult) -> Page:
    """All that is shown of the result."""
    tables = [false_alarms_table(result.own)]
    if result.foreign:
        foreign = result.foreign
        tables += [misses_table(result.misses), detection_table(foreign), worse_table(foreign)]
    return Page(
        title="Familiarity: is what is foreign told, and are the warnings right?",
        question=QUESTION,
        findings=findings(result),
        scores=[],
        tables=tables,
        panels=result.panels,
        facts=result.facts,
    )


def findings(result: FamiliarityResult) -> list[str]:
    """False alarms, detection and misses of each method, and on how many groups they rest."""
    found = []
    for method in dict.fromkeys(outcome.method for outcome in result.outcomes):
        found.append(_false_alarms([o for o in result.own if o.method == method]))
        misses = [m for m in result.misses if m.method == method]
        if misses:
            foreign = [o for o in result.foreign if o.method == method]
            found += [_detection(misses, foreign), _worse(misses), _missed(misses)]
    return [*found, *_groups(result)]


def _false_alarms(own: Sequence[Outcome]) -> str:
    shares = {outcome.observed: Share.of(outcome.warned) for outcome in own}
    wrong = {at: share for at, share in shares.items() if not share.contains(THRESHOLD)}
    least, most = (f(share.value for share in shares.values()) for f in (min, max))
    head = (
        f"{own[0].method}: of {len(own[0].familiarity)} own fields "
        f"{100 * least:.1f} to {percent(most)} are warned of, by the number of observations"
    )
    if not wrong:
        return f"{head}; the 95 % interval of each of {len(shares)} contains 5 %."
    named = "; ".join(f"{at}: {with_interval(share)}" for at, share in wrong.items())
    right = len(shares) - len(wrong)
    return f"{head}; the 95 % interval of {right} of {len(shares)} contains 5 %, not at {named}."


def _detection(misses: Sequence[Misses], foreign: Sequence[Outcome]) -> str:
    count = len({outcome.family for outcome in foreign})
    families = "one foreign family" if count == 1 else f"{count} foreign families"
    shares = ", ".join(f"{percent(m.warned.value)} at {m.observed}" for m in misses)
    least = min(foreign, key=lambda outcome: outcome.warned.mean())
    return (
        f"{misses[0].method}: of the fields of {families} are warned of {shares}; "
        f"the least share is {percent(float(least.warned.mean()))} ({least.family}, "
        f"{least.observed})."
    )


def _worse(misses: Sequence[Misses]) -> str:
    told = "; ".join(
        f"at {m.observed} {percent(m.worse.value)}"
        + ("" if m.mean_behind is None else f", by {m.mean_behind:.2f} dB on average")
        for m in misses
    )
    return (
        f"{misses[0].method}: foreign fields on which the answer is more than {MARGIN:g} dB worse "
        f"than kriging's: {told}."
    )


def _missed(misses: Sequence[Misses]) -> str:
    told = "; ".join(f"at {m.observed} {with_interval(m.missed)}" for m in misses)
    met = sum(m.passed for m in misses)
    return (
        f"{misses[0].method}: missed, that is worse without a warning: {told}. At most "
        f"{AIM} is aimed at: met at {met} of {len(misses)} numbers of observations."
    )


def _groups(result: FamiliarityResult) -> list[str]:
    """Families whose fields come in groups, which the intervals do not know of."""
    fields = {outcome.family: len(outcome.familiarity) for outcome in result.outcomes}
    named = [
        f"{family} {fields[family]} in {count}"
        for family, count in result.groups.items()
        if count < fields[family]
    ]
    if not named:
        return []
    return [
        "Fields count as independent; those of one group are less so, and the intervals are too "
        f"narrow there. Fields in groups: {', '.join(named)}."
    ]
