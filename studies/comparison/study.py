"""Train every candidate at equal cost, and score them on the same observations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import final

from mamba_diffae.benchmark import ImageGrid, OnProgress, Request
from mamba_diffae.benchmark.panels import methods_grid
from mamba_diffae.benchmark.study import Scale
from mamba_diffae.evaluation import GappyPOD, Method, Score, ThinPlateSpline
from mamba_diffae.fields import Shape
from studies.common.cache import cached_json
from studies.common.candidates import (
    ANCHORED,
    BASELINE,
    CANDIDATES,
    FOUR_DIRECTIONS,
    MINIMAL,
    NO_PRIOR,
    SCAN,
    Candidate,
    Cost,
    Job,
    at_coarse_only,
    fields_a_step,
    fields_seen,
    steps_made,
    validation_psnr,
)
from studies.common.local_estimate import LOCAL_ESTIMATE
from studies.common.scoreboard import (
    Best,
    Criterion,
    Scoreboard,
    SeedSpread,
    best_at_each_scale,
    criteria,
    seed_spreads,
)
from studies.common.workbench import Setup, Workbench
from studies.comparison.drift import Drift, measure_drift

SHOWN = 6
"""Fields in the panels."""
SETUPS: Mapping[Scale, Setup] = {
    "quick": Setup("tiny", Cost(steps=4), count=4, seeds=1, n_drift_fields=2),
    "standard": Setup("small", Cost(minutes=10)),
    "full": Setup("paper", Cost(minutes=120)),
}


@final
@dataclass(frozen=True)
class Jobs:
    """The trainings of a comparison.

    Attributes:
        first: Every candidate, with the first seed.
        coarse: The pair that is trained at the observed cells only.
        more: The two best with further seeds.
        equal: Every candidate but the slowest, for as many fields as that one saw; none if that
            was not asked.
    """

    first: Sequence[Job]
    coarse: Sequence[Job]
    more: Sequence[Job]
    equal: Sequence[Job]

    @property
    def all(self) -> list[Job]:
        """Every training."""
        return [*self.first, *self.coarse, *self.more, *self.equal]

    def of(self, candidate: Candidate) -> Job:
        """A candidate's first training."""
        return next(job for job in self.first if job.candidate == candidate)


@final
@dataclass(frozen=True)
class Choice:
    """What a choice brings.

    Attributes:
        words: The choice.
        gains: PSNR with it above that without it at each scale, in dB.
    """

    words: str
    gains: Sequence[float]


@final
@dataclass(frozen=True)
class Spent:
    """What a training used.

    Attributes:
        network: Its label.
        seed: Of the training.
        parameters: Weights of the network.
        steps: Updates of each phase.
        fields: Seen, over all phases, each time they came.
        seconds: Processor time.
    """

    network: str
    seed: int
    parameters: int
    steps: Sequence[int]
    fields: int
    seconds: float


@final
@dataclass(frozen=True, eq=False)
class ComparisonResult:
    """All networks and all methods without one, at equal cost.

    Attributes:
        scores: Of all methods at every scale.
        baseline: The method to beat.
        best: The best network and the best of all else at every scale.
        criteria: That were set beforehand.
        choices: What each choice brings.
        spreads: Over seeds, of those trained with several.
        drift: Of some networks.
        spent: What every training used.
        observed_shape: Of the lattice that is observed.
        n_drift_fields: Fields whose drift was measured.
        panels: Pictures.
        facts: How it was done.
    """

    scores: Sequence[Score]
    baseline: Method
    best: Sequence[Best]
    criteria: Sequence[Criterion]
    choices: Sequence[Choice]
    spreads: Sequence[SeedSpread]
    drift: Sequence[Drift]
    spent: Sequence[Spent]
    observed_shape: Shape
    n_drift_fields: int
    panels: Sequence[ImageGrid]
    facts: Mapping[str, str]


def comparison(request: Request, on_progress: OnProgress) -> ComparisonResult:
    """Train every candidate at equal cost, and score them on the same observations.

    Args:
        request: Folder, fields, scale and seed.
        on_progress: Told of every training and every score.

    Raises:
        ValueError: If a training fails.
    """
    workbench = Workbench(request, SETUPS[request.scale], on_progress)
    jobs = train_all(workbench)
    others = workbench.scores_without_network(jobs.of(ANCHORED))
    board = Scoreboard([*others, *_network_scores(workbench, jobs)])
    baseline = jobs.of(BASELINE).method()
    scored = [jobs.of(c).method() for c in (ANCHORED, SCAN, NO_PRIOR)]
    return ComparisonResult(
        scores=list(board.scores.values()),
        baseline=baseline,
        best=best_at_each_scale(board),
        criteria=criteria(board, baseline, scored),
        choices=[Choice(words, board.gains(*pair)) for words, pair in _choices(jobs).items()],
        spreads=_spreads(workbench, jobs, board),
        drift=_drift(workbench, [jobs.of(c) for c in (ANCHORED, SCAN, BASELINE)]),
        spent=[_spent(workbench, job) for job in jobs.all],
        observed_shape=workbench.observed_shape,
        n_drift_fields=len(workbench.test.distinct(workbench.setup.n_drift_fields)),
        panels=_panels(workbench, jobs),
        facts=workbench.facts(jobs.all),
    )


def train_all(workbench: Workbench) -> Jobs:
    """All trainings, the further seeds for those that validate best."""
    cost, seed, seeds = workbench.setup.cost, workbench.request.seed, workbench.setup.seeds
    first = [Job(c, seed, cost) for c in CANDIDATES]
    coarser = workbench.observed_shape != workbench.truth.shape
    coarse_shape = workbench.truth.grid.scaled_shape(max(workbench.observed_shape))
    pair = at_coarse_only(coarse_shape) if coarser else ()
    coarse = [Job(c, seed, cost) for c in pair]
    workbench.train([*first, *coarse])
    # By the validation fields: the test fields must not choose who is scored on them again.
    best = sorted(first, key=lambda job: validation_psnr(workbench.run(job)), reverse=True)[:2]
    more = [Job(job.candidate, seed + i, cost) for job in best for i in range(1, seeds)]
    workbench.train(more)
    equal = _at_equal_fields(workbench, first) if workbench.request.equal_pictures else []
    workbench.train(equal)
    return Jobs(first, coarse, more, equal)


def _at_equal_fields(workbench: Workbench, jobs: Sequence[Job]) -> list[Job]:
    """The others again, each seeing as many fields as the slowest of them did."""
    seen = {job: fields_seen(workbench.run(job)) for job in jobs}
    least = min(seen.values())

    def cost(job: Job) -> Cost:
        return Cost(steps=max(2, round(least / fields_a_step(workbench.run(job)))))

    slower = [job for job in jobs if seen[job] > 1.02 * least]
    return [Job(job.candidate, job.seed, cost(job), equal_fields=True) for job in slower]


def _network_scores(workbench: Workbench, jobs: Jobs) -> list[Score]:
    """Every network at every scale, with the first seed."""
    found = [score for job in (*jobs.first, *jobs.coarse) for score in workbench.scores(job)]
    equal = [score for job in jobs.equal for score in workbench.scores(job, native_only=True)]
    return [*found, *equal]


def _choices(jobs: Jobs) -> dict[str, tuple[Method, Method]]:
    """Every choice in words, with the method that makes it and the one that does not."""
    methods = {job.candidate: job.method() for job in jobs.first}
    base, ours, anchored = methods[BASELINE], methods[ANCHORED], jobs.of(ANCHORED)
    choices = {
        "Four directions in the baseline": (methods[FOUR_DIRECTIONS], base),
        "A bottleneck in the baseline": (methods[MINIMAL], base),
        "The autoencoder in place of the baseline": (ours, base),
        "The same without the prior": (methods[NO_PRIOR], base),
        "Anchors in place of a scan over the queries": (ours, methods[SCAN]),
        "The prior in the autoencoder": (ours, methods[NO_PRIOR]),
        "The network on top of the prior's estimate": (ours, LOCAL_ESTIMATE),
        "The points beside the latent": (ours, anchored.method("latent")),
        "Asking at the scale in place of averaging": (anchored.method("at-scale"), ours),
    }
    for coarse in jobs.coarse:
        kind = coarse.candidate.architecture
        full = methods[BASELINE if kind == BASELINE.architecture else ANCHORED]
        choices[f"Coarse training alone, {kind}"] = (coarse.method(), full)
    return choices


def _spreads(workbench: Workbench, jobs: Jobs, board: Scoreboard) -> list[SeedSpread]:
    """The spread over seeds of those that were trained with several."""
    boards: dict[Method, list[Scoreboard]] = {}
    for job in jobs.more:
        theirs = Scoreboard(workbench.scores(job, native_only=True))
        boards.setdefault(job.method(), [board]).append(theirs)
    return seed_spreads(boards)


def _drift(workbench: Workbench, jobs: Sequence[Job]) -> list[Drift]:
    """How much the values of some networks depend on what else is asked."""
    shown = workbench.test.distinct(workbench.setup.n_drift_fields)
    seen, seed = workbench.protocol.observe(shown), workbench.request.seed
    found: list[Drift] = []
    for job in jobs:
        file = workbench.request.folder / "scores" / f"drift-of-{job.file_stem}.json"
        key = {"weights": workbench.weights(job), "fields": len(shown), "source": workbench.source}

        def make(job: Job = job) -> list[dict]:
            return [
                asdict(d)
                for d in measure_drift(
                    job.label, workbench.model(job), shown, seen, workbench.observed_shape, seed
                )
            ]

        found += [Drift(**stored) for stored in cached_json(file, key, make)]
        workbench.tell(f"drift of {job.label}")
    return found


def _spent(workbench: Workbench, job: Job) -> Spent:
    """What a training used."""
    run = workbench.run(job)
    seconds, steps = sum(run.facts["elapsed"].values()), [*steps_made(run).values()]
    weights = workbench.parameters(job)
    return Spent(job.label, job.seed, weights, steps, fields_seen(run), seconds)


def _panels(workbench: Workbench, jobs: Jobs) -> list[ImageGrid]:
    """Pictures of every candidate beside the best known methods."""
    shown = workbench.test.distinct(SHOWN)
    seen = workbench.protocol.observe(shown)
    others = workbench.without_network(jobs.of(ANCHORED))
    known = (Method.of(ThinPlateSpline()), Method.of(GappyPOD()), LOCAL_ESTIMATE)
    methods = {method: others[method] for method in known}
    for job in jobs.first:
        methods[job.method()] = workbench.any_fields(job)[job.method()]
    return [methods_grid(methods, shown, seen, scale) for scale in workbench.scales]
