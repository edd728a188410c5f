"""Tables and sentences of the study of flow matching on top of the autoencoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.benchmark.wording import in_short, in_words
from studies.common.report import detail_table, signed, verdict
from studies.diffusion.study import (
    CORRELATION_WITHIN,
    MOST_DETAIL,
    TIE,
    TWICE,
    Aspect,
    DiffusionResult,
    Drawn,
    FlowCriterion,
    TheoryCheck,
)

QUESTION = (
    "The same model after phase 1 (the mean) and after phase 2 (flow matching, the encoder "
    "frozen). Set beforehand: a better PSNR than the autoencoder alone, sharper edges, and still "
    "smooth at the finest scale. Theory says that the mean can at best tie, and that a single draw "
    "has about twice its squared error. And is the time of phase 2 better spent on phase 1?"
)
_ASPECTS: Mapping[Aspect, tuple[str, str]] = {
    "mean": ("better PSNR of the mean at ", ""),
    "draw": ("better PSNR of a single draw at ", ""),
    "mean detail": ("sharper edges at ", ", high frequencies: of the mean"),
    "draw detail": ("sharper edges at ", ", high frequencies: of the single draw"),
    "smooth detail": ("still smooth at ", ": detail of a draw"),
    "smooth neighbours": ("still smooth at ", ": neighbours in a draw"),
}


def page(result: DiffusionResult) -> Page:
    """All that is shown of the result."""
    return Page(
        title="Flow matching on top of the autoencoder",
        question=QUESTION,
        findings=findings(result),
        scores=result.scores,
        draws=[result.drawn[-1].score],
        tables=[
            criteria_table(result.criteria),
            theory_table(result.theory, result.drawn[-1].steps),
            draws_table(result.drawn),
            phases_table(result),
            detail_table(result.board),
        ],
        panels=result.panels,
        facts=result.facts or {},
    )


def _criterion(criterion: FlowCriterion) -> str:
    before, after = _ASPECTS[criterion.aspect]
    return f"{before}{in_short(criterion.shape)}{after}"


def _statement(check: TheoryCheck) -> str:
    if check.shape is None:
        return "a draw has about twice the mean's squared error: ratio"
    return f"the mean can at best tie, at {in_short(check.shape)}: dB"


def criteria_table(criteria: Sequence[FlowCriterion]) -> Table:
    """Whether phase 2 keeps what was hoped of it."""
    return Table(
        "Criteria set beforehand",
        f"The autoencoder alone is the same model after phase 1. Better: by more than {TIE} dB. "
        f"High frequencies are ratios to the truth's; a smooth draw has at most {MOST_DETAIL} "
        f"times the truth's, and its neighbours (draw − mean) correlate within "
        f"{CORRELATION_WITHIN} of those of truth − mean.",
        ["criterion", "autoencoder alone, or limit", "with phase 2", "verdict"],
        [[_criterion(c), c.reference, c.measured, verdict(c.passed)] for c in criteria],
        digits=[0, 2, 2, 0],
    )


def theory_table(theory: Sequence[TheoryCheck], steps: int) -> Table:
    """Whether theory held.

    Args:
        theory: Its statements.
        steps: Of the draws.
    """
    return Table(
        "What theory says",
        "The mean after phase 2 against that of a phase 1 which had the whole time; up to "
        f"{TIE} dB is a tie. About twice is {TWICE[0]} to {TWICE[1]} times; draws of {steps} "
        "steps.",
        ["statement", "measured", "expected", "verdict"],
        [[_statement(c), c.measured, c.expected, verdict(c.passed)] for c in theory],
        digits=[0, 2, 1, 0],
    )


def draws_table(drawn: Sequence[Drawn]) -> Table:
    """Single draws by the number of steps."""
    score = drawn[-1].score
    return Table(
        f"One draw, by the number of Heun steps, at {in_words(score.shape)}",
        f"{score.count} fields. Error: squared, over the mean's. HF and TV are ratios to the "
        "truth's. The neighbour correlation of (draw − mean) should equal that of (truth − mean), "
        f"{score.truth_correlation:.2f}.",
        ["steps", "evaluations", "PSNR", "error", "HF", "TV", "correlation"],
        [
            [
                d.steps,
                d.evaluations,
                d.score.psnr.mean,
                d.error_ratio,
                d.score.high_frequency,
                d.score.total_variation,
                d.score.draw_correlation,
            ]
            for d in drawn
        ],
        digits=[0, 0, 2, 2, 2, 2, 2],
    )


def phases_table(result: DiffusionResult) -> Table:
    """What each phase brings to the mean, in dB."""
    board, means = result.board, result.means
    pairs = {
        "phase 2 on top of phase 1": (means.after, means.before),
        "the time of phase 2, given to phase 1": (means.alone, means.before),
        "phase 1 and 2 sharing the time, over phase 1 alone": (means.after, means.alone),
    }
    return Table(
        "Which phase matters more, for the mean",
        "PSNR of the posterior mean with it above that without it, in dB.",
        ["what", *map(in_short, board.shapes.values())],
        [[words, *board.gains(*pair)] for words, pair in pairs.items()],
    )


def findings(result: DiffusionResult) -> list[str]:
    """Which criteria were met, whether theory held, and which phase matters more."""
    board, means, criteria = result.board, result.means, result.criteria
    failed = [_criterion(c) for c in criteria if not c.passed]
    missed = f"; it misses: {'; '.join(failed)}" if failed else ""
    alone, flow = (board.gains(mean, means.before)[-1] for mean in (means.alone, means.after))
    which = "phase 1" if alone > flow else "phase 2"
    if abs(alone - flow) <= TIE:
        which = "either phase, no matter which"
    finest = in_short(board.shapes[board.scales[-1]])
    return [
        f"Of the {len(criteria)} criteria set beforehand, phase 2 meets "
        f"{len(criteria) - len(failed)}{missed}.",
        *(f"Theory, {_statement(c)} {c.measured:.2f}: {verdict(c.passed)}." for c in result.theory),
        f"For the mean at {finest} the last quarter of the time is best given to "
        f"{which}: {signed(alone)} dB by more of phase 1, {signed(flow)} dB by phase 2. Only "
        "phase 2 gives draws.",
    ]
