"""What a benchmark measured, as data; `summary` makes sentences of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from mamba_diffae.benchmark.assessed import AssessedMethod
from mamba_diffae.benchmark.page import ImageGrid
from mamba_diffae.evaluation import DrawScore, Score
from mamba_diffae.fields import Shape, Variable


@final
@dataclass(frozen=True, eq=False)
class BenchmarkResult:
    """A model beside the classical methods.

    Attributes:
        scores: One for each method and scale.
        draws: How the draws of the model behave; None: it cannot draw.
        variables: Of the fields.
        native_shape: Cells of the truth along each axis.
        rendered_shapes: Finer ones, which are shown and not scored.
        curves: Rows of the run's metrics; see `Page`.
        panels: Tables of pictures.
        facts: What was run.
        familiarity: Of the fields to the model, see `Prediction`; None: not known.
        weights: Shares of the components of the model's prior, see `Prediction`.
        uncertainty: How honest the draws of the model are, and what kriging states.
    """

    scores: Sequence[Score]
    draws: DrawScore | None
    variables: Sequence[Variable]
    native_shape: Shape
    rendered_shapes: Sequence[Shape] = ()
    curves: Sequence[Mapping[str, Any]] = ()
    panels: Sequence[ImageGrid] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    familiarity: np.ndarray | None = None
    weights: np.ndarray | None = None
    uncertainty: Sequence[AssessedMethod] = ()

    @property
    def scales(self) -> list[int]:
        """Cells along the longest axis at which there are scores, ascending."""
        return sorted({score.scale for score in self.scores})

    @property
    def validation_psnr(self) -> dict[str, float]:
        """PSNR on validation fields at the end of each phase of training, in dB."""
        validated = [row for row in self.curves if "psnr" in row.get("validation", {})]
        return {row["phase"]: row["validation"]["psnr"] for row in validated}
