"""Which draws and quantiles a command is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from mamba_diffae.fields import Prediction

PICTURE, ARRAYS = ".png", ".npz"


@final
@dataclass(frozen=True)
class Draws:
    """Which draws are asked for.

    Attributes:
        number: How many.
        realization: The only one that is written, or None.
        levels: Probabilities of the quantiles that are written.
    """

    number: int
    realization: int | None
    levels: tuple[float, ...]

    @property
    def first(self) -> int:
        """Number of the first to make: draw k depends on seed + k alone, and may be made alone.

        Quantiles are of the draws from 0 on, whichever of them is written.
        """
        return 0 if self.levels else self.realization or 0

    @property
    def count(self) -> int:
        """Draws to make, from the first on, beside those that quantiles need."""
        return self.number if self.realization is None else self.realization + 1 - self.first

    def check(self, out: Path, solver: str | None, steps: int | None) -> None:
        """Refuse what a file cannot hold, and options of draws where there are none.

        Raises:
            ValueError: As said.
        """
        kind = out.suffix.lower()
        if kind not in (PICTURE, ARRAYS):
            raise ValueError(
                f"--out is {out}; give a name that ends in .png for a picture, or in .npz for "
                "numbers in their units, or in .nc or .zarr for a data set."
            )
        if self.realization is not None and 0 < self.number <= self.realization:
            raise ValueError(
                f"Realization {self.realization} of {self.number} draws was asked; they are "
                f"numbered from 0 to {self.number - 1}."
            )
        if kind == PICTURE and self.number and self.realization is None:
            raise ValueError(
                "A picture holds the mean or one draw; name the draw with --realization 0, or "
                "write all of them as .npz."
            )
        self.check_solver(solver, steps)

    def check_solver(self, solver: str | None, steps: int | None) -> None:
        """Refuse options of draws where there are none.

        Raises:
            ValueError: As said.
        """
        given = {"--solver": solver, "--steps": steps}
        said = " ".join(f"{name} {value}" for name, value in given.items() if value is not None)
        if said and not (self.count or self.levels):
            raise ValueError(
                f"{said} is of draws, and none are asked for; add --draws, --realization or "
                "--quantiles, or leave it out."
            )

    def made(self, seed: int) -> int:
        """Draws that are made, with those for quantiles.

        Raises:
            ValueError: If the levels do not ascend within (0, 1).
        """
        from mamba_diffae.estimator.drawing import Drawing

        return Drawing(self.count, seed + self.first, levels=self.levels).count

    def pictures(self, out: Path) -> dict[Path, int]:
        """Pictures of the quantiles beside that of the mean, to the number of each quantile."""
        if out.suffix.lower() != PICTURE:
            return {}
        names = (f"{out.stem}-q{level:g}{out.suffix}" for level in self.levels)
        return {out.with_name(name): i for i, name in enumerate(names)}

    def wanted(self, prediction: Prediction) -> Prediction:
        """The same with the draws that are written."""
        if self.realization is None:
            return prediction
        return replace(prediction, draws=prediction.draws[-1:])
