"""Tables and sentences of the study of draws."""

from __future__ import annotations

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.benchmark.summary import draw_finding
from mamba_diffae.benchmark.wording import in_words
from studies.draws.measures import LEVEL
from studies.draws.study import DrawsResult

QUESTION = (
    "A draw should look like a field that the observations allow. Is its detail as strong and as "
    "coherent as the truth's, in how few steps, does the truth lie within the spread of many draws "
    "as often as it should, and does the noise of a given field bring that field back?"
)


def page(result: DrawsResult) -> Page:
    """All that is shown of the result."""
    return Page(
        title="Draws worth looking at",
        question=QUESTION,
        findings=findings(result),
        scores=[],
        tables=[_steps_table(result), _calibration_table(result), _inversion_table(result)],
        panels=result.panels,
        facts=result.facts,
    )


def _steps_table(result: DrawsResult) -> Table:
    """One draw of each field by the number of steps."""
    score, at = result.by_steps[-1].score, in_words(result.native_shape)
    return Table(
        f"One draw, by the number of Heun steps, at {at}",
        f"{score.count} fields. HF: energy above half the Nyquist frequency, TV: total "
        "variation, both as ratios to the truth's. The neighbour correlation of (draw − mean) "
        f"should equal that of (truth − mean), {score.truth_correlation:.2f}. Time as a "
        "multiple of the mean's.",
        ["steps", "evaluations", "time", "PSNR", "HF", "TV", "correlation"],
        [
            [
                s.steps,
                s.evaluations,
                s.time,
                s.score.psnr.mean,
                s.score.high_frequency,
                s.score.total_variation,
                s.score.draw_correlation,
            ]
            for s in result.by_steps
        ],
        digits=[0, 0, 1, 2, 2, 2, 2],
    )


def _calibration_table(result: DrawsResult) -> Table:
    """Coverage and CRPS of the draws, beside kriging's, on the scale [0, 1]."""
    protocol, at = result.protocol, in_words(result.native_shape)
    return Table(
        f"Calibration at {at}",
        f"{result.ensemble_fields} fields; {protocol.ensemble} draws of {protocol.ensemble_steps} "
        "steps, and kriging by its Gaussian. Coverage: share of values inside the central "
        f"{100 * LEVEL:.0f} % interval. CRPS (fair) on the scale [0, 1], lower is better. "
        "Spread over error: 1 if calibrated.",
        ["method", "coverage", "CRPS", "spread / error"],
        [
            [c.method, c.coverage, c.crps, c.spread_over_error]
            for c in (result.draws, result.kriging)
        ],
        digits=[0, 3, 4, 2],
    )


def _inversion_table(result: DrawsResult) -> Table:
    """PSNR of fields carried to noise and back, and the size of that noise."""
    found = result.inversion
    return Table(
        "Field to noise to field",
        f"{found.count} complete fields and their anchors, {result.protocol.inversion_steps} "
        "Heun steps each way. The noise of a field that the model finds likely has a root mean "
        "square of 1.",
        ["fields", "mean PSNR", "least PSNR", "rms of the noise"],
        [[found.count, found.mean_psnr, found.least_psnr, found.noise_rms]],
    )


def findings(result: DrawsResult) -> list[str]:
    """The detail of a draw, the calibration of many, and what comes back from noise."""
    last, ours, theirs, back = result.by_steps[-1], result.draws, result.kriging, result.inversion
    return [
        draw_finding(f"A draw of {last.steps} steps holds", last.score),
        f"The central {100 * LEVEL:.0f} % interval of the draws holds a share of "
        f"{ours.coverage:.3f} of the true values, kriging's {theirs.coverage:.3f}; the fair CRPS "
        f"is {ours.crps:.4f}, kriging's {theirs.crps:.4f}.",
        f"{back.count} complete fields come back from their noise at {back.mean_psnr:.1f} dB, "
        f"{back.least_psnr:.1f} dB at the least.",
    ]
