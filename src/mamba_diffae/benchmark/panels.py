"""Tables of pictures: methods at a scale, also above the native one; mean, spread and draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mamba_diffae.benchmark.page import ImageGrid
from mamba_diffae.benchmark.painters import painter_of
from mamba_diffae.benchmark.painting import Beside, Painter, Picture, Shown
from mamba_diffae.benchmark.wording import in_words
from mamba_diffae.evaluation import Method, Predictor
from mamba_diffae.fields import FieldData, Grid, Observations, Prediction


def methods_grid(
    methods: Mapping[Method, Predictor], shown: FieldData, seen: Observations, scale: int
) -> ImageGrid:
    """What methods make of the same observations, beside the truth at their scale.

    Args:
        methods: What each predicts.
        shown: True fields.
        seen: What was observed of them.
        scale: Cells along the longest axis, at most the native ones.
    """
    truth = shown.at(shown.grid.scaled_shape(scale))
    painter = painter_of(shown.variables, truth.grid)
    size = in_words(truth.shape)
    caption = (
        f"Unseen fields, what was observed of them, and what each method makes of it at {size}."
    )
    columns = {"truth": _truth(painter, truth), "observed": _observed(painter, shown, seen)}
    columns |= _predicted(painter, methods, truth, seen, truth.grid)
    return _grid(f"Every method at {size}", caption, columns, painter, shown.names)


def rendered_grid(
    methods: Mapping[Method, Predictor], shown: FieldData, seen: Observations, scale: int
) -> ImageGrid:
    """The same at a scale above the native one: the truth beside it is coarser.

    Args:
        methods: Those that answer at any scale.
        shown: True fields.
        seen: What was observed of them.
        scale: Cells along the longest axis, above the native ones.
    """
    grid = shown.grid.regrid(shown.grid.scaled_shape(scale))
    painter = painter_of(shown.variables, grid)
    size, native = in_words(grid.shape), in_words(shown.shape)
    caption = (
        f"There is no truth at {size}, so nothing here is scored: each method is asked at the "
        f"centres of the finer cells. The truth is shown at its {native}."
    )
    columns = {f"truth at {native}": _truth(painter, shown)}
    columns |= {"observed": _observed(painter, shown, seen)}
    columns |= _predicted(painter, methods, shown, seen, grid)
    title = f"Rendered at {size}, above the native grid"
    return _grid(title, caption, columns, painter, shown.names)


def draws_grid(
    prediction: Prediction, shown: FieldData, seen: Observations, count: int = 2
) -> ImageGrid:
    """The posterior mean, the spread of the draws, and some of them.

    Args:
        prediction: On the native grid, with `count` draws or more, two at least.
        shown: True fields.
        seen: What was observed of them.
        count: Draws that are shown.
    """
    painter, grid = painter_of(shown.variables, shown.grid), prediction.grid or shown.grid
    size = in_words(grid.shape)
    beside = [Beside(Shown.of(shown, i), part) for i, part in enumerate(seen.fields())]
    draws = [[Shown(draw[i], grid) for draw in prediction.draws] for i in range(len(shown))]
    means = [Shown(mean, grid) for mean in prediction.mean]
    both = [painter.together(*parts) for parts in zip(means, draws, beside, strict=True)]
    columns = {"truth": _truth(painter, shown), "observed": _observed(painter, shown, seen)}
    if together := [pictures for pictures in both if pictures is not None]:
        columns["mean and draws"] = together
    else:
        columns["mean"] = [painter.paint(mean) for mean in means]
    columns["standard deviation"] = [painter.spread(Shown(std, grid)) for std in prediction.std]
    for k in range(count):
        columns[f"draw {k + 1}"] = [
            painter.paint(own[k], around) for own, around in zip(draws, beside, strict=True)
        ]
    times = prediction.evaluations
    caption = (
        "The posterior mean in one evaluation; the standard deviation of "
        f"{len(prediction.draws)} draws (brightest or highest: half the range of values); "
        f"{count} draws, {times} evaluation{'s' if times != 1 else ''} each."
    )
    return _grid(f"Mean, uncertainty and draws at {size}", caption, columns, painter, shown.names)


def _truth(painter: Painter, truth: FieldData) -> list[list[Picture]]:
    return [painter.paint(Shown.of(truth, i)) for i in range(len(truth))]


def _observed(painter: Painter, shown: FieldData, seen: Observations) -> list[list[Picture]]:
    return [painter.observed(part, shown.grid) for part in seen.fields()]


def _predicted(
    painter: Painter,
    methods: Mapping[Method, Predictor],
    truth: FieldData,
    seen: Observations,
    grid: Grid,
) -> dict[str, list[list[Picture]]]:
    """By method, what it predicts of each field on a grid."""
    beside = [Beside(Shown.of(truth, i), part) for i, part in enumerate(seen.fields())]

    def column(predictor: Predictor) -> list[list[Picture]]:
        means = predictor.predict(seen, grid).mean
        return [painter.paint(Shown(m, grid), b) for m, b in zip(means, beside, strict=True)]

    return {str(method): column(predictor) for method, predictor in methods.items()}


def _grid(
    title: str,
    caption: str,
    columns: Mapping[str, Sequence[Sequence[Picture]]],
    painter: Painter,
    names: Sequence[str],
) -> ImageGrid:
    """A table of pictures by column, field and part; a row for each field and part."""
    rows = [
        [fields[i][part] for fields in columns.values()]
        for i in range(len(names))
        for part in range(len(painter.parts))
    ]
    told: list[list[np.ndarray | None]] = [list(row) for row in rows]
    caption = f"{caption} {painter.legend}".strip()
    return ImageGrid(title, caption, list(columns), painter.headings(names), told)
