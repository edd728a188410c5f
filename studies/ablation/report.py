"""Tables and sentences of the study of one factor at a time."""

from __future__ import annotations

import numpy as np

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.benchmark.wording import in_short
from studies.ablation.outcome import Arm, Effect, Measure, Outcome
from studies.ablation.study import FEW, AblationResult
from studies.common.report import Row, signed

QUESTION = (
    "Each row is the default with one factor changed, trained for the same time (phase 1, the "
    "mean). The prior from analogues says most of what can be known before any network does, and "
    "the latent begins as its code: beside it no factor could show much. So the factors "
    "are judged without the prior (at the scale full with it as well), and from few cells and from "
    "the latent alone too, where a scan over the points may pay."
)


def page(result: AblationResult) -> Page:
    """All that is shown of the result."""
    return Page(
        title="One factor at a time",
        question=QUESTION,
        findings=[finding for arm in result.arms for finding in findings(arm)],
        scores=[],
        tables=[levels_table(arm) for arm in result.arms],
        facts=result.facts,
    )


def measure_label(measure: Measure) -> str:
    """A measure as tables name it."""
    beside = {"usual": "", "few cells": f", {FEW:.0%} seen", "latent alone": ", latent alone"}
    return f"{in_short(measure.shape)}{beside[measure.read]}"


def levels_table(arm: Arm) -> Table:
    """PSNR of every level, and its difference from the default."""
    measures = list(arm.default.psnr)
    rows: list[Row] = []
    for outcome in (arm.default, *arm.levels):
        means = [float(np.mean(outcome.psnr[m])) for m in measures]
        effects = [_figure(outcome.effect(arm.default, m)) for m in measures]
        beside = [None] * len(measures) if outcome is arm.default else effects
        rows.append([outcome.factor, outcome.level, *means, *beside])
    count, labels = len(arm.default.psnr[measures[0]]), [measure_label(m) for m in measures]
    return Table(
        f"One factor at a time, {_arm(arm)}",
        f"PSNR in dB, mean over {count} seed{'s' * (count > 1)}; then its difference from the "
        "default, ± the greatest minus the least of one level's seeds, of the two the wider.",
        ["factor", "level", *labels, *(f"Δ {label}" for label in labels)],
        rows,
    )


def findings(arm: Arm) -> list[str]:
    """A sentence for each factor."""
    found = []
    for factor in dict.fromkeys(outcome.factor for outcome in arm.levels):
        levels = [outcome for outcome in arm.levels if outcome.factor == factor]
        words = "; ".join(_level_words(level, arm.default) for level in levels)
        found.append(f"{factor.capitalize()} ({_arm(arm)}): {words}.")
    return found


def _level_words(outcome: Outcome, default: Outcome) -> str:
    effects = [outcome.effect(default, measure) for measure in default.psnr]
    clear = [effect for effect in effects if effect.exceeds_spread]
    if any(effect.spread is None for effect in effects):
        return f"{outcome.level}: one seed, so no verdict, {_figures(effects)}"
    if not clear:
        most = max(effects, key=lambda e: abs(e.gain))
        return (
            f"{outcome.level}: no difference beyond the spread (at most {_figure(most)} dB, "
            f"{measure_label(most.measure)})"
        )
    better, worse = (any(sign * e.gain > 0 for e in clear) for sign in (1, -1))
    effect = "better and worse" if better and worse else "better" if better else "worse"
    rest = "" if len(clear) == len(effects) else "; elsewhere no difference beyond the spread"
    return f"{outcome.level}: {effect}, {_figures(clear)}{rest}"


def _figures(effects: list[Effect]) -> str:
    return ", ".join(f"{_figure(e)} dB ({measure_label(e.measure)})" for e in effects)


def _figure(effect: Effect) -> str:
    beside = "" if effect.spread is None else f" ± {effect.spread:.2f}"
    return f"{signed(effect.gain)}{beside}"


def _arm(arm: Arm) -> str:
    return "with the prior" if arm.prior else "without the prior"
