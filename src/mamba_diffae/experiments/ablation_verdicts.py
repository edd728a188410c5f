"""What levels of a factor say beside the default: a table, and a sentence for each factor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.experiments.result import Table
from mamba_diffae.experiments.verdicts import Row, extent, signed


@final
@dataclass(frozen=True)
class Outcome:
    """How a level did.

    Attributes:
        factor: What is changed.
        level: To what.
        psnr: In dB, by what is measured, one for each seed.
    """

    factor: str
    level: str
    psnr: Mapping[str, Sequence[float]]

    def effect(self, default: Outcome, measure: str) -> Effect:
        """Its difference from the default."""
        ours, theirs = self.psnr[measure], default.psnr[measure]
        spread = max(extent(ours), extent(theirs)) if len(ours) > 1 else None
        return Effect(measure, float(np.mean(ours) - np.mean(theirs)), spread)


@final
@dataclass(frozen=True)
class Effect:
    """A difference from the default.

    Attributes:
        measure: What is measured.
        gain: Mean over the seeds minus the default's, in dB.
        spread: The greatest minus the least of one level's seeds, of the two the wider; None: one
            seed.
    """

    measure: str
    gain: float
    spread: float | None

    @property
    def counts(self) -> bool:
        """Whether it is greater than the spread."""
        return self.spread is not None and abs(self.gain) > self.spread

    def __str__(self) -> str:
        beside = "" if self.spread is None else f" ± {self.spread:.2f}"
        return f"{signed(self.gain)}{beside}"


def levels_table(outcomes: Sequence[Outcome], prior: bool) -> Table:
    """PSNR of every level, and its difference from the default.

    Args:
        outcomes: The default first.
        prior: Whether the networks have the prior.
    """
    default = outcomes[0]
    measures = list(default.psnr)
    rows: list[Row] = []
    for outcome in outcomes:
        means = [float(np.mean(outcome.psnr[m])) for m in measures]
        effects = [str(outcome.effect(default, m)) for m in measures]
        beside = [None] * len(measures) if outcome is default else effects
        rows.append([outcome.factor, outcome.level, *means, *beside])
    count = len(default.psnr[measures[0]])
    return Table(
        f"One factor at a time, {_arm(prior)}",
        f"PSNR in dB, mean over {count} seed{'s' * (count > 1)}; then its difference from the "
        "default, ± the greatest minus the least of one level's seeds, of the two the wider.",
        ["factor", "level", *measures, *(f"Δ {m}" for m in measures)],
        rows,
    )


def findings(outcomes: Sequence[Outcome], prior: bool) -> list[str]:
    """A sentence for each factor.

    Args:
        outcomes: The default first.
        prior: Whether the networks have the prior.
    """
    default, *others = outcomes
    factors = dict.fromkeys(outcome.factor for outcome in others)
    said = {f: "; ".join(_said(o, default) for o in others if o.factor == f) for f in factors}
    return [f"{factor.capitalize()} ({_arm(prior)}): {words}." for factor, words in said.items()]


def _said(outcome: Outcome, default: Outcome) -> str:
    effects = [outcome.effect(default, measure) for measure in default.psnr]
    counting = [effect for effect in effects if effect.counts]
    if any(effect.spread is None for effect in effects):
        figures = ", ".join(f"{e} dB ({e.measure})" for e in effects)
        return f"{outcome.level}: one seed, so no verdict, {figures}"
    if not counting:
        most = max(effects, key=lambda e: abs(e.gain))
        return (
            f"{outcome.level}: no difference beyond the spread (at most {most} dB, {most.measure})"
        )
    figures = ", ".join(f"{e} dB ({e.measure})" for e in counting)
    better, worse = (any(sign * e.gain > 0 for e in counting) for sign in (1, -1))
    verdict = "better and worse" if better and worse else "better" if better else "worse"
    rest = "" if len(counting) == len(effects) else "; elsewhere no difference beyond the spread"
    return f"{outcome.level}: {verdict}, {figures}{rest}"


def _arm(prior: bool) -> str:
    return "with the prior" if prior else "without the prior"
