"""Tables of pictures: methods at a scale, also above the native size; mean, spread and draws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mamba_diffae.benchmark.page import ImageGrid
from mamba_diffae.evaluation import Method, Predictor
from mamba_diffae.fields import FieldBatch, GridField, Prediction

UNSEEN = (0.70, 0.74, 0.80)
"""Red, green and blue of a cell that was not observed."""


def methods_grid(
    methods: Mapping[Method, Predictor], shown: GridField, seen: FieldBatch, scale: int
) -> ImageGrid:
    """What methods make of the same observations, beside the truth at their scale.

    Args:
        methods: What each predicts.
        shown: Complete fields.
        seen: What was observed of them.
        scale: Pixels a side, at most the native size.
    """
    unit = shown.scaling.unit
    return _grid(
        f"Every method at {scale} × {scale}",
        "Unseen pictures, what was observed of them, and what each method makes of it at "
        f"{scale} × {scale} pixels.",
        {
            "truth": unit(shown.at(scale)),
            **{str(method): unit(predict(seen, scale)) for method, predict in methods.items()},
        },
        shown,
        seen,
    )


def rendered_grid(
    methods: Mapping[Method, Predictor], shown: GridField, seen: FieldBatch, scale: int
) -> ImageGrid:
    """The same at a scale above the native size: the truth beside it is coarser.

    Args:
        methods: Those that answer at any scale.
        shown: Complete fields.
        seen: What was observed of them.
        scale: Pixels a side, above the native size.
    """
    unit, size = shown.scaling.unit, shown.size
    return _grid(
        f"Rendered at {scale} × {scale}, above the native size",
        f"There is no truth at {scale} × {scale}, so nothing here is scored: each method is asked "
        f"at the centres of the finer pixels. The truth is shown at its {size} × {size} pixels.",
        {
            f"truth at {size} × {size}": unit(shown.at(size)),
            **{str(method): unit(predict(seen, scale)) for method, predict in methods.items()},
        },
        shown,
        seen,
    )


def draws_grid(
    prediction: Prediction, shown: GridField, seen: FieldBatch, count: int = 2
) -> ImageGrid:
    """The posterior mean, the spread of the draws, and some of them.

    Args:
        prediction: At the native size, with `count` draws or more.
        shown: Complete fields.
        seen: What was observed of them.
        count: Draws that are shown.
    """
    unit, size = shown.scaling.unit, shown.size
    spread = prediction.std * (1 / (shown.scaling.high - shown.scaling.low))
    return _grid(
        f"Mean, uncertainty and draws at {size} × {size}",
        "The posterior mean in one evaluation; the standard deviation of "
        f"{len(prediction.sample)} draws (white: half the range of values); "
        f"{count} draws, {prediction.evaluations} evaluations each.",
        {
            "truth": unit(shown.at(size)),
            "mean": unit(prediction.mean),
            # Half the range is as uncertain as a value can be.
            "standard deviation": (2 * spread).mean(axis=-1, keepdims=True),
            **{f"draw {i + 1}": unit(prediction.sample[i]) for i in range(count)},
        },
        shown,
        seen,
    )


def observation_picture(coords: np.ndarray, values: np.ndarray, cells: int) -> np.ndarray:
    """Draw what was observed; cells that were not are shown in one neutral tone.

    Args:
        coords: Centres of the observed cells, shape (N, 2), order (x, y), in [0, 1].
        values: Their values on the scale [0, 1], shape (N, C); three channels are drawn in colour,
            else the first one in grey.
        cells: Cells a side.

    Returns:
        Shape (cells, cells, 3), in [0, 1].
    """
    picture = np.tile(np.array(UNSEEN, dtype=np.float32), (cells, cells, 1))
    x, y = np.minimum((coords * cells).astype(int), cells - 1).T
    picture[y, x] = values if values.shape[-1] == 3 else values[:, :1]
    return np.clip(picture, 0, 1)


def observed_picture(seen: FieldBatch, shown: GridField, i: int) -> np.ndarray:
    """What was observed of one of some fields, shape (cells, cells, 3), in [0, 1].

    Args:
        seen: What was observed of them.
        shown: The complete fields.
        i: Number of the field.
    """
    field = seen.fields()[i]
    values = shown.scaling.unit(field.values)
    return observation_picture(field.coords, values, field.cells or shown.size)


def _grid(
    title: str,
    caption: str,
    columns: Mapping[str, np.ndarray],
    shown: GridField,
    seen: FieldBatch,
) -> ImageGrid:
    """Columns of pictures on the scale [0, 1], with the observations after the first, the truth."""
    truth, *others = columns
    pictures = [
        [
            columns[truth][i],
            observed_picture(seen, shown, i),
            *(columns[name][i] for name in others),
        ]
        for i in range(len(shown))
    ]
    return ImageGrid(title, caption, [truth, "observed", *others], list(shown.names), pictures)
