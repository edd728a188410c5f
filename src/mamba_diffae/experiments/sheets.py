"""Tables of pictures: methods at a scale, also above the native size; mean, spread and draws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mamba_diffae.evaluation import Predictor
from mamba_diffae.experiments.result import Sheet, observation_picture
from mamba_diffae.fields import FieldBatch, GridField, Prediction


def methods_sheet(
    methods: Mapping[str, Predictor], shown: GridField, seen: FieldBatch, scale: int
) -> Sheet:
    """What methods make of the same observations, beside the truth at their scale.

    Args:
        methods: By display name.
        shown: Complete fields.
        seen: What was observed of them.
        scale: Pixels a side, at most the native size.
    """
    unit = shown.scaling.unit
    return _sheet(
        f"Every method at {scale} × {scale}",
        "Unseen pictures, what was observed of them, and what each method makes of it at "
        f"{scale} × {scale} pixels.",
        {
            "truth": unit(shown.at(scale)),
            **{name: unit(predict(seen, scale)) for name, predict in methods.items()},
        },
        shown,
        seen,
    )


def rendered_sheet(
    methods: Mapping[str, Predictor], shown: GridField, seen: FieldBatch, scale: int
) -> Sheet:
    """The same at a scale above the native size: the truth beside it is coarser.

    Args:
        methods: By display name; those that answer at any scale.
        shown: Complete fields.
        seen: What was observed of them.
        scale: Pixels a side, above the native size.
    """
    unit, size = shown.scaling.unit, shown.size
    return _sheet(
        f"Rendered at {scale} × {scale}, above the native size",
        f"There is no truth at {scale} × {scale}, so nothing here is scored: each method is asked "
        f"at the centres of the finer pixels. The truth is shown at its {size} × {size} pixels.",
        {
            f"truth at {size} × {size}": unit(shown.at(size)),
            **{name: unit(predict(seen, scale)) for name, predict in methods.items()},
        },
        shown,
        seen,
    )


def draws_sheet(prediction: Prediction, shown: GridField, seen: FieldBatch) -> Sheet:
    """The posterior mean, the spread of the draws, and two of them.

    Args:
        prediction: At the native size, with two draws or more.
        shown: Complete fields.
        seen: What was observed of them.
    """
    unit, size = shown.scaling.unit, shown.size
    spread = prediction.std * (1 / (shown.scaling.high - shown.scaling.low))
    return _sheet(
        f"Mean, uncertainty and draws at {size} × {size}",
        "The posterior mean in one evaluation; the standard deviation of "
        f"{len(prediction.sample)} draws (white: half the range of values); two "
        f"draws, {prediction.evaluations} evaluations each.",
        {
            "truth": unit(shown.at(size)),
            "mean": unit(prediction.mean),
            # Half the range is as uncertain as a value can be.
            "standard deviation": (2 * spread).mean(axis=-1, keepdims=True),
            "draw 1": unit(prediction.sample[0]),
            "draw 2": unit(prediction.sample[1]),
        },
        shown,
        seen,
    )


def _sheet(
    title: str,
    caption: str,
    columns: Mapping[str, np.ndarray],
    shown: GridField,
    seen: FieldBatch,
) -> Sheet:
    """Columns of pictures on the scale [0, 1], with the observations after the first, the truth."""
    truth, *others = columns
    pictures = [
        [columns[truth][i], _observed(seen, shown, i), *(columns[name][i] for name in others)]
        for i in range(len(shown))
    ]
    return Sheet(title, caption, [truth, "observed", *others], list(shown.names), pictures)


def _observed(seen: FieldBatch, shown: GridField, i: int) -> np.ndarray:
    field = seen.fields()[i]
    values = shown.scaling.unit(field.values)
    return observation_picture(field.coords, values, field.cells or shown.size)
