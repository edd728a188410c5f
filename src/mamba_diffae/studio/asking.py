"""What is asked of the model and of kriging for one set of observations, step by step."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, final

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import evaluate
from mamba_diffae.evaluation.baselines.kriging import Kriging
from mamba_diffae.fields import FieldData, Grid, Observations, Prediction

PAUSE = 0.25
"""Seconds without another change after which what is slow begins."""

FIRST_DRAWS = 4
"""Draws that are shown first, where more are asked for."""


def answer_grid(model: FieldAutoencoder, size: int) -> Grid:
    """The grid of a model's answers with so many cells along the longest axis."""
    return model.grid.regrid(model.grid.scaled_shape(size))


def truth_on(grid: Grid, truth: FieldData) -> FieldData | None:
    """The truth on the grid of an answer; None if it is coarser, or of another region."""
    native = truth.grid
    if not native.same_region(grid) or any(
        n > m for n, m in zip(grid.shape, native.shape, strict=True)
    ):
        return None
    return truth.at(grid)


def common_region(model: FieldAutoencoder, field: Grid) -> Grid | None:
    """The region that maps of a field and of a model's answers are shown in, to be compared.

    Args:
        model: Its own region, unless it learned on windows, which answer wherever a field lies.
        field: Grid of the field.

    Returns:
        The region; None: the field lies outside of the model's.
    """
    ours = model.grid
    is_inside = field.names == ours.names and all(
        own.low <= axis.centres[0] and axis.centres[-1] <= own.high
        for axis, own in zip(field.axes, ours.axes, strict=True)
    )
    if not is_inside:
        return None
    return ours if model.fitted.window is None else field


@final
@dataclass(frozen=True, eq=False)
class Question:
    """Observations of one field, and what is asked of them; nothing of it changes.

    Attributes:
        model: The model.
        seen: Observations of one field.
        truth: The field, at its native cells.
        size: Cells along the longest axis that are asked for.
        draws: How many draws.
        seed: Of the first draw.
    """

    model: FieldAutoencoder
    seen: Observations
    truth: FieldData
    size: int
    draws: int = 8
    seed: int = 0

    @property
    def grid(self) -> Grid:
        """That of the answer."""
        return answer_grid(self.model, self.size)

    def truth_there(self) -> FieldData | None:
        """The truth at the size that is asked; None above its native one."""
        return truth_on(self.grid, self.truth)

    def mean(self) -> Prediction:
        """The model's mean and deviation."""
        return self.model.predict(self.seen, self.size)

    def rest(self, mean: Prediction) -> Generator[tuple[str, Any]]:
        """What takes longer than the mean: ("scores", …), ("kriging", …), ("draws", …) again and
        again, as `drawn` says.

        Args:
            mean: From `mean`.
        """
        truth = self.truth_there()
        if truth is not None:
            yield "scores", evaluate(mean.mean, truth)
        kriged = Kriging(with_std=False).predict(self.seen, mean.grid or self.grid)
        yield "kriging", (kriged, None if truth is None else evaluate(kriged.mean, truth))
        for drawn in self.drawn():
            yield "draws", drawn

    def drawn(self) -> Generator[Prediction]:
        """Predictions with draws, the number doubled until it is what is asked for.

        The deviation that a model states is of all its draws together: it is asked for anew.
        """
        count = FIRST_DRAWS
        while count < self.draws:
            yield self.model.predict(self.seen, self.size, count, seed=self.seed)
            count *= 2
        yield self.model.predict(self.seen, self.size, self.draws, seed=self.seed)
