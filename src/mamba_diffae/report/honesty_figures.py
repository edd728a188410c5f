"""Drawings of how honest uncertainties are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from mamba_diffae.benchmark.assessed import AssessedMethod
from mamba_diffae.benchmark.honesty import band_scale
from mamba_diffae.benchmark.wording import percent
from mamba_diffae.report.canvas import LINES, SOFT, Picture, literal, new_axes, own_style, to_svg
from mamba_diffae.report.tables import number

_MARKERS = "os^"
_ENOUGH = 4
"""Draws from which on the spread in a bin is told by other draws than the bin itself."""
_RIGHT: dict[str, Any] = {"color": SOFT, "linewidth": 1.1, "linestyle": (0, (4, 3))}
"""How it is drawn where an honest uncertainty would lie."""
_STEEP = 3
"""Ratio of energies above which they are drawn on a logarithmic scale."""


@own_style()
def honesty_pictures(methods: Sequence[AssessedMethod]) -> list[Picture]:
    """Coverage by level and by distance, ranks, error against deviation, energy by scale.

    Args:
        methods: The model, unless it cannot draw, and what it is compared with.

    Returns:
        Those drawings that there is something to draw in.
    """
    if not methods:
        return []
    makers = (_coverage, _by_distance, _ranks, _spread_skill, _bands)
    return [picture for make in makers if (picture := make(methods)) is not None]


def _coverage(methods: Sequence[AssessedMethod]) -> Picture:
    """A row for each level, with its mark, and a dot with its interval for each method."""
    levels, spoken = methods[0].uncertainty.levels, []
    figure, axes = new_axes(height=0.9 + 0.5 * len(levels))
    for i, method in enumerate(methods):
        found = method.uncertainty.coverage
        rows = [j + 0.3 * (i - (len(methods) - 1) / 2) for j in range(len(levels))]
        low, high = [100 * c.low for c in found], [100 * c.high for c in found]
        axes.hlines(rows, low, high, _dots(i)["color"], lw=1.8)
        axes.plot([100 * c.mean for c in found], rows, ls="", label=_name(method), **_dots(i))
        told = ", ".join(
            f"{percent(c.mean)} in the {percent(level)} interval"
            for level, c in zip(levels, found, strict=True)
        )
        spoken.append(f"{method.method} {told}")
    for j, level in enumerate(levels):
        axes.plot([100 * level] * 2, [j - 0.4, j + 0.4], **_RIGHT)
    axes.set_yticks(range(len(levels)), [percent(level) for level in levels])
    axes.set_ylim(len(levels) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("cells in the interval, %")
    axes.xaxis.set_major_locator(_few(7))
    return _picture(
        figure,
        "Coverage by level",
        f"Cells in the stated intervals: {'; '.join(spoken)}.",
        "Dashes: what is stated. Left of them intervals are too narrow, right of them too wide. "
        "Bars: 95 % intervals over fields.",
    )


def _by_distance(methods: Sequence[AssessedMethod]) -> Picture | None:
    """Coverage of the widest and the narrowest interval over the distance."""
    if all(len(m.uncertainty.by_distance.by) < 2 for m in methods):
        return None
    figure, axes = new_axes(height=2.7)
    levels, spoken = methods[0].uncertainty.levels, []
    ends = sorted({levels.index(min(levels)), levels.index(max(levels))})
    for i, method in enumerate(methods):
        bins, label = method.uncertainty.by_distance, _name(method)
        for j in ends:
            shares = [100 * share for share in bins.coverage[j]]
            axes.plot(bins.by, shares, lw=1.6, label=label, **_dots(i, size=4))
            label = None
        nearest, farthest = (percent(bins.coverage[ends[-1]][at]) for at in (0, -1))
        spoken.append(f"{method.method} from {nearest} nearest to {farthest} farthest")
    for j in ends:
        axes.axhline(100 * levels[j], **_RIGHT)
        beside = {"transform": axes.get_yaxis_transform(), "va": "center", "color": SOFT}
        axes.text(1.015, 100 * levels[j], percent(levels[j]), **beside)
    axes.set_xlabel("cells to the nearest observation")
    axes.set_ylabel("in the interval, %")
    axes.yaxis.set_major_locator(_few(5))
    return _picture(
        figure,
        "Coverage by distance",
        f"Cells in the {percent(levels[ends[-1]])} interval: {'; '.join(spoken)}.",
        f"The {_both([percent(levels[j]) for j in ends])} of cells that are near to an "
        "observation and far from it. Dashes: what is stated.",
    )


def _ranks(methods: Sequence[AssessedMethod]) -> Picture:
    """Rank histograms, as multiples of a flat one."""
    figure, axes = new_axes()
    for i, method in enumerate(methods):
        shares = method.uncertainty.rank_histogram
        height = [share * len(shares) for share in shares]
        edges = [k / len(shares) for k in range(len(shares) + 1)]
        if not i:
            axes.stairs(height, edges, fill=True, color=LINES[i], alpha=0.22, lw=0)
        axes.stairs(height, edges, color=LINES[i], lw=1.8, label=_name(method))
    axes.axhline(1, **_RIGHT)
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.set_xticks([0, 0.5, 1], ["below all", "in the middle", "above all"])
    for label, side in zip(axes.get_xticklabels(), ("left", "center", "right"), strict=True):
        label.set_horizontalalignment(side)
    axes.grid(visible=False, axis="x")
    axes.set_ylabel("times flat")
    axes.yaxis.set_major_locator(_few(4))
    spoken = "; ".join(f"{m.method} {number(m.uncertainty.reliability_index, 2)}" for m in methods)
    return _picture(
        figure,
        "Rank of the truth",
        f"Rank histograms; distance from a flat one: {spoken}.",
        "Flat is honest. High ends: too little spread. A high middle: too much. One high end: a "
        "bias.",
    )


def _spread_skill(methods: Sequence[AssessedMethod]) -> Picture | None:
    """Error against deviation in bins of about one deviation, in percent of the range."""
    told = [m for m in methods if not 0 < m.uncertainty.n_draws < _ENOUGH]
    if not told:
        return None
    figure, axes = new_axes(height=2.9)
    spoken, furthest = [], 0.0
    for method in told:
        bins = method.uncertainty.spread_skill
        spread, error = ([100 * x for x in side] for side in (bins.spread, bins.error))
        furthest = max(furthest, *spread, *error)
        line = _dots(methods.index(method), size=4.5)
        axes.plot(spread, error, lw=1.4, label=_name(method), **line)
        spoken.append(
            f"{method.method} from {error[0]:.1f} where {spread[0]:.1f} is stated to "
            f"{error[-1]:.1f} where {spread[-1]:.1f} is"
        )
    end = 1.05 * furthest or 1.0
    axes.plot([0, end], [0, end], **_RIGHT)
    axes.set_xlim(0, end)
    axes.set_ylim(0, end)
    axes.set_xlabel("stated deviation, % of the range")
    axes.set_ylabel("error, % of the range")
    axes.yaxis.set_major_locator(_few(5))
    return _picture(
        figure,
        "Error against stated deviation",
        f"Errors in percent of the range: {'; '.join(spoken)}.",
        "On the dashes an error is as large as stated, above them larger. Each dot holds equally "
        "many cells.",
    )


def _bands(methods: Sequence[AssessedMethod]) -> Picture | None:
    """Energy of draws and of means by band of scales, over the truth's."""
    drawn = [m for m in methods if any(m.uncertainty.bands or ())]
    if not drawn:
        return None
    figure, axes = new_axes(height=2.9)
    lines = [
        *((f"{m.method}, draws", methods.index(m), m.uncertainty.bands or (), "-") for m in drawn),
        *((f"{m.method}, mean", i, m.mean_bands, ":") for i, m in enumerate(methods)),
    ]
    spoken = []
    for name, i, ratios, dashes in lines:
        known = [(band, ratio) for band, ratio in enumerate(ratios) if ratio is not None]
        if known:
            hollow = {} if dashes == "-" else {"markerfacecolor": "none"}
            style = {**_dots(i, size=4.5), **hollow}
            axes.plot(*zip(*known, strict=True), ls=dashes, lw=1.6, label=literal(name), **style)
            spoken.append(f"{name} {', '.join(percent(ratio) for _, ratio in known)}")
    axes.axhline(1, **_RIGHT)
    _energy_scale(axes, max(ratio or 0 for _, _, ratios, _ in lines for ratio in ratios))
    labels = [str(band_scale(band, drawn[0].shape)) for band in range(len(lines[0][2]))]
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlabel("scale, cells")
    axes.set_ylabel("times the truth's")
    return _picture(
        figure,
        "Energy by scale",
        f"Energy over the truth's, from the finest scale to the coarsest: {'; '.join(spoken)}.",
        "On the dashes a field is as rough as the truth, below them blurred, above them noisy. A "
        "mean is blurred by nature; a draw should not be.",
    )


def _energy_scale(axes: Axes, greatest: float) -> None:
    """Linear from 0 where ratios are moderate, else logarithmic."""
    if greatest <= _STEEP:
        axes.set_ylim(0, max(1.15, 1.05 * greatest))
        axes.yaxis.set_major_locator(_few(5))
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _picture(figure: Figure, title: str, alt: str, caption: str) -> Picture:
    """With the names of the lines above them."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper left",
        ncols=2,
        frameon=False,
        labelcolor=SOFT,
        fontsize=10.5,
        handlelength=1.6,
        columnspacing=1.2,
        borderpad=0,
    )
    return Picture(title, alt, to_svg(figure), caption)


def _few(count: int) -> MaxNLocator:
    """So many steps at most, of 1, 2 or 5."""
    return MaxNLocator(count, steps=[1, 2, 5, 10])


def _name(method: AssessedMethod) -> str:
    return literal(str(method.method))


def _dots(i: int, size: float = 6) -> dict[str, Any]:
    return {"color": LINES[i % len(LINES)], "marker": _MARKERS[i % 3], "markersize": size}


def _both(levels: Sequence[str]) -> str:
    return f"{' and the '.join(levels)} interval{'s' * (len(levels) > 1)}"
