"""Drawings of a verification: predicted against withheld, error and coverage by distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mamba_diffae.benchmark.verified import (
    KRIGING,
    LEVEL,
    MODEL,
    Scatter,
    Scores,
    Verification,
    WithheldScore,
)
from mamba_diffae.benchmark.wording import percent, significant
from mamba_diffae.evaluation import Method
from mamba_diffae.report.canvas import LINES, SOFT, Picture, literal, new_axes, own_style, to_svg

_RIGHT: dict[str, Any] = {"color": SOFT, "linewidth": 1.1, "linestyle": (0, (4, 3))}
"""How it is drawn where a perfect prediction, or an honest interval, would lie."""
_COLOURS = {MODEL: LINES[0], KRIGING: LINES[1]}
_MARKERS = {MODEL: "o", KRIGING: "s"}


@own_style()
def verification_pictures(result: Verification | None) -> list[Picture]:
    """For each variable a scatter plot, error by distance and coverage by distance.

    Args:
        result: What was measured; None: nothing is drawn.
    """
    if result is None:
        return []
    pictures = []
    for variable, unit in zip(result.variables, result.variable_units, strict=True):
        clouds = [cloud for cloud in result.scatter if cloud.variable == variable]
        if clouds and clouds[0].readings:
            pictures.append(_scatter(clouds, variable, unit))
        scores = [score for score in result.scores if score.variable == variable]
        error = _by_distance(result, scores, variable, lambda s: s.rmse)
        if error is not None:
            caption = f"Root mean square error{unit and f' in {unit}'}; lower is better."
            pictures.append(_finished(error, f"{variable}: error by distance", scores, caption))
        inside = _by_distance(result, scores, variable, _share)
        if inside is not None:
            inside.axes[0].axhline(100 * LEVEL, **_RIGHT)
            inside.axes[0].set_ylabel("in the interval, %")
            told = f"Readings in the stated {percent(LEVEL)} interval; dashes: what is stated."
            title = f"{variable}: coverage by distance"
            some = [s for s in scores if s.overall.coverage is not None]
            pictures.append(_finished(inside, title, some, told))
    return pictures


def _scatter(clouds: list[Scatter], variable: str, unit: str) -> Picture:
    figure, axes = new_axes(height=3.4)
    every = [x for cloud in clouds for x in (*cloud.readings, *cloud.predicted)]
    ends = [min(every), max(every)]
    axes.plot(ends, ends, **_RIGHT)
    for cloud in reversed(clouds):  # the model lies above
        style = _style(cloud.method)
        axes.plot(
            cloud.readings,
            cloud.predicted,
            ls="",
            alpha=0.5,
            markersize=3,
            label=literal(str(cloud.method)),
            **style,
        )
    axes.set_xlabel(literal(f"withheld{unit and f', {unit}'}"))
    axes.set_ylabel("predicted")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    _legend(figure, axes)
    count = len(clouds[0].readings)
    return Picture(
        f"{variable}: predicted against withheld",
        f"{count} withheld readings of {variable} against what was predicted of them.",
        to_svg(figure),
        f"{count} readings; on the dashes a prediction is right.",
    )


def _by_distance(
    result: Verification,
    scores: list[WithheldScore],
    variable: str,
    told: Callable[[Scores], float | None],
) -> Figure | None:
    """Lines of methods over the bins of the distance; None: there is a single bin, or nothing."""
    bins = result.bins[result.variables.index(variable)]
    middle = [(b.low + b.high) / 2 for b in bins]
    lines = [(s.method, [told(part) for part in s.by_distance]) for s in scores]
    lines = [(m, v) for m, v in lines if any(x is not None for x in v)]
    if len(bins) < 2 or not lines:
        return None
    figure, axes = new_axes(height=2.7)
    for method, values in reversed(lines):
        known = [(x, y) for x, y in zip(middle, values, strict=True) if y is not None]
        label = literal(str(method))
        axes.plot(*zip(*known, strict=True), lw=1.6, markersize=4, label=label, **_style(method))
    unit = result.distance_unit
    axes.set_xlabel(f"to the nearest reading{unit and f', {unit}'}")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_ylim(bottom=0)
    return figure


def _finished(figure: Figure, title: str, scores: list[WithheldScore], caption: str) -> Picture:
    _legend(figure, figure.axes[0])
    spoken = "; ".join(_spoken(score) for score in scores)
    return Picture(title, f"{title}. In all: {spoken}.", to_svg(figure), caption)


def _spoken(score: WithheldScore) -> str:
    told = score.overall
    error = "no error" if told.rmse is None else f"error {significant(told.rmse)}"
    share = "" if told.coverage is None else f", coverage {percent(told.coverage)}"
    return f"{score.method} {error}{share}"


def _share(scores: Scores) -> float | None:
    return None if scores.coverage is None else 100 * scores.coverage


def _style(method: Method) -> dict[str, Any]:
    """Colour for the model and for kriging, grey dashes with marks of their own for others."""
    if method.key in _COLOURS:
        return {"color": _COLOURS[method.key], "marker": _MARKERS[method.key]}
    marks = {"nearest": "v", "linear": "^", "gappy-pod": "D"}
    return {"color": SOFT, "marker": marks.get(method.key, "x"), "linestyle": ":"}


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles[::-1],
        labels[::-1],
        loc="outside upper left",
        ncols=2,
        frameon=False,
        labelcolor=SOFT,
        fontsize=10.5,
        columnspacing=1.2,
        borderpad=0,
    )
