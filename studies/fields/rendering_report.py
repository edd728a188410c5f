"""Tables and sentences about renderings."""

from __future__ import annotations

from mamba_diffae.benchmark import Table
from mamba_diffae.benchmark.wording import percent
from studies.fields.measuring import MODEL
from studies.fields.rendering import DENSITY, Rendered, RenderingResult
from studies.fields.rendering_process import MEMORY, PREDICT, RENDER
from studies.fields.scoring import LEVELS, Scored

_MADE = {RENDER: "to a Zarr store", PREDICT: "in memory"}


def rendering_table(result: RenderingResult) -> Table:
    """A row for each method and size."""
    errors = {str(scored.method): scored.rmse for scored in result.accuracy}
    return Table(
        "Speed and memory of a large field",
        f"One field of {result.observed} observations; one thread, a fresh process each. Points a "
        "second: cells of the grid, all variables and draws of each, fitting included, loading and "
        "compiling not. Memory is that of the whole process; before: what it holds already, the "
        f"libraries of all methods. More than {MEMORY / 1024:g} GB beyond it are not given. A "
        "size that a method cannot do ends its rows. RMSE: in deviations, on the native cells of "
        "test fields, from the next table.",
        ["method", "cells", "made", "points a second", "seconds", "before, MB", "peak, MB", "RMSE"],
        [
            [
                _name(r),
                f"{r.size}²",
                _made(r),
                r.failed or r.speed,
                r.seconds,
                r.before,
                r.peak,
                errors.get(str(MODEL) if r.name in _MADE else r.name),
            ]
            for r in result.rendered
        ],
        digits=[0, 0, 0, 0, 1, 0, 0, 3],
    )


def accuracy_table(result: RenderingResult, title: str) -> Table:
    """The same methods on the native cells of test fields."""
    return Table(
        f"{title}, {percent(DENSITY)}: beside other packages",
        "RMSE and CRPS over all variables, each in its deviation, on native cells without an "
        "observation, of the same observations of the same test fields. The CRPS of a method that "
        "states no uncertainty is its absolute error. The model has learned from training fields; "
        "the packages see one field at a time.",
        ["method", "fields", "RMSE", "CRPS", *(f"in {percent(level)}" for level in LEVELS)],
        [
            [
                str(scored.method),
                len(scored.errors),
                scored.rmse,
                scored.crps,
                *_coverage(scored),
            ]
            for scored in result.accuracy
        ],
        digits=[0, 0, 3, 3, 0, 0],
    )


def rendering_findings(result: RenderingResult) -> list[str]:
    """The largest size of each method, what was not done, and who is nearest."""
    done = {(_name(r), _made(r)): r for r in result.rendered if not r.failed}
    told = [f"{_largest(r)}." for r in done.values()]
    failed = [f"{_name(r)} at {r.size}² ({r.failed})" for r in result.rendered if r.failed]
    if failed:
        told.append(f"Not done: {'; '.join(failed)}.")
    streamed = [r for r in result.rendered if r.name == RENDER]
    if not any(r.failed for r in streamed):
        most = max(r.peak or 0 for r in streamed)
        word = "stays below" if most < MEMORY else "exceeds"
        told.append(f"The memory of render {word} {MEMORY / 1024:g} GB: {most:.0f} MB at most.")
    best = min(result.accuracy, key=lambda scored: scored.rmse)
    ranked = ", ".join(f"{s.method} {s.rmse:.3f}" for s in result.accuracy)
    told.append(f"The least RMSE beside other packages is that of {best.method}: {ranked}.")
    if result.left_out:
        told.append(f"Not installed, and left out: {', '.join(result.left_out)}.")
    return told


def _largest(r: Rendered) -> str:
    return (
        f"{_name(r)}, {_made(r)}: {r.speed:,.0f} points a second at {r.size}², its largest size, "
        f"with a peak of {r.peak:.0f} MB"
    )


def _name(r: Rendered) -> str:
    return f"{r.name}, {_MADE[r.name]}" if r.name in _MADE else r.name


def _made(r: Rendered) -> str:
    if r.n_draws:
        return f"mean, deviation, {r.n_draws} draws"
    return "the mean" if r.name in _MADE else "one field"


def _coverage(scored: Scored) -> list[str | None]:
    if not scored.coverage:
        return [None] * len(LEVELS)
    return [percent(share.mean) for share in scored.coverage]
