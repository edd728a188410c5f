"""Train on random lattice cells alone and on the default mixture; score both on every pattern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from mamba_diffae.benchmark import ImageGrid, OnProgress, Request
from mamba_diffae.benchmark.panels import methods_grid
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.evaluation import Interval, Kriging, Method, Predictor, bootstrap_interval, psnr
from mamba_diffae.fields import Observations, Pattern, Shape, observe
from studies.common.cache import cached_arrays
from studies.common.candidates import PHASE_1, Cost, Job, fields_seen, steps_made
from studies.common.workbench import Setup, Workbench

FRACTION = 0.2
"""Observed share of the lattice; off the lattice, as many points."""
PATTERNS: Sequence[Pattern] = ("random", "scattered", "track", "clusters", "stripes", "block")
SHOWN = 3
"""Fields in the panel of each pattern."""
CELLS_ONLY = (
    "data.patterns={random: 1}",
    "data.p_sparse=0",
    "data.p_noise=0",
    "data.p_variables=0",
)
"""Random cells of the lattice, exact, of all variables: how the first edition trained."""
BEFORE = replace(
    PHASE_1,
    key="trained-on-cells",
    label="trained on random lattice cells",
    settings=CELLS_ONLY,
)
AFTER = replace(PHASE_1, key="trained-on-mixture", label="trained on the default mixture")
KRIGING = Method.of(Kriging())
SETUPS: Mapping[Scale, Setup] = {
    "quick": Setup("tiny", Cost(steps=4), count=4),
    "standard": Setup("small", Cost(minutes=10), count=128),
    "full": Setup("paper", Cost(minutes=120)),
}


@final
@dataclass(frozen=True)
class PatternOutcome:
    """How methods did where observations lay in one pattern.

    Attributes:
        pattern: See `observe`.
        points: Observed points of a field, on average.
        psnr: By method, in dB, with its interval.
        over_kriging: PSNR above kriging's on the same field, in dB, with the interval of the paired
            difference; kriging apart.
        gain: PSNR after above PSNR before, likewise.
    """

    pattern: Pattern
    points: float
    psnr: Mapping[Method, Interval]
    over_kriging: Mapping[Method, Interval]
    gain: Interval


@final
@dataclass(frozen=True)
class Trained:
    """What a training saw.

    Attributes:
        method: The network as a method.
        steps: Updates.
        fields: Each time they came.
        seconds: Of processor time.
    """

    method: Method
    steps: int
    fields: int
    seconds: float


@final
@dataclass(frozen=True, eq=False)
class PatternsResult:
    """Two trainings and the methods without one, on every pattern.

    Attributes:
        outcomes: One for each pattern.
        before: Trained on random lattice cells alone.
        after: Trained on the default mixture.
        count: Fields that were scored.
        native_shape: Cells along each axis at which they were.
        panels: Pictures, for each pattern.
        facts: How it was done.
    """

    outcomes: Sequence[PatternOutcome]
    before: Trained
    after: Trained
    count: int
    native_shape: Shape
    panels: Sequence[ImageGrid]
    facts: Mapping[str, str]


def observation_patterns(request: Request, on_progress: OnProgress) -> PatternsResult:
    """Train twice for the same time, and score both on every pattern.

    Args:
        request: Folder, fields, scale and seed.
        on_progress: Told of every training and every score.

    Raises:
        ValueError: If a training fails.
    """
    workbench = Workbench(request, SETUPS[request.scale], on_progress)
    before, after = (Job(c, request.seed, workbench.setup.cost) for c in (BEFORE, AFTER))
    workbench.train([before, after])
    methods = _methods(workbench, before, after)
    outcomes = [_outcome(workbench, pattern, methods, before, after) for pattern in PATTERNS]
    shown = {m: p for m, p in methods.items() if m == KRIGING or m.kind == "network"}
    facts = workbench.facts([before, after])
    facts["scored on"] = (
        f"{len(workbench.test)} fields, {FRACTION:.0%} of the cells or as many points, "
        f"{len(PATTERNS)} patterns, seed {request.seed}"
    )
    return PatternsResult(
        outcomes=outcomes,
        before=_trained(workbench, before),
        after=_trained(workbench, after),
        count=len(workbench.test),
        native_shape=workbench.test.shape,
        panels=[_panel(workbench, pattern, shown) for pattern in PATTERNS],
        facts=facts,
    )


def outcome_of(
    pattern: Pattern,
    points: float,
    scores: Mapping[Method, np.ndarray],
    groups: np.ndarray,
    pair: tuple[Method, Method],
    seed: int = 0,
) -> PatternOutcome:
    """Intervals from the PSNR of every field.

    Args:
        pattern: In which observations lay.
        points: Of a field, on average.
        scores: By method, kriging among them, in dB, shape (S,).
        groups: Of the fields, shape (S,).
        pair: The method before and the one after.
        seed: Of the resamples.
    """

    def interval(values: np.ndarray) -> Interval:
        return bootstrap_interval(values, groups, seed=seed)

    others = {m: x - scores[KRIGING] for m, x in scores.items() if m != KRIGING}
    before, after = pair
    return PatternOutcome(
        pattern,
        points,
        {method: interval(x) for method, x in scores.items()},
        {method: interval(x) for method, x in others.items()},
        interval(scores[after] - scores[before]),
    )


def _methods(workbench: Workbench, before: Job, after: Job) -> dict[Method, Predictor]:
    """The methods without a network, and both networks with latent and points."""
    networks = {job.method(): workbench.any_fields(job)[job.method()] for job in (before, after)}
    return {**workbench.without_network(after), **networks}


def _outcome(
    workbench: Workbench,
    pattern: Pattern,
    methods: Mapping[Method, Predictor],
    before: Job,
    after: Job,
) -> PatternOutcome:
    seed = workbench.request.seed
    seen = observe(workbench.test, FRACTION, pattern=pattern, seed=seed)

    def make() -> dict[str, np.ndarray]:
        return {m.key: _psnr(workbench, m, predictor, seen) for m, predictor in methods.items()}

    weights = [workbench.weights(job) for job in (before, after)]
    fields = {"source": workbench.source, "fields": len(workbench.test)}
    key = {**fields, "weights": weights, "seed": seed, "fraction": FRACTION}
    file = workbench.request.folder / "scores" / f"pattern-{pattern}.npz"
    found = cached_arrays(file, key, make)
    scores = {method: found[method.key] for method in methods}
    points, pair = float(seen.counts.double().mean()), (before.method(), after.method())
    return outcome_of(pattern, points, scores, workbench.test.groups, pair, seed)


def _psnr(
    workbench: Workbench, method: Method, predictor: Predictor, seen: Observations
) -> np.ndarray:
    """Of every field at the native cells, shape (S,)."""
    test = workbench.test
    mean = predictor.predict(seen, test.grid).mean
    workbench.tell(str(method))
    return psnr(test.unit_interval(mean), test.unit_interval(test.values), test.weights())


def _trained(workbench: Workbench, job: Job) -> Trained:
    run = workbench.run(job)
    (steps,) = steps_made(run).values()
    return Trained(job.method(), steps, fields_seen(run), sum(run.facts["elapsed"].values()))


def _panel(
    workbench: Workbench, pattern: Pattern, methods: Mapping[Method, Predictor]
) -> ImageGrid:
    """Kriging and both networks on a few fields."""
    shown = workbench.test.distinct(SHOWN)
    seen = observe(shown, FRACTION, pattern=pattern, seed=workbench.request.seed)
    grid = methods_grid(methods, shown, seen, workbench.scales[-1])
    return replace(grid, title=f"Pattern {pattern}")
