"""What scores say when they are set beside one another: criteria, differences, winners."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import final

import numpy as np

from mamba_diffae.evaluation import Score
from mamba_diffae.experiments.result import Table

Row = list[str | float | None]
GAINS: Mapping[int, tuple[float, str]] = {
    32: (0.0, "the baseline's or better"),
    64: (2.0, "+2 to +4 dB"),
    96: (3.0, "+3 to +5 dB"),
}
"""Set beforehand: PSNR above the baseline's at each scale, the least of it and in words."""
_DETAIL = ("PSNR", "TV", "HF")


@final
class Scoreboard:
    """Scores by method and scale.

    Args:
        scores: One for each method and scale.
    """

    def __init__(self, scores: Sequence[Score]) -> None:
        self.scores = {(s.method, s.scale): s for s in scores}
        self.scales = sorted({s.scale for s in scores})
        self.methods = list(dict.fromkeys(s.method for s in scores))

    def psnr(self, method: str, scale: int) -> float:
        """Its mean, in dB."""
        return self.scores[method, scale].psnr.mean

    def gains(self, method: str, rival: str) -> list[float]:
        """PSNR of one method above another's at each scale, in dB."""
        return [self.psnr(method, scale) - self.psnr(rival, scale) for scale in self.scales]


def criteria_table(board: Scoreboard, baseline: str, judged: Sequence[str]) -> Table:
    """Whether methods meet the criteria that were set beforehand.

    Args:
        board: Holds all of them.
        baseline: The method to beat.
        judged: The methods that should.
    """
    rows = [row for method in judged for row in _criteria(board, baseline, method)]
    return Table(
        "Criteria set beforehand",
        f"Against {baseline}, both trained at equal cost. Smoother: a lower ratio to the truth, of "
        "the total variation and of the energy above half the Nyquist frequency.",
        ["method", "criterion", "baseline", "method's", "difference", "verdict"],
        rows,
        digits=[0, 0, 2, 2, 2, 0],
    )


def _criteria(board: Scoreboard, baseline: str, method: str) -> list[Row]:
    rows: list[Row] = []
    for scale in (s for s in board.scales if s in GAINS):
        least, words = GAINS[scale]
        theirs, ours = board.psnr(baseline, scale), board.psnr(method, scale)
        name = f"PSNR at {scale}²: {words}"
        rows.append([method, name, theirs, ours, ours - theirs, held(ours - theirs >= least)])
    finest = board.scales[-1]
    a, b = (board.scores[name, finest] for name in (baseline, method))
    for what, theirs, ours in (
        ("total variation", a.total_variation, b.total_variation),
        ("high frequencies", a.high_frequency, b.high_frequency),
    ):
        name = f"smoother at {finest}²: {what}"
        rows.append([method, name, theirs, ours, ours - theirs, held(ours < theirs)])
    return rows


def held(so: bool) -> str:
    """The verdict on a criterion."""
    return "held" if so else "did not hold"


def differences_table(board: Scoreboard, pairs: Mapping[str, tuple[str, str]]) -> Table:
    """What each choice brings: PSNR of a method above that of another.

    Args:
        board: Holds all of them.
        pairs: The choice in words, to the method with it and the one without.
    """
    return Table(
        "What each choice brings",
        "PSNR with it above PSNR without it, in dB; a negative number: it does not help here.",
        ["choice", *(f"{scale}²" for scale in board.scales)],
        [[words, *board.gains(*pair)] for words, pair in pairs.items()],
    )


def smoothness_table(board: Scoreboard) -> Table:
    """Total variation and high-frequency energy at the finest scale."""
    finest = board.scales[-1]
    found = [board.scores[m, finest] for m in board.methods if (m, finest) in board.scores]
    return Table(
        f"Smoothness at {finest} × {finest}",
        "Total variation, and energy above half the Nyquist frequency, as ratios to the truth's.",
        ["method", "total variation", "high frequencies"],
        [[s.method, s.total_variation, s.high_frequency] for s in found],
    )


def detail_table(board: Scoreboard) -> Table:
    """PSNR, total variation and high-frequency energy of every method at every scale."""

    def cells(method: str, scale: int) -> Row:
        score = board.scores[method, scale]
        return [score.psnr.mean, score.total_variation, score.high_frequency]

    return Table(
        "Accuracy and smoothness at every scale",
        "PSNR in dB; TV: total variation, HF: energy above half the Nyquist frequency of that "
        "scale, both as ratios to the truth's.",
        ["method", *(f"{name} {scale}²" for scale in board.scales for name in _DETAIL)],
        [[m, *(cell for s in board.scales for cell in cells(m, s))] for m in board.methods],
    )


def extent(values: Sequence[float]) -> float:
    """The greatest minus the least: how far trainings with different seeds lie apart."""
    return max(values) - min(values)


def signed(value: float) -> str:
    """A difference with its sign and two decimals."""
    return f"{value:+.2f}".replace("-", "−")


def seeds_table(by_seed: Mapping[str, Sequence[Scoreboard]]) -> Table:
    """How far trainings with other seeds lie apart.

    Args:
        by_seed: Methods, to a board for each seed that holds them.
    """
    rows: list[Row] = []
    for method, boards in by_seed.items():
        for scale in boards[0].scales:
            psnr = [board.psnr(method, scale) for board in boards]
            spread = float(np.std(psnr, ddof=1))
            rows.append([method, scale, len(psnr), float(np.mean(psnr)), spread, *_ends(psnr)])
    return Table(
        "Spread over seeds",
        "PSNR in dB of trainings that differ in their seed only.",
        ["method", "scale", "seeds", "mean", "standard deviation", "least", "greatest"],
        rows,
    )


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def winners(board: Scoreboard, networks: Collection[str]) -> list[str]:
    """For every scale, the best network beside the best of all else, also when that is better.

    Args:
        board: The scores; an oracle is out of competition.
        networks: The methods that are networks.
    """
    found = []
    for scale in board.scales:
        fair = [m for m, s in board.scores if s == scale and not m.startswith("oracle")]
        ours = max((m for m in fair if m in networks), key=lambda m: board.psnr(m, scale))
        rival = max((m for m in fair if m not in networks), key=lambda m: board.psnr(m, scale))
        gap = board.psnr(ours, scale) - board.psnr(rival, scale)
        found.append(
            f"At {scale} × {scale} the best network ({ours}) reaches {board.psnr(ours, scale):.2f} "
            f"dB, {abs(gap):.2f} dB {'above' if gap >= 0 else 'below'} the best method without one "
            f"({rival}, {board.psnr(rival, scale):.2f} dB)."
        )
    return found


def criteria_findings(criteria: Table) -> list[str]:
    """How many criteria every method meets.

    Args:
        criteria: From `criteria_table`.
    """
    met: dict[str, list[bool]] = {}
    for method, *_, verdict in criteria.rows:
        met.setdefault(str(method), []).append(verdict == held(True))
    return [
        f"Of the {len(verdicts)} criteria set beforehand, {method} meets {sum(verdicts)}."
        for method, verdicts in met.items()
    ]


def verdict_findings(criteria: Table, differences: Table, seeds: Table | None) -> list[str]:
    """How many criteria held, and which choices help everywhere, in part, or not.

    Args:
        criteria: From `criteria_table`.
        differences: From `differences_table`.
        seeds: From `seeds_table`: a difference within its greatest deviation counts as none.
    """
    found = criteria_findings(criteria)
    spread = max((float(row[4] or 0) for row in seeds.rows), default=0.0) if seeds else 0.0
    scales = " / ".join(differences.columns[1:])
    for words, *cells in differences.rows:
        gains = [float(cell or 0) for cell in cells]
        shown = " / ".join(map(signed, gains))
        found.append(f"{words}: {_effect(gains, spread)}, {shown} dB at {scales}.")
    return found


def _effect(gains: Sequence[float], spread: float) -> str:
    better = sum(gain > spread for gain in gains)
    if better:
        return "helps" if better == len(gains) else "helps in part"
    if min(gains) < -spread:
        return "does not help"
    return f"no difference beyond the deviation over seeds ({spread:.2f} dB)"
