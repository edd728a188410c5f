"""Does a bottleneck alone bring something: the baseline against the baseline with one?

Command:  mamba-diffae experiment minimal --run runs/minimal
Hardware: one core of an Intel Xeon (AVX-512), other work on the other one.
Time: six trainings of ten minutes, of which other experiments share one, and four minutes of
judging.
Measured: not promising. The bottleneck changes PSNR by +0.02 dB at 64² and at 96² (three seeds,
128 test pictures), the seeds of one network spread over 0.05 dB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mamba_diffae.experiments.bench import Bench, Setup
from mamba_diffae.experiments.contenders import BASELINE, MINIMAL, Cost, Entry
from mamba_diffae.experiments.request import OnProgress, Request, Scale
from mamba_diffae.experiments.result import Result, Table
from mamba_diffae.experiments.verdicts import (
    Row,
    Scoreboard,
    detail_table,
    extent,
    seeds_table,
    signed,
)

FROM = 64
"""Pixels a side: at this scale and at every finer one the bottleneck has to help."""
QUESTION = (
    "The quick test of the idea: the baseline, and the same with a bottleneck before its head. It "
    "was set beforehand that the idea is promising if PSNR rises by more than the trainings of one "
    "network differ between their seeds, at 64² and at 96²; else the cause is elsewhere."
)
SETUPS: Mapping[Scale, Setup] = {
    "quick": Setup("tiny", Cost(steps=4), count=4, seeds=1),
    "standard": Setup("small", Cost(minutes=10), count=128),
    "full": Setup("paper", Cost(minutes=120)),
}
Boards = Mapping[str, Sequence[Scoreboard]]
"""For each network a board of every seed."""


def minimal(request: Request, on_progress: OnProgress) -> Result:
    """Train both with several seeds, and set the rise beside the spread.

    Args:
        request: Folder, fields, scale and first seed.
        on_progress: Told of every training and every judgement.

    Raises:
        ValueError: If a training fails.
    """
    bench = Bench(request, SETUPS[request.scale], on_progress)
    seeds = range(request.seed, request.seed + bench.setup.seeds)
    entries = [Entry(c, seed, bench.setup.cost) for seed in seeds for c in (BASELINE, MINIMAL)]
    bench.train(entries)
    boards: dict[str, list[Scoreboard]] = {}
    for entry in entries:
        board = Scoreboard(bench.scores(entry, briefly=True))
        boards.setdefault(entry.name, []).append(board)
    first = [score for theirs in boards.values() for score in theirs[0].scores.values()]
    rise = rise_table(boards)
    return Result(
        title="A bottleneck in the baseline",
        question=QUESTION,
        findings=[verdict(rise)],
        scores=first,
        tables=[
            rise,
            *([seeds_table(boards)] if len(seeds) > 1 else []),
            detail_table(Scoreboard(first)),
        ],
        facts=bench.facts(entries),
    )


def rise_table(boards: Boards) -> Table:
    """Mean PSNR over the seeds with and without the bottleneck, and how far the seeds spread.

    Args:
        boards: Of `MINIMAL` and of `BASELINE`.
    """
    scales = boards[BASELINE.name][0].scales
    return Table(
        "What the bottleneck brings",
        "PSNR in dB, mean over the seeds. Spread: the greatest minus the least PSNR of one "
        "network's seeds, of the network that spreads wider.",
        ["scale", "baseline", "with bottleneck", "rise", "spread"],
        [_rise(boards, scale) for scale in scales],
        digits=[0, 2, 2, 2, 2],
    )


def _rise(boards: Boards, scale: int) -> Row:
    base, ours = (
        [board.psnr(contender.name, scale) for board in boards[contender.name]]
        for contender in (BASELINE, MINIMAL)
    )
    means = [sum(psnr) / len(psnr) for psnr in (base, ours)]
    spread = max(extent(base), extent(ours)) if len(base) > 1 else None
    return [scale, *means, means[1] - means[0], spread]


def verdict(rise: Table) -> str:
    """Whether the idea is promising, by the criterion set beforehand.

    Args:
        rise: From `rise_table`.
    """
    fine = [row for row in rise.rows if float(row[0] or 0) >= FROM] or rise.rows[-1:]
    figures = ", ".join(_figure(row) for row in fine)
    if any(row[-1] is None for row in fine):
        return f"One seed has no spread, so there is no verdict: {figures}."
    if all(float(row[3] or 0) > float(row[4] or 0) for row in fine):
        return f"Promising: the bottleneck raises PSNR by more than the seeds spread: {figures}."
    return (
        f"Not promising: the bottleneck does not raise PSNR by more than the seeds spread at every "
        f"scale that counts ({figures}). A missing bottleneck is not what limits the baseline: the "
        "cause is elsewhere, in how the points are put into a sequence or in the training."
    )


def _figure(row: Sequence[str | float | None]) -> str:
    scale, _, _, rise, spread = row
    beside = "" if spread is None else f", spread {spread:.2f} dB"
    return f"{signed(float(rise or 0))} dB at {scale}²{beside}"
