"""A model of windows on another grid: other times, another region."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np

from mamba_diffae.estimator.field_autoencoder import FieldAutoencoder
from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import FieldError, Grid, ShapeError

_SAME_WIDTH = 0.02
"""Share by which the median cell may be wider or narrower than the learned one."""


def on_grid(model: FieldAutoencoder, grid: Grid) -> FieldAutoencoder:
    """A model that learned on windows, to answer on another grid of such cells.

    Windows know nothing of where they lie, so they serve later times and other regions. Finer
    answers are asked for by finer targets on such a grid.

    >>> from mamba_diffae import FieldData, Variable
    >>> hours = Grid.regular([(0, 24), (0, 8)], (24, 8), names=("time", "x"), units=("h", "m"))
    >>> waves = np.sin(hours.centres().sum(axis=1)).reshape(1, 24, 8, 1)
    >>> tiny = {"autoencoder": {"steps": 1, "show_progress": False}}
    >>> model = FieldAutoencoder("tiny", changes=tiny).fit(
    ...     FieldData([Variable("h")], hours, waves), window={"time": 4}, phases=["autoencoder"])
    >>> later = Grid.regular([(24, 36), (0, 8)], (12, 8), names=("time", "x"), units=("h", "m"))
    >>> on_grid(model, later).grid.shape
    (12, 8)

    Args:
        model: Fitted with `window`.
        grid: Of the same axes; those along which windows are whole are equal to the model's.

    Returns:
        A model with the same weights, which are shared.

    Raises:
        FieldError: If the model did not learn on windows, or has covariates of its own grid.
        ShapeError: If the axes or their cells are others.
    """
    fitted = model.fitted
    if fitted.window is None:
        raise FieldError(
            "This model learned on whole fields, and answers on their grid; fit it with window=... "
            "to answer on others."
        )
    known = fitted.scaler.covariates
    own = [] if known is None else [n for n in known.names if n not in known.varying]
    if own:
        raise FieldError(
            f"This model has the covariates of its own grid ({', '.join(own)}), which are "
            "not known on another; fit it without them."
        )
    scaler = _moved(fitted.scaler, fitted.window, grid)
    other = copy.copy(model)
    other._fitted = replace(fitted, scaler=scaler)
    return other


def _moved(scaler: FieldScaler, window: FieldScaler, grid: Grid) -> FieldScaler:
    """The scaling of a grid elsewhere: lengths stay, the origin is the grid's own."""
    native = scaler.grid
    if grid.names != native.names or [a.unit for a in grid.axes] != [a.unit for a in native.axes]:
        told = ", ".join(f"{axis.name} in {axis.unit or 'no unit'}" for axis in native.axes)
        raise ShapeError(f"A grid of {grid.describe_region()} was given; expected axes {told}.")
    for axis, learned, cells in zip(grid.axes, native.axes, window.grid.shape, strict=True):
        if cells == learned.cells and axis != learned:
            raise ShapeError(
                f"Windows are whole along {axis.name!r}, so it must be the model's own axis "
                f"({learned.describe()}); {axis.describe()} was given."
            )
        ratio = np.median(axis.widths) / np.median(learned.widths)
        if abs(ratio - 1) > _SAME_WIDTH or axis.cells < cells:
            raise ShapeError(
                f"The axis {axis.name!r} was given with {axis.cells} cells of "
                f"{np.median(axis.widths):g}; expected at least the {cells} of a window, as wide "
                f"as the model learned them, {np.median(learned.widths):g} {axis.unit}. Ask for "
                "finer or coarser answers by the targets of predict."
            )
    lows = [grid.axes[d].low for d in scaler.order]
    return replace(scaler, grid=grid, frame=replace(scaler.frame, origin=tuple(lows)))
