"""A study run and shown in one go, and made scores."""

from collections.abc import Callable, Sequence

from mamba_diffae.benchmark import Page, Request
from mamba_diffae.evaluation import Interval, Method, Score
from studies import STUDIES

SCALES = (32, 64, 96)


def page_of(name: str, request: Request, on_progress: Callable[[str], object] = str) -> Page:
    """The page of a study, run as asked."""
    study = STUDIES[name]
    return study.page(study.run(request, on_progress))


def made_scores(
    method: Method, psnr: Sequence[float], variation: float = 0.8, high_frequency: float = 0.3
) -> list[Score]:
    """Scores of a method at three scales, whose PSNR is given."""
    ssim = Interval(0.5, 0.4, 0.6)
    return [
        Score(
            method=method,
            scale=scale,
            shape=(scale, scale),
            count=5,
            psnr=Interval(p, p - 1, p + 1),
            ssim=ssim,
            rmse=(0.1,),
            skill=0.5,
            total_variation=variation,
            high_frequency=high_frequency,
        )
        for scale, p in zip(SCALES, psnr, strict=True)
    ]
