"""At equal cost, which network reconstructs best, and which of its ideas help?

Command:  mamba-diffae experiment comparison --run DIR --scale standard --equal-pictures
Hardware: two cores of an AMD EPYC (AVX2), one for each of two trainings at a time.
Time: 156 minutes of processor time for 17 trainings, half an hour for judging them.
Measured: at seed 0 the autoencoder reaches 25.69 / 24.09 / 22.99 dB at 32 / 64 / 96, the baseline
21.21 / 20.46 / 19.88, gappy POD 23.64 / 22.76 / 22.05. The prior brings nearly all of that lead;
four directions and a bottleneck bring the baseline nothing. See docs/results.md. (Networks of
format 2, whose latent did not yet begin as the prior's estimate, at three times today's rate.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from mamba_diffae.evaluation import Score
from mamba_diffae.experiments.bench import Bench, Setup
from mamba_diffae.experiments.contenders import (
    ANCHORED,
    BASELINE,
    CONTENDERS,
    FOUR_DIRECTIONS,
    MINIMAL,
    NO_PRIOR,
    SCAN,
    Contender,
    Cost,
    Entry,
    at_coarse_only,
    pictures_a_step,
    pictures_seen,
    steps_made,
    validation_psnr,
)
from mamba_diffae.experiments.drift import drift_rows, drift_table
from mamba_diffae.experiments.kept import kept
from mamba_diffae.experiments.local_estimate import LOCAL_ESTIMATE
from mamba_diffae.experiments.request import OnProgress, Request, Scale
from mamba_diffae.experiments.result import Result, Sheet, Table
from mamba_diffae.experiments.sheets import methods_sheet
from mamba_diffae.experiments.verdicts import (
    Scoreboard,
    criteria_table,
    differences_table,
    seeds_table,
    smoothness_table,
    verdict_findings,
    winners,
)

SHOWN = 6
"""Fields in the sheets of pictures."""
QUESTION = (
    "Networks of one family are trained for the same time, each on one core, and judged on the "
    "same observations of unseen fields, beside methods that need no network. Which is best, and "
    "what does each idea bring?"
)
SETUPS: Mapping[Scale, Setup] = {
    "quick": Setup("tiny", Cost(steps=4), count=4, seeds=1, drifting=2),
    "standard": Setup("small", Cost(minutes=10)),
    "full": Setup("paper", Cost(minutes=120)),
}
_EQUAL = ", equal pictures"


@final
@dataclass(frozen=True)
class Entries:
    """The trainings of a comparison.

    Attributes:
        first: Every contender, with the first seed.
        coarse: The pair that is trained at the observed cells only.
        more: The two best with further seeds.
        equal: Every contender but the slowest, for as many pictures as that one saw; none if that
            was not asked.
    """

    first: Sequence[Entry]
    coarse: Sequence[Entry]
    more: Sequence[Entry]
    equal: Sequence[Entry]

    def of(self, contender: Contender) -> Entry:
        """A contender's first training."""
        return next(e for e in self.first if e.contender == contender)


def comparison(request: Request, on_progress: OnProgress) -> Result:
    """Train every contender at equal cost, and judge them on the same observations.

    Args:
        request: Folder, fields, scale and seed.
        on_progress: Told of every training and every judgement.

    Raises:
        ValueError: If a training fails.
    """
    bench = Bench(request, SETUPS[request.scale], on_progress)
    entries = _train(bench)
    others = bench.scores_without_network(entries.of(ANCHORED))
    ours = _network_scores(bench, entries)
    board = Scoreboard([*others, *ours])
    judged = [_main(entries.of(c)) for c in (ANCHORED, SCAN, NO_PRIOR)]
    criteria = criteria_table(board, _main(entries.of(BASELINE)), judged)
    differences = differences_table(board, _choices(entries))
    seeds = _seeds(bench, entries, board)
    trained = [*entries.first, *entries.coarse, *entries.more, *entries.equal]
    networks = {score.method for score in ours}
    return Result(
        title="The comparison at equal cost",
        question=QUESTION,
        findings=[*winners(board, networks), *verdict_findings(criteria, differences, seeds)],
        scores=[*others, *ours],
        tables=[
            criteria,
            differences,
            smoothness_table(board),
            *([seeds] if seeds else []),
            _drift(bench, [entries.of(c) for c in (ANCHORED, SCAN, BASELINE)]),
            _cost_table(bench, trained),
        ],
        sheets=_sheets(bench, entries),
        facts=bench.facts(trained),
    )


def _train(bench: Bench) -> Entries:
    """All trainings, the further seeds for those that validate best."""
    cost, seed, seeds = bench.setup.cost, bench.request.seed, bench.setup.seeds
    first = [Entry(c, seed, cost) for c in CONTENDERS]
    pair = at_coarse_only(bench.cells) if bench.cells < bench.truth.size else ()
    coarse = [Entry(c, seed, cost) for c in pair]
    bench.train([*first, *coarse])
    # By the validation fields: the test fields must not choose whom they judge again.
    best = sorted(first, key=lambda e: validation_psnr(bench.run(e)), reverse=True)[:2]
    more = [Entry(e.contender, seed + i, cost) for e in best for i in range(1, seeds)]
    bench.train(more)
    equal = _at_equal_pictures(bench, first) if bench.request.equal_pictures else []
    bench.train(equal)
    return Entries(first, coarse, more, equal)


def _at_equal_pictures(bench: Bench, entries: Sequence[Entry]) -> list[Entry]:
    """The others again, each seeing as many pictures as the slowest of them did."""
    seen = {e: pictures_seen(bench.run(e)) for e in entries}
    least = min(seen.values())

    def cost(entry: Entry) -> Cost:
        return Cost(steps=max(2, round(least / pictures_a_step(bench.run(entry)))))

    return [Entry(e.contender, e.seed, cost(e), _EQUAL) for e in entries if seen[e] > 1.02 * least]


def _network_scores(bench: Bench, entries: Entries) -> list[Score]:
    """Every network at every scale, with the first seed."""
    found: list[Score] = []
    for entry in (*entries.first, *entries.coarse):
        found += bench.scores(entry)
    for entry in entries.equal:
        found += bench.scores(entry, briefly=True)
    return found


def _main(entry: Entry) -> str:
    """The method by which a network competes: it reads all that it can."""
    return f"{entry.name}, latent+points" if entry.has_latent else entry.name


def _choices(entries: Entries) -> dict[str, tuple[str, str]]:
    """Every choice in words, with the method that makes it and the one that does not."""
    names = {e.contender: _main(e) for e in entries.first}
    base, ours = names[BASELINE], names[ANCHORED]
    choices = {
        "Four directions in the baseline": (names[FOUR_DIRECTIONS], base),
        "A bottleneck in the baseline": (names[MINIMAL], base),
        "The autoencoder in place of the baseline": (ours, base),
        "The same without the prior": (names[NO_PRIOR], base),
        "Anchors in place of a scan over the queries": (ours, names[SCAN]),
        "The prior in the autoencoder": (ours, names[NO_PRIOR]),
        "The network on top of the prior's estimate": (ours, LOCAL_ESTIMATE),
        "The points beside the latent": (ours, f"{ANCHORED.name}, latent"),
        "Asking at the scale in place of averaging": (f"{ANCHORED.name}, asked at the scale", ours),
    }
    for coarse in entries.coarse:
        full = names[BASELINE if coarse.contender.model == BASELINE.model else ANCHORED]
        choices[f"Coarse training alone, {coarse.contender.model}"] = (_main(coarse), full)
    return choices


def _seeds(bench: Bench, entries: Entries, board: Scoreboard) -> Table | None:
    """The spread over seeds of those that were trained with several."""
    boards: dict[str, list[Scoreboard]] = {}
    for entry in entries.more:
        theirs = Scoreboard(bench.scores(entry, briefly=True))
        boards.setdefault(_main(entry), [board]).append(theirs)
    return seeds_table(boards) if boards else None


def _drift(bench: Bench, entries: Sequence[Entry]) -> Table:
    """How much the values of some networks depend on what else is asked."""
    shown = bench.test.distinct(bench.setup.drifting)
    seen, seed = bench.protocol.observe(shown), bench.request.seed
    rows = []
    for entry in entries:
        file = bench.request.folder / "scores" / f"drift-{entry.slug}.json"
        key = {"weights": bench.weights(entry), "fields": len(shown), "source": bench.source}

        def make(entry: Entry = entry) -> list:
            return drift_rows(entry.name, bench.model(entry), seen, seed)

        rows += kept(file, key, make)
        bench.tell(f"drift of {entry.name}")
    return drift_table(rows, len(shown), bench.cells)


def _cost_table(bench: Bench, entries: Sequence[Entry]) -> Table:
    """What every training used."""
    rows = []
    for entry in entries:
        run = bench.run(entry)
        seconds = sum(run.facts["elapsed"].values())
        seen, steps = pictures_seen(run), " + ".join(map(str, steps_made(run).values()))
        size = bench.parameters(entry) / 1e6
        rows.append([entry.name, entry.seed, size, steps, seen, seen / seconds, seconds / 60])
    return Table(
        "What every training used",
        "Processor time, all phases together; pictures count each time they come.",
        ["network", "seed", "million weights", "steps", "pictures", "pictures / s", "minutes"],
        rows,
        digits=[0, 0, 2, 0, 0, 1, 1],
    )


def _sheets(bench: Bench, entries: Entries) -> list[Sheet]:
    """Pictures of every contender beside the best known methods."""
    shown = bench.test.distinct(SHOWN)
    seen = bench.protocol.observe(shown)
    others = bench.without_network(entries.of(ANCHORED))
    methods = {name: others[name] for name in ("thin-plate spline", "gappy POD", LOCAL_ESTIMATE)}
    for entry in entries.first:
        methods[_main(entry)] = bench.any_fields(entry)[_main(entry)]
    return [methods_sheet(methods, shown, seen, scale) for scale in bench.scales]
