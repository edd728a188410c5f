"""Tables of the study: false alarms, detection, misses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mamba_diffae.benchmark import Table
from mamba_diffae.benchmark.page import Tone
from mamba_diffae.fields.familiarity import THRESHOLD
from studies.common.report import signed
from studies.familiarity.outcome import MARGIN, MOST_MISSES, Misses, Outcome, Share

MARK = "✗"
_PLAIN: Tone = ""
Cell = tuple[str, Tone]


AIM = f"{100 * MOST_MISSES:g} %"


def percent(share: float) -> str:
    """Such as "4.8 %"."""
    return f"{100 * share:.1f} %"


def with_interval(share: Share) -> str:
    """Such as "4.8 % (2.7 to 7.8 %)"."""
    return f"{percent(share.value)} ({100 * share.low:.1f} to {percent(share.high)})"


def false_alarms_table(own: Sequence[Outcome]) -> Table:
    """Own fields that are warned of, with the interval of their share."""
    rows, tones = [], []
    for outcome in own:
        share = Share.of(outcome.warned)
        right = share.contains(THRESHOLD)
        numbers = [100 * part for part in (share.value, share.low, share.high)]
        word = "yes" if right else f"no {MARK}"
        rows.append([outcome.method, outcome.observed, share.total, share.count, *numbers, word])
        tones.append(_toned(len(rows[-1]), "good" if right else "bad"))
    return Table(
        "False alarms: own fields that are warned of",
        f"Test fields of the training fields' kind with p below {THRESHOLD:g}, in per cent, with "
        "the exact 95 % interval (Clopper and Pearson), fields as independent ones. By "
        f"construction it should be 5 %; {MARK}: the interval does not contain it.",
        ["method", "observed", "fields", "warned", "share", "low", "high", "5 % inside"],
        rows,
        digits=[0, 0, 0, 0, 1, 1, 1, 0],
        tones=tones,
    )


def detection_table(foreign: Sequence[Outcome]) -> Table:
    """Foreign fields that are warned of, by family."""

    def cell(outcome: Outcome) -> Cell:
        share = Share.of(outcome.warned)
        return f"{percent(share.value)}\n{share.count} of {share.total}", _PLAIN

    return _by_family(
        "Foreign fields that are warned of",
        f"Test fields of other families with p below {THRESHOLD:g}. A field that the answer does "
        "no worse on than kriging need not be told from own ones; see the misses.",
        foreign,
        cell,
    )


def misses_table(misses: Sequence[Misses]) -> Table:
    """Worse than kriging, and worse without a warning, over all foreign fields."""
    rows, tones = [], []
    for m in misses:
        numbers = [100 * part for part in (m.missed.value, m.missed.low, m.missed.high)]
        worse = [100 * m.worse.value, m.mean_behind]
        word = "yes" if m.passed else f"no {MARK}"
        counts = [m.worse.total, 100 * m.warned.value]
        rows.append([m.method, m.observed, *counts, *worse, m.missed.count, *numbers, word])
        tones.append(_toned(len(rows[-1]), "good" if m.passed else "bad"))
    return Table(
        "Misses: foreign fields, worse than kriging without a warning",
        f"Worse: the squared error on cells that were not observed is more than {MARGIN:g} dB "
        "above kriging's, in per cent of all foreign fields; by: how much worse these are, on "
        "average. Missed: worse, and not warned of, in per cent of all, with the exact 95 % "
        f"interval. Aim: at most {AIM}; {MARK}: more.",
        [
            *("method", "observed", "fields", "warned %", "worse %", "by dB", "missed"),
            *("missed %", "low", "high", "aim met"),
        ],
        rows,
        digits=[0, 0, 0, 1, 1, 2, 0, 1, 1, 1, 0],
        tones=tones,
    )


def worse_table(foreign: Sequence[Outcome]) -> Table:
    """Where the answer is worse than kriging's, by family."""

    def cell(outcome: Outcome) -> Cell:
        assert outcome.behind is not None
        worse, missed = Share.of(outcome.worse), Share.of(outcome.missed)
        by = f", {signed(float(outcome.behind[outcome.worse].mean()))} dB" if worse.count else ""
        over = missed.value > MOST_MISSES
        told = f"missed {percent(missed.value)}{f' {MARK}' if over else ''}"
        return f"{percent(worse.value)}{by}\n{told}", "bad" if over else _PLAIN

    return _by_family(
        "Foreign fields on which the answer is worse than kriging's",
        f"Share of the fields on which it is more than {MARGIN:g} dB worse, and by how much these "
        f"are on average; below, the share of those without a warning, {MARK}: more than {AIM} of "
        "the family.",
        foreign,
        cell,
    )


def _by_family(
    title: str, caption: str, outcomes: Sequence[Outcome], shown: Callable[[Outcome], Cell]
) -> Table:
    """A row for each method and family, a column for each number of observations."""
    known = {(o.method, o.family, o.observed): shown(o) for o in outcomes}
    amounts = list(dict.fromkeys(o.observed for o in outcomes))
    rows: list[list[str | float | None]] = []
    tones: list[list[Tone]] = []
    for method, family in dict.fromkeys((o.method, o.family) for o in outcomes):
        cells = [known.get((method, family, amount), (None, _PLAIN)) for amount in amounts]
        rows.append([method, family, *(word for word, _ in cells)])
        tones.append([_PLAIN, _PLAIN, *(tone for _, tone in cells)])
    return Table(title, caption, ["method", "family", *amounts], rows, tones=tones)


def _toned(columns: int, tone: Tone) -> list[Tone]:
    """Of a row: the verdict in its last column is coloured."""
    plain: list[Tone] = [_PLAIN] * (columns - 1)
    return [*plain, tone]
