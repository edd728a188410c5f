"""The sentences and the page of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from mamba_diffae.benchmark.page import Page
from mamba_diffae.benchmark.result import BenchmarkResult
from mamba_diffae.evaluation import DrawScore, Score

QUESTION = (
    "From a share of its coarse cells, how well can a whole picture be written at several "
    "resolutions? The network has not seen these pictures; every method gets the same "
    "observations, and the truth is the native picture, coarser by area average."
)


def benchmark_page(result: BenchmarkResult) -> Page:
    """Scores, sentences and pictures of a benchmark."""
    return Page(
        title="From scattered pixels to whole pictures",
        question=QUESTION,
        findings=findings(result),
        scores=result.scores,
        draws=[result.draws],
        curves=result.curves,
        panels=result.panels,
        facts=result.facts,
    )


def findings(result: BenchmarkResult) -> list[str]:
    """Who is best at every scale, what is not scored, and what flow matching and draws do."""
    best = [_best_finding([s for s in result.scores if s.scale == n], n) for n in result.scales]
    return [
        *best,
        *_rendered_finding(result.rendered_scales, result.native_size),
        *_phase_finding(result.validation_psnr),
        draw_finding("Single draws hold", result.draws),
    ]


def draw_finding(beginning: str, draws: DrawScore) -> str:
    """How strong and how coherent the detail of draws is.

    Args:
        beginning: Of the sentence: who holds it.
        draws: How they behave.
    """
    return (
        f"{beginning} {draws.high_frequency:.2f} times the truth's high-frequency energy at "
        f"{draws.scale} × {draws.scale}; neighbours of (draw − mean) correlate at "
        f"{draws.draw_correlation:.2f}, of (truth − mean) at {draws.truth_correlation:.2f}."
    )


def _best_finding(scores: Sequence[Score], scale: int) -> str:
    """Who is best at a scale and by how much: also when it is not us."""
    classical = [s for s in scores if s.method.kind == "classical"]
    ours = [s for s in scores if s.method.kind == "network"]
    best = max(ours, key=lambda s: s.psnr.mean)
    rival = max(classical, key=lambda s: s.psnr.mean)
    smooth = max(classical, key=lambda s: s.ssim.mean)
    gain = best.psnr.mean - rival.psnr.mean
    return (
        f"At {scale} × {scale} our best ({best.method}) reaches {best.psnr.mean:.2f} dB, "
        f"{abs(gain):.2f} dB {'above' if gain >= 0 else 'below'} the best classical method "
        f"({rival.method}, {rival.psnr.mean:.2f} dB). Its SSIM is {best.ssim.mean:.3f}; the "
        f"best classical one is {smooth.ssim.mean:.3f} ({smooth.method})."
    )


def _rendered_finding(scales: Sequence[int], native: int) -> list[str]:
    """What is shown without a score, and why."""
    if not scales:
        return []
    listed = ", ".join(f"{scale} × {scale}" for scale in sorted(scales))
    return [
        f"At {listed} there is no truth, since the pictures have {native} × {native} pixels: what "
        "the network writes there is shown, and not scored."
    ]


def _phase_finding(psnr: dict[str, float]) -> list[str]:
    """What flow matching did to the reconstruction."""
    if not {"autoencoder", "diffusion"} <= set(psnr):
        return []
    before, after = psnr["autoencoder"], psnr["diffusion"]
    return [
        f"Flow matching changed the reconstruction of validation pictures from {before:.2f} to "
        f"{after:.2f} dB ({after - before:+.2f}; the limit set beforehand was −0.3)."
    ]
