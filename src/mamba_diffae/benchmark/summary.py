"""The sentences and the page of a benchmark."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mamba_diffae.benchmark.honesty import coverage_finding
from mamba_diffae.benchmark.maps import MapPainter
from mamba_diffae.benchmark.page import Page, Table
from mamba_diffae.benchmark.painters import painter_of
from mamba_diffae.benchmark.result import BenchmarkResult
from mamba_diffae.benchmark.wording import in_short, in_words
from mamba_diffae.evaluation import DrawScore, Score
from mamba_diffae.fields import Grid, Shape, Variable, unfamiliar

QUESTION = (
    "From a share of its coarse cells, how well can a whole field be written at several "
    "resolutions? The network has not seen these fields; every method gets the same observations, "
    "and the truth is the native field, coarser by area average."
)


def benchmark_page(result: BenchmarkResult) -> Page:
    """Scores, sentences and pictures of a benchmark."""
    return Page(
        title="From scattered observations to whole fields",
        question=QUESTION,
        findings=findings(result),
        scores=result.scores,
        draws=[] if result.draws is None else [result.draws],
        curves=result.curves,
        panels=result.panels,
        tables=unit_tables(result.scores, result.variables),
        uncertainty=result.uncertainty,
        facts=result.facts,
    )


def unit_tables(scores: Sequence[Score], variables: Sequence[Variable]) -> list[Table]:
    """Errors in the units of the variables; none for 8-bit pictures, whose PSNR says the same."""
    painter = painter_of(variables, Grid.default(scores[0].shape))
    if isinstance(painter, MapPainter) and painter.is_picture:
        return []
    shapes = {score.scale: score.shape for score in scores}
    cells = {(score.method, score.scale): score for score in scores}
    methods = list(dict.fromkeys(score.method for score in scores))
    tables = []
    for c, variable in enumerate(variables):
        unit = f" in {variable.unit}" if variable.unit else ""
        digits = _digits(min(score.rmse[c] for score in scores if score.rmse[c] > 0))
        tables.append(
            Table(
                f"Root mean square error of {variable.name}{unit}",
                "Over all known cells by their area; lower is better.",
                ["method", *(in_short(shape) for shape in shapes.values())],
                [
                    [str(m), *(s.rmse[c] if (s := cells.get((m, n))) else None for n in shapes)]
                    for m in methods
                ],
                [digits] * (len(shapes) + 1),
            )
        )
    return tables


def _digits(least: float) -> int:
    """Decimals that show two digits of the least error and more."""
    return max(0, 2 - math.floor(math.log10(least)))


def findings(result: BenchmarkResult) -> list[str]:
    """Who is best at every scale, what is not scored, what flow matching and draws do."""
    best = [_best_finding([s for s in result.scores if s.scale == n]) for n in result.scales]
    return [
        *best,
        *_familiarity_finding(result),
        *_rendered_finding(result.rendered_shapes, result.native_shape),
        *_phase_finding(result.validation_psnr),
        *([] if result.draws is None else [draw_finding("Single draws hold", result.draws)]),
        *coverage_finding(result.uncertainty),
    ]


def draw_finding(beginning: str, draws: DrawScore) -> str:
    """How strong and how coherent the detail of draws is.

    Args:
        beginning: Of the sentence: who holds it.
        draws: How they behave.
    """
    ratio, measure = draws.high_frequency, "high-frequency energy"
    if math.isnan(ratio):  # fields with gaps have no spectrum
        ratio, measure = draws.total_variation, "total variation"
    return (
        f"{beginning} {ratio:.2f} times the truth's {measure} at {in_words(draws.shape)}; "
        f"neighbours of (draw − mean) correlate at {draws.draw_correlation:.2f}, of (truth − mean) "
        f"at {draws.truth_correlation:.2f}."
    )


def _best_finding(scores: Sequence[Score]) -> str:
    """Who is best at a scale and by how much: also when it is not us."""
    baselines = [s for s in scores if s.method.kind == "baseline"]
    ours = [s for s in scores if s.method.kind == "network"]
    best = max(ours, key=lambda s: s.psnr.mean)
    rival = max(baselines, key=lambda s: s.psnr.mean)
    gain = best.psnr.mean - rival.psnr.mean
    return (
        f"At {in_words(best.shape)} our best ({best.method}) reaches {best.psnr.mean:.2f} dB, "
        f"{abs(gain):.2f} dB {'above' if gain >= 0 else 'below'} the best simple method "
        f"({rival.method}, {rival.psnr.mean:.2f} dB).{_similarity(best, baselines)}"
    )


def _similarity(best: Score, baselines: Sequence[Score]) -> str:
    """The same of the structural similarity, where it is defined."""
    known = [(s.ssim.mean, s.method) for s in baselines if s.ssim is not None]
    if best.ssim is None or not known:
        return ""
    value, method = max(known, key=lambda pair: pair[0])
    return (
        f" Its SSIM is {best.ssim.mean:.3f}; the best one of a simple method is {value:.3f} "
        f"({method})."
    )


def _familiarity_finding(result: BenchmarkResult) -> list[str]:
    """Fields that are unlike the training fields, as the warning of `predict` names them."""
    said = unfamiliar(result.familiarity, result.weights)
    return [] if said is None else [f"{said}."]


def _rendered_finding(shapes: Sequence[Shape], native: Shape) -> list[str]:
    """What is shown without a score, and why."""
    if not shapes:
        return []
    return [
        f"At {', '.join(map(in_words, sorted(shapes)))} there is no truth, since the fields have "
        f"{in_words(native)}: what the network writes there is shown, and not scored."
    ]


def _phase_finding(psnr: dict[str, float]) -> list[str]:
    """What flow matching did to the reconstruction."""
    if not {"autoencoder", "flow"} <= set(psnr):
        return []
    before, after = psnr["autoencoder"], psnr["flow"]
    return [
        f"Flow matching changed the reconstruction of validation fields from {before:.2f} to "
        f"{after:.2f} dB ({after - before:+.2f}; the limit set beforehand was −0.3)."
    ]
