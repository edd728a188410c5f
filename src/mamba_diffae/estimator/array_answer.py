"""A prediction as arrays in a .npz file, with the axes and variables that they are on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mamba_diffae.estimator.field_autoencoder import FieldAutoencoder
from mamba_diffae.fields import Prediction
from mamba_diffae.fields.atomic import atomic_file


def write_arrays(model: FieldAutoencoder, prediction: Prediction, out: Path) -> None:
    """Write mean, draws, deviation, quantiles, familiarity, and the axes that they are on.

    Args:
        model: That made it: its variables and, at the native cells, its grid.
        prediction: On a grid.
        out: The file to write or replace, whole or not at all.
    """
    grid = prediction.grid or model.grid
    arrays = {"mean": prediction.mean, "draws": prediction.draws}
    if len(prediction.draws) > 1 or prediction.stated_std is not None:
        arrays["std"] = prediction.std
    if prediction.quantiles is not None:
        arrays |= {"quantiles": prediction.quantiles, "levels": np.array(prediction.levels)}
    if prediction.familiarity is not None:
        arrays["familiarity"] = prediction.familiarity
    arrays |= {
        "axis_names": np.array(grid.names),
        "variables": np.array([v.name for v in model.variables]),
        "units": np.array([*(v.unit for v in model.variables), *(a.unit for a in grid.axes)]),
        **{axis.name: axis.centres for axis in grid.axes},
    }
    with atomic_file(out) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
