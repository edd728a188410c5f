"""Tables and sentences of the study of paths between two pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mamba_diffae.benchmark import Page, Table
from mamba_diffae.evaluation import Interval, bootstrap_interval
from mamba_diffae.latent.interpolation import NoiseKind
from studies.common.report import Row
from studies.interpolation.measures import MEASURES, Measure, PathKind
from studies.interpolation.rebuilding import READ, Rebuilt
from studies.interpolation.study import InterpolationResult

QUESTION = (
    "Halfway between two latents, is there a picture of one thing, where the blend of two pictures "
    "shows both at once? Is the path smooth, and does the noise of a picture, beside its latent, "
    "bring the picture back?"
)
PATH_LABELS: Mapping[PathKind, str] = {
    "latent": "latent",
    "blend": "blend of the pictures",
    "reconstructed": "blend of the reconstructions",
    "true": "true pictures",
}
_MEASURE_LABELS: Mapping[Measure, str] = {
    "length": "length",
    "straightness": "length / endpoint distance",
    "bend": "second difference",
    "encoded": "encoded again",
    "nearest": "nearest",
    "roughness": "roughness",
}
_NOISE_LABELS: Mapping[NoiseKind, str] = {
    "mean": ": mean",
    "seeded": ": a draw",
    "inverted": " + inverted noise",
}
_BLENDS: Sequence[PathKind] = ("blend", "reconstructed")
Paths = Mapping[PathKind, np.ndarray]
"""By kind of path, shape (pairs, len(MEASURES))."""


def page(result: InterpolationResult) -> Page:
    """All that is shown of the result."""
    return Page(
        title="Between two pictures",
        question=QUESTION,
        findings=[*findings(result.paths), *_rebuilt_findings(result.rebuilt)],
        scores=[],
        tables=[
            _paths_table(result),
            _differences_table(result.paths),
            _rebuilt_table(result.rebuilt, result.protocol.steps),
        ],
        panels=result.panels,
        facts=result.facts,
    )


def _paths_table(result: InterpolationResult) -> Table:
    """Means of all measures of all paths."""
    protocol, count = result.protocol, len(result.paths["latent"])
    return Table(
        "Paths between two pictures",
        f"Means over {count} pairs, {protocol.frames} pictures a path, latents from "
        f"{protocol.fraction:.0%} of the cells, decoded without noise and without points. Length: "
        "root mean squares on [0, 1], summed; over the endpoint distance it is 1 on a straight "
        "line. Second difference: in even steps of that distance, 0 on such a line: both blends "
        "are straight by construction. Encoded again: length over endpoint distance in the latent "
        "space of the same pictures; a blend has 1 there as well if the encoder is linear in the "
        "picture. Nearest: of the middle to the nearest training or test picture of other bases; "
        "blurred pictures are nearer to all. Roughness: total variation of the middle over that of "
        "both true pictures.",
        ["path", *(_MEASURE_LABELS[m] for m in MEASURES)],
        [
            [PATH_LABELS[kind], *(None if np.isnan(x) else float(x) for x in rows.mean(axis=0))]
            for kind, rows in result.paths.items()
        ],
        digits=[0, 3, 2, 2, 4, 4, 2],
    )


def _difference(paths: Paths, measure: Measure, other: PathKind) -> Interval:
    """The latent path's measure minus the other's, with its interval over pairs."""
    m, pairs = MEASURES.index(measure), np.arange(len(paths["latent"]))
    return bootstrap_interval(paths["latent"][:, m] - paths[other][:, m], pairs)


def _differences_table(paths: Paths) -> Table:
    """The latent path beside both blends."""

    def row(measure: Measure, other: PathKind) -> Row:
        gap = _difference(paths, measure, other)
        return [_MEASURE_LABELS[measure], PATH_LABELS[other], gap.mean, gap.low, gap.high]

    return Table(
        "The latent path minus the blends",
        "With 95 % intervals by bootstrap over pairs.",
        ["measure", "minus", "difference", "low", "high"],
        [row(measure, other) for measure in MEASURES for other in _BLENDS],
        digits=[0, 0, 4, 4, 4],
    )


def findings(paths: Paths) -> list[str]:
    """What was measured, against the blend of the reconstructions; the intervals decide."""
    means = {
        kind: dict(zip(MEASURES, rows.mean(axis=0), strict=True)) for kind, rows in paths.items()
    }

    def compared(measure: Measure, less: str, more: str) -> str:
        gap = _difference(paths, measure, "reconstructed")
        return less if gap.high < 0 else more if gap.low > 0 else "not distinguishable from"

    ours, theirs = means["latent"], means["reconstructed"]
    blend, true = means["blend"], means["true"]
    return [
        f"In pixels the latent path is not straight: {ours['straightness']:.2f} times its endpoint "
        f"distance, second difference {ours['bend']:.2f} of a step. A blend is straight by "
        "construction, so in pixels no path can be smoother.",
        f"Encoded again, the latent path is {ours['encoded']:.4f} times its endpoint distance, "
        f"{compared('encoded', 'straighter than', 'less straight than')} the blend of the "
        f"reconstructions ({theirs['encoded']:.4f}); that of the pictures: "
        f"{blend['encoded']:.4f}. A blend at 1 says that the encoder is nearly linear in the "
        "picture, not that the blend is a better path.",
        f"Its middle lies {ours['nearest']:.4f} from the nearest true picture, "
        f"{compared('nearest', 'nearer than', 'farther than')} the middle of the blend of the "
        f"reconstructions ({theirs['nearest']:.4f}); of the pictures: {blend['nearest']:.4f}; true "
        f"pictures from one another: {true['nearest']:.4f}.",
        f"The middle holds {ours['roughness']:.2f} of the true pictures' total variation, "
        f"{compared('roughness', 'less than', 'more than')} that of the blend of the "
        f"reconstructions ({theirs['roughness']:.2f}); of the pictures: {blend['roughness']:.2f}.",
    ]


def _rebuilt_table(rebuilt: Sequence[Rebuilt], steps: int) -> Table:
    """PSNR of every way to rebuild, with intervals."""
    return Table(
        "Rebuilt from the latent and its noise",
        f"PSNR of {rebuilt[0].count} test pictures at the native size, {steps} Heun steps each "
        "way, with 95 % intervals. The inverted noise has seen the whole picture: it tells what "
        "latent and noise hold together, not what observations tell.",
        ["cells", "by", "PSNR", "low", "high"],
        [
            [
                f"{r.fraction:.0%}",
                f"{r.decoder_inputs}{_NOISE_LABELS[r.noise]}",
                r.psnr.mean,
                r.psnr.low,
                r.psnr.high,
            ]
            for r in rebuilt
        ],
    )


def _rebuilt_findings(rebuilt: Sequence[Rebuilt]) -> list[str]:
    """What the noise adds, by what the decoder reads."""
    psnr = {(r.fraction, r.decoder_inputs, r.noise): r.psnr.mean for r in rebuilt}
    found = []
    for fraction in dict.fromkeys(r.fraction for r in rebuilt):
        parts = [
            f"{read} alone {psnr[fraction, read, 'mean']:.1f} dB, with the noise of the "
            f"picture {psnr[fraction, read, 'inverted']:.1f} dB"
            for read in READ
        ]
        found.append(f"From {fraction:.0%} of the cells: {'; '.join(parts)}.")
    return found
