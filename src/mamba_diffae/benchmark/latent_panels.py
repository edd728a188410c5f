"""Tables of pictures made through the latent: paths between fields, and edits of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mamba_diffae.benchmark.page import ImageGrid
from mamba_diffae.benchmark.panels import observed_picture
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldBatch, GridField
from mamba_diffae.latent.editing import VISIBLE
from mamba_diffae.latent.interpolation import NOISES, interpolate, lerp

PATHS = {
    "mean": "latent: mean",
    "seeded": "latent: a draw",
    "inverted": "latent + inverted noise",
}
"""Labels of the paths by the noise that `interpolate` takes."""
BLEND, FAITHFUL = "pictures blended", "latent + points"
EDIT_LABELS = {True: "held", False: "let go"}
"""Rows of the edits, by whether they are conditioned on the observed points."""


def path_grid(
    model: FieldAutoencoder,
    ends: Sequence[GridField],
    seen: Sequence[FieldBatch],
    frames: int,
    *,
    steps: int = 20,
    seed: int = 0,
    on_progress: Callable[[str], None] = lambda done: None,
) -> ImageGrid:
    """Every way from one field to another, a row each.

    Args:
        model: Fitted.
        ends: Two complete fields of the native size, one each.
        seen: What was observed of them.
        frames: Fields on each path.
        steps: Steps of Heun's solver.
        seed: Of the noise function.
        on_progress: Told of what is being done.
    """
    unit, alphas = model.scaling.unit, np.linspace(0, 1, frames)
    faithful = [unit(model.predict(points).mean[0]) for points in seen]
    rows: dict[str, list[np.ndarray | None]] = {
        BLEND: list(unit(lerp(ends[0].at(model.size)[0], ends[1].at(model.size)[0], alphas))),
        FAITHFUL: [faithful[0], *[None] * (frames - 2), faithful[1]],
    }
    for noise in NOISES:
        path = interpolate(
            model,
            seen[0],
            seen[1],
            frames,
            noise=noise,
            complete=ends,
            seed=seed,
            steps=steps,
            on_progress=lambda done, count, what=PATHS[noise]: on_progress(
                f"{what}, {done} of {count}"
            ),
        )
        rows[PATHS[noise]] = list(unit(path.values))
    return ImageGrid(
        f"{ends[0].names[0]} to {ends[1].names[0]}",
        "The blend of the pictures begins and ends with the truth; beside it the reconstruction of "
        "both from latent and points, and paths through the latent: its mean, draws from one noise "
        "function, and draws from the arc between the noises of the two pictures.",
        [f"{alpha:.2f}" for alpha in alphas],
        list(rows),
        list(rows.values()),
    )


def edit_grid(
    truth: GridField,
    seen: FieldBatch,
    amounts: Sequence[float],
    edits: Mapping[bool, np.ndarray],
    name: str,
) -> ImageGrid:
    """One field with less and more of an attribute.

    Args:
        truth: The complete field.
        seen: What was observed of it.
        amounts: Of the edits; the middle one is 0.
        edits: By whether they are conditioned on the observed points, on the scale [0, 1], shape
            (len(amounts), n, n, C).
        name: Of the attribute.
    """
    observed = observed_picture(seen, truth, 0)
    whole = truth.scaling.unit(truth.at(truth.size))[0]
    moved = {
        row: np.abs(v[-1] - v[len(amounts) // 2]).max(-1, keepdims=True) for row, v in edits.items()
    }
    return ImageGrid(
        f"{truth.names[0]}: {name}",
        f"Held: the observed points are read; let go: the latent alone. Amount 0 is the "
        f"reconstruction. Moved: the largest change of a channel between 0 and "
        f"{amounts[-1]:+g}, in white what is twice the least that counts ({VISIBLE:g}) or more.",
        ["truth", "observed", *(f"{amount:+g}" if amount else "0" for amount in amounts), "moved"],
        [EDIT_LABELS[conditioned] for conditioned in edits],
        [[whole, observed, *values, moved[row] / (2 * VISIBLE)] for row, values in edits.items()],
    )
