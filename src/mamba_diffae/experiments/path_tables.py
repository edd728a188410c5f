"""What was measured of paths and of rebuilt pictures, in tables and in words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mamba_diffae.evaluation import bootstrap_interval
from mamba_diffae.experiments.result import Table

LATENT, BLEND, FAIR = "latent", "blend of the pictures", "blend of the reconstructions"
TRUE = "true pictures"
MEASURES = ("length", "length / chord", "second difference", "encoded again", "nearest", "grain")


def paths_table(measured: Mapping[str, np.ndarray], frames: int, fraction: float) -> Table:
    """Means of all measures of all paths.

    Args:
        measured: By path, shape (pairs, len(MEASURES)).
        frames: Pictures on a path.
        fraction: Share of the cells that the latents are from.
    """
    means = {name: rows.mean(axis=0) for name, rows in measured.items()}
    return Table(
        "Paths between two pictures",
        f"Means over {len(measured[LATENT])} pairs, {frames} pictures a path, latents from "
        f"{fraction:.0%} of the cells, decoded without noise and without points. Length: "
        "root mean squares on [0, 1], summed; over the chord it is 1 on a straight line. Second "
        "difference: in even steps of the chord, 0 on such a line: both blends are straight by "
        "construction. Encoded again: length over chord in the latent space of the same pictures; "
        "a blend has 1 there as well if the encoder is linear in the picture. "
        "Nearest: of the middle to the nearest training or test picture of other bases; blurred "
        "pictures are nearer to all. Grain: total variation of the middle over that of both true "
        "pictures.",
        ["path", *MEASURES],
        [[name, *(None if np.isnan(x) else float(x) for x in row)] for name, row in means.items()],
        digits=[0, 3, 2, 2, 4, 4, 2],
    )


def _differences(measured: Mapping[str, np.ndarray]) -> list[tuple[str, str, list[float]]]:
    """Measure, other path, and the latent path's minus the other's with its interval."""
    pairs = np.arange(len(measured[LATENT]))
    found = []
    for m, measure in enumerate(MEASURES):
        for other in (BLEND, FAIR):
            gap = bootstrap_interval(measured[LATENT][:, m] - measured[other][:, m], pairs)
            found.append((measure, other, [gap.mean, gap.low, gap.high]))
    return found


def differences_table(measured: Mapping[str, np.ndarray]) -> Table:
    """The latent path beside both blends; see `paths_table`."""
    return Table(
        "The latent path minus the blends",
        "With 95 % intervals by bootstrap over pairs.",
        ["measure", "minus", "difference", "low", "high"],
        [[measure, other, *numbers] for measure, other, numbers in _differences(measured)],
        digits=[0, 0, 4, 4, 4],
    )


def findings(measured: Mapping[str, np.ndarray]) -> list[str]:
    """What held, against the fair blend; the intervals decide.

    Args:
        measured: By path, shape (pairs, len(MEASURES)).
    """
    mean = {
        name: dict(zip(MEASURES, rows.mean(axis=0), strict=True)) for name, rows in measured.items()
    }
    fair = {measure: gap for measure, other, gap in _differences(measured) if other == FAIR}

    def said(measure: str, less: str, more: str) -> str:
        _, low, high = fair[measure]
        return less if high < 0 else more if low > 0 else "not distinguishable from"

    ours, theirs, blend, true = (mean[name] for name in (LATENT, FAIR, BLEND, TRUE))
    return [
        f"In pixels the latent path is not straight: {ours['length / chord']:.2f} times its chord, "
        f"second difference {ours['second difference']:.2f} of a step. A blend is straight by "
        "construction, so in pixels no path can be smoother.",
        f"Encoded again, the latent path is {ours['encoded again']:.4f} times its chord, "
        f"{said('encoded again', 'straighter than', 'less straight than')} the blend of the "
        f"reconstructions ({theirs['encoded again']:.4f}); that of the pictures: "
        f"{blend['encoded again']:.4f}. A blend at 1 says that the encoder is nearly linear in the "
        "picture, not that the blend is a better path.",
        f"Its middle lies {ours['nearest']:.4f} from the nearest true picture, "
        f"{said('nearest', 'nearer than', 'farther than')} the middle of the blend of the "
        f"reconstructions ({theirs['nearest']:.4f}); of the pictures: {blend['nearest']:.4f}; true "
        f"pictures from one another: {true['nearest']:.4f}.",
        f"The middle holds {ours['grain']:.2f} of the true pictures' total variation, "
        f"{said('grain', 'less than', 'more than')} that of the blend of the reconstructions "
        f"({theirs['grain']:.2f}); of the pictures: {blend['grain']:.2f}.",
    ]


def rebuilt_table(rebuilt: Mapping[str, np.ndarray], steps: int) -> Table:
    """PSNR of every way to rebuild, with intervals.

    Args:
        rebuilt: PSNR of every picture by "share|method", and the "groups" of the pictures.
        steps: Steps of Heun's solver.
    """
    groups, rows = rebuilt["groups"], []
    for name, scores in rebuilt.items():
        if name == "groups":
            continue
        share, method = name.split("|")
        score = bootstrap_interval(scores, groups)
        rows.append([f"{float(share):.0%}", method, score.mean, score.low, score.high])
    return Table(
        "Rebuilt from the latent and its noise",
        f"PSNR of {len(groups)} test pictures at the native size, {steps} Heun steps each "
        "way, with 95 % intervals. The inverted noise has seen the whole picture: it tells what "
        "latent and noise hold together, not what observations tell.",
        ["cells", "by", "PSNR", "low", "high"],
        rows,
    )


def rebuilt_findings(table: Table) -> list[str]:
    """What the noise adds, in either context; see `rebuilt_table`."""
    found = []
    for share in dict.fromkeys(row[0] for row in table.rows):
        score = {by: value for cells, by, value, *_ in table.rows if cells == share}
        parts = [
            f"{context} alone {score[f'{context}: mean']:.1f} dB, with the noise of the picture "
            f"{score[f'{context} + inverted noise']:.1f} dB"
            for context in ("latent", "latent+points")
        ]
        found.append(f"From {share} of the cells: {'; '.join(parts)}.")
    return found
