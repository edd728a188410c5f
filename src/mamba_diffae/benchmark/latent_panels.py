"""Tables of pictures made through the latent: paths between fields, and edits of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mamba_diffae.benchmark.page import ImageGrid
from mamba_diffae.benchmark.painters import painter_of
from mamba_diffae.benchmark.painting import Painter, Picture, Shown
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData, Grid, Observations
from mamba_diffae.latent.editing import VISIBLE
from mamba_diffae.latent.interpolation import NoiseKind, interpolate, lerp

PATHS = {
    "mean": "latent: mean",
    "seeded": "latent: a draw",
    "inverted": "latent + inverted noise",
}
"""Labels of the paths by the noise that `interpolate` takes."""
BLEND, FAITHFUL = "values blended", "latent + points"
_PATHS_CAPTION = (
    "The blend of the values begins and ends with the truth; beside it the reconstruction of both "
    "from latent and points, and paths through the latent: its mean; draws with one key, if the "
    "model has learned to draw; and draws from the arc between the noises of both, if it has "
    "learned a flow and the fields have no gaps."
)
EDIT_LABELS = {True: "with points", False: "latent alone"}
"""Rows of the edits, by whether they are conditioned on the observed points."""


def path_grid(
    model: FieldAutoencoder,
    ends: Sequence[FieldData],
    seen: Sequence[Observations],
    frames: int,
    *,
    steps: int = 20,
    seed: int = 0,
    on_progress: Callable[[str], None] = lambda done: None,
) -> ImageGrid:
    """Every way from one field to another, a row each.

    There are no draws by a model that has learned none; the path through the noise of both is the
    flow's, and of fields without gaps.

    Args:
        model: Fitted.
        ends: Two fields on the native grid, one each.
        seen: What was observed of them.
        frames: Fields on each path.
        steps: Steps of Heun's solver, where the flow draws.
        seed: Of the draws.
        on_progress: Told of what is being done.
    """
    alphas, painter = np.linspace(0, 1, frames), painter_of(model.variables, model.grid)
    start, end = (field.at(model.grid).values[0] for field in ends)
    first, last = (_pictures(painter, model.predict(points).mean, model.grid)[0] for points in seen)
    nothing: list[Picture | None] = [None] * len(painter.parts)
    paths: dict[str, Sequence[Sequence[Picture | None]]] = {
        BLEND: _pictures(painter, lerp(start, end, alphas), model.grid),
        FAITHFUL: [first, *[nothing] * (frames - 2), last],
    }
    for noise in _noises(model, ends):
        label, options = PATHS[noise], {"complete": ends, "seed": seed, "steps": steps}

        def tell(done: int, count: int, label: str = label) -> None:
            on_progress(f"{label}, {done} of {count}")

        path = interpolate(
            model, seen[0], seen[1], frames, noise=noise, on_progress=tell, **options
        )
        paths[label] = _pictures(painter, path.values, model.grid)
    return ImageGrid(
        f"{ends[0].names[0]} to {ends[1].names[0]}",
        f"{_PATHS_CAPTION} {painter.legend}".strip(),
        [f"{alpha:.2f}" for alpha in alphas],
        painter.headings(list(paths)),
        _rows(list(paths.values()), len(painter.parts)),
    )


def _noises(model: FieldAutoencoder, ends: Sequence[FieldData]) -> list[NoiseKind]:
    """The paths that there are between two fields."""
    flows = "flow" in model.fitted.phases
    found: list[NoiseKind] = ["mean"]
    if flows or model.fitted.network.writes_draws:
        found.append("seeded")
    if flows and all(field.valid_mask().all() for field in ends):  # a gap's noise is not known
        found.append("inverted")
    return found


def edit_grid(
    truth: FieldData,
    seen: Observations,
    amounts: Sequence[float],
    edits: Mapping[bool, np.ndarray],
    name: str,
) -> ImageGrid:
    """One field with less and more of an attribute.

    Args:
        truth: The field, on the native grid.
        seen: What was observed of it.
        amounts: Of the edits; the middle one is 0.
        edits: By whether they are conditioned on the observed points, in the units of the
            variables, shape (len(amounts), *shape, C).
        name: Of the attribute.
    """
    painter, grid = painter_of(truth.variables, truth.grid), truth.grid
    whole, observed = painter.paint(Shown.of(truth, 0)), painter.observed(seen, grid)
    rows = []
    for values in edits.values():
        edited = _pictures(painter, values, grid)
        changed = painter.spread(_change(truth, values[-1], values[len(amounts) // 2], grid))
        rows.append([whole, observed, *edited, changed])
    caption = (
        "With points: the observed points are read; latent alone: they are not. Amount 0 is the "
        f"reconstruction. Changed: the change between 0 and {amounts[-1]:+g}, brightest or highest "
        f"where it is twice the least that counts ({VISIBLE:g} of the range) or more. "
        f"{painter.legend}"
    )
    return ImageGrid(
        f"{truth.names[0]}: {name}",
        caption.strip(),
        ["truth", "observed", *(f"{x:+g}" if x else "0" for x in amounts), "changed"],
        painter.headings([EDIT_LABELS[conditioned] for conditioned in edits]),
        _rows(rows, len(painter.parts)),
    )


def _pictures(painter: Painter, values: np.ndarray, grid: Grid) -> list[list[Picture]]:
    """Fields (K, *shape, C), each in its parts."""
    return [painter.paint(Shown(field, grid)) for field in values]


def _change(truth: FieldData, after: np.ndarray, before: np.ndarray, grid: Grid) -> Shown:
    """How far values moved, on the scale on which a painter draws a spread."""
    change = np.abs(after - before)
    if len(painter_of(truth.variables, grid).parts) < truth.n_variables:  # a colour is one part
        ranges = np.array([v.limits[1] - v.limits[0] for v in truth.variables])
        change = (change / ranges).max(axis=-1, keepdims=True) * ranges
    return Shown(change / (4 * VISIBLE), grid)


def _rows(
    table: Sequence[Sequence[Sequence[Picture | None]]], parts: int
) -> list[list[Picture | None]]:
    """Rows and columns of fields to rows of their parts."""
    return [[field[part] for field in row] for row in table for part in range(parts)]
