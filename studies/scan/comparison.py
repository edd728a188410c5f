"""Encoders against no scan, question by question: differences, intervals, who wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, final, get_args

import numpy as np
from scipy.special import stdtr, stdtrit

from mamba_diffae.benchmark.suite.intervals import paired_difference
from studies.scan.arms import NO_SCAN, Arm
from studies.scan.cases import Case, Measure
from studies.scan.measuring import Measured
from studies.scan.study import CaseResult

LEVEL = 0.05
"""Probability of one false winner or more in a table, at most."""
Basis = Literal["fields", "seeds"]
"""What the interval is over: groups of test fields, of single trainings; or seeds."""


@final
@dataclass(frozen=True)
class Comparison:
    """An encoder beside no scan.

    Attributes:
        arm: The encoder.
        gain: How far its mean squared error lies below that of no scan, in dB.
        low: Of the 95 % interval.
        high: Of the 95 % interval.
        p: Probability of so large a difference if there were none.
        basis: What the interval is over.
        seeds: Pairs of trainings.
        adjusted: The same probability after Holm's correction.
    """

    arm: Arm
    gain: float
    low: float
    high: float
    p: float
    basis: Basis
    seeds: int
    adjusted: float = 1.0

    @property
    def wins(self) -> bool:
        """Whether it is better than no scan: only several seeds can tell."""
        return self.basis == "seeds" and self.gain > 0 and self.adjusted < LEVEL

    @property
    def loses(self) -> bool:
        """Whether it is worse: likewise."""
        return self.basis == "seeds" and self.gain < 0 and self.adjusted < LEVEL

    @property
    def leads(self) -> bool:
        """Whether a single training is ahead, on more fields than by chance."""
        return self.basis == "fields" and self.gain > 0 and self.adjusted < LEVEL


@final
@dataclass(frozen=True)
class Answer:
    """One question: a case and a measure.

    Attributes:
        case: Which case.
        measure: Which measure.
        cheapest: Error of no scan, in dB below the variance, mean over its seeds.
        compared: One for each other encoder that is trained.
    """

    case: Case
    measure: Measure
    cheapest: float
    compared: Sequence[Comparison]

    @property
    def winners(self) -> list[Comparison]:
        """Those that are better than no scan, the best first."""
        return sorted((c for c in self.compared if c.wins), key=lambda c: -c.gain)

    @property
    def leaders(self) -> list[Comparison]:
        """Those that are ahead with one seed, the best first: nothing is decided by them."""
        return sorted((c for c in self.compared if c.leads), key=lambda c: -c.gain)


def answers(result: CaseResult, seed: int) -> list[Answer]:
    """All questions of a case of which no scan is trained.

    Args:
        result: What is trained.
        seed: Of the screen and of the resamples.
    """
    cheapest = result.of(NO_SCAN)
    if not cheapest:
        return []
    found = []
    for measure in result.case.measures:
        pairs = [
            (arm, result.of(arm)) for arm in result.case.arms if arm != NO_SCAN and result.of(arm)
        ]
        compared = [_compared(arm, ours, cheapest, measure, seed) for arm, ours in pairs]
        level = float(np.mean([-10 * np.log10(m.mse(measure)) for m in cheapest]))
        bases = [holm([c for c in compared if c.basis == b]) for b in get_args(Basis)]
        found.append(Answer(result.case, measure, level, [c for of in bases for c in of]))
    return found


def holm(compared: Sequence[Comparison]) -> list[Comparison]:
    """The same with probabilities that hold for all at once.

    Reference:
        Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    order, largest = sorted(range(len(compared)), key=lambda i: compared[i].p), 0.0
    adjusted = [1.0] * len(compared)
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(compared) - rank) * compared[i].p))
        adjusted[i] = largest
    return [replace(c, adjusted=p) for c, p in zip(compared, adjusted, strict=True)]


def over_seeds(arm: Arm, gains: Sequence[float]) -> Comparison:
    """Student's t over the differences of two seeds or more.

    Args:
        arm: The encoder.
        gains: Of each seed, in dB.
    """
    n, mean = len(gains), float(np.mean(gains))
    error = float(np.std(gains, ddof=1)) / np.sqrt(n)
    return _interval(arm, mean, error, n - 1, "seeds", n)


def _compared(
    arm: Arm, ours: Sequence[Measured], cheapest: Sequence[Measured], measure: Measure, seed: int
) -> Comparison:
    """Over the seeds of the confirmation, three or more, else over fields of the first seed.

    The screen's seed chose what is confirmed, and does not count again.
    """
    theirs = {m.planned.seed: m for m in cheapest}
    pairs = [(m, theirs[m.planned.seed]) for m in ours if m.planned.seed in theirs]
    others = [(a, b) for a, b in pairs if a.planned.seed != seed]
    if len(others) > 2:
        gains = [10 * np.log10(b.mse(measure) / a.mse(measure)) for a, b in others]
        return over_seeds(arm, gains)
    a, b = pairs[0]
    found = paired_difference(
        a.squared[measure][:, None], b.squared[measure][:, None], a.groups, seed
    )
    gain, error = float(found.estimate[0]), float(found.error[0])
    return _interval(arm, gain, error, max(found.groups - 1, 1), "fields", 1)


def _interval(
    arm: Arm, gain: float, error: float, freedom: int, basis: Basis, seeds: int
) -> Comparison:
    """From an estimate with a standard error to its 95 % interval and its probability."""
    half = float(stdtrit(freedom, 0.975)) * error
    ratio = np.inf if error == 0 and gain else abs(gain) / error if error else 0.0
    p = float(2 * stdtr(freedom, -ratio))
    return Comparison(arm, gain, gain - half, gain + half, p, basis, seeds)


@final
@dataclass(frozen=True)
class EqualFields:
    """An encoder at the number of fields that the slowest of its case saw.

    Attributes:
        arm: The encoder.
        seeds: Trainings.
        parameters: Weights of the network.
        fields: Seen in all, each time they came, mean over the seeds.
        speed: Fields a second of processor time.
        at_end: Validation PSNR at equal time, in dB.
        at_equal: The same at equally many fields; None: it was never validated so early.
    """

    arm: Arm
    seeds: int
    parameters: int
    fields: float
    speed: float
    at_end: float
    at_equal: float | None


def equal_fields(result: CaseResult) -> tuple[float, list[EqualFields]]:
    """How many fields the slowest training saw, and every encoder there.

    Validation PSNR is interpolated between the validations before and after.
    """
    if not result.measured:
        return 0.0, []
    least = float(min(m.fields for m in result.measured))
    rows = []
    for arm in result.case.arms:
        if found := result.of(arm):
            at = [read_curve(m.curve, least) for m in found]
            known = [x for x in at if x is not None]
            rows.append(
                EqualFields(
                    arm,
                    len(found),
                    found[0].parameters,
                    float(np.mean([m.fields for m in found])),
                    float(np.mean([m.fields / m.seconds for m in found])),
                    float(np.mean([m.curve[-1, 1] for m in found])),
                    float(np.mean(known)) if len(known) == len(at) else None,
                )
            )
    return least, rows


def read_curve(curve: np.ndarray, fields: float) -> float | None:
    """Validation PSNR at a number of fields, in dB; None before the first validation.

    Args:
        curve: Fields seen, rising, and PSNR, shape (V, 2).
        fields: At which to read.
    """
    if not len(curve) or fields < curve[0, 0]:
        return None
    return float(np.interp(fields, curve[:, 0], curve[:, 1]))
