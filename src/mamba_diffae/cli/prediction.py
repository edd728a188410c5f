"""The command `predict`: a field from a share of its cells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, final

import typer

from mamba_diffae.cli.options import (
    DecoderInputs,
    DeviceOption,
    FractionOption,
    ModelOption,
    OldRunOption,
    OverwriteOption,
    PatternOption,
    SeedOption,
    StepsOption,
    TargetSizeOption,
    check_outputs,
    old_option,
)
from mamba_diffae.cli.shell import echo, output, status

if TYPE_CHECKING:
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.fields import FieldData, Observations, Prediction

PICTURE, ARRAYS = ".png", ".npz"


def predict(
    model: ModelOption,
    input_file: Annotated[
        Path, typer.Option("--input", help="A picture, or a .npy or .npz file of fields.")
    ],
    out: Annotated[
        Path, typer.Option(help="A .png picture, or .npz: mean, draws, axes in their units.")
    ],
    fraction: FractionOption = 0.2,
    pattern: PatternOption = "random",
    size: TargetSizeOption = None,
    decoder_inputs: Annotated[
        DecoderInputs | None,
        typer.Option("--decoder-inputs", "--context", help="What the decoder reads."),
    ] = None,
    draws: Annotated[
        int, typer.Option("--draws", min=0, help="Draws from the posterior, for .npz.")
    ] = 0,
    realization: Annotated[
        int | None,
        typer.Option(min=0, help="Write this draw, from 0 on, in place of the mean."),
    ] = None,
    steps: StepsOption = 20,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
    old_draw: Annotated[
        bool, old_option("--draw", "--draw is now --realization 0: the first draw.")
    ] = False,
    old_run: OldRunOption = None,
) -> None:
    """Observe a share of a field, and write the whole of it."""
    asked = Draws(draws, realization)
    asked.check(out)
    check_outputs(overwrite, out)
    from mamba_diffae.cli.models import OpenedModel
    from mamba_diffae.fields import observe

    opened = OpenedModel.open(model, device)
    truth = opened.input(input_file)
    seen = observe(truth, fraction, pattern=pattern, seed=seed)
    with status("Predicting …"):
        prediction = opened.estimator.predict(
            seen,
            size,
            n_draws=asked.count,
            decoder_inputs=decoder_inputs,
            seed=seed + asked.first,
            steps=steps,
        )
    if out.suffix.lower() == PICTURE:
        _write_picture(opened.estimator, prediction, seen, out)
    else:
        _write_arrays(opened.estimator, prediction, out)
    _tell(out, asked, prediction, truth, seen)


@final
@dataclass(frozen=True)
class Draws:
    """Which draws are asked for.

    Attributes:
        number: How many.
        realization: The only one that is written, or None.
    """

    number: int
    realization: int | None

    @property
    def count(self) -> int:
        """Draws to make: draw k depends on seed + k alone, so that one can be made by itself."""
        return self.number if self.realization is None else 1

    @property
    def first(self) -> int:
        """Number of the first."""
        return self.realization or 0

    def check(self, out: Path) -> None:
        """Refuse what a file cannot hold.

        Raises:
            ValueError: As said.
        """
        kind = out.suffix.lower()
        if kind not in (PICTURE, ARRAYS):
            raise ValueError(
                f"--out is {out}; give a name that ends in .png for a picture, or in .npz for "
                "numbers in their units."
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


def _write_picture(
    model: FieldAutoencoder, prediction: Prediction, seen: Observations, out: Path
) -> None:
    from mamba_diffae.benchmark.page import picture_bytes
    from mamba_diffae.benchmark.painters import painter_of
    from mamba_diffae.benchmark.painting import Beside, Shown
    from mamba_diffae.report import mosaic, write_png

    values = prediction.draws[0] if len(prediction.draws) else prediction.mean
    grid = prediction.grid or model.grid
    painter = painter_of(model.variables, grid)
    parts = zip(values, seen.fields(), strict=True)
    pictures = [p for v, s in parts for p in painter.paint(Shown(v, grid), Beside(seen=s))]
    write_png(picture_bytes(pictures[0]) if len(pictures) == 1 else mosaic(pictures), out)


def _write_arrays(model: FieldAutoencoder, prediction: Prediction, out: Path) -> None:
    """Mean, draws, deviation and familiarity, and the axes and variables that they are on."""
    import numpy as np

    from mamba_diffae.fields.atomic import atomic_file

    grid = prediction.grid or model.grid
    arrays = {"mean": prediction.mean, "draws": prediction.draws}
    if len(prediction.draws) > 1:
        arrays["std"] = prediction.std
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


def _tell(
    out: Path, asked: Draws, prediction: Prediction, truth: FieldData, seen: Observations
) -> None:
    shape = prediction.mean.shape[1:-1]
    cost = f"{prediction.evaluations} network evaluations"
    if asked.realization is not None:
        what = f"draw {asked.realization} ({cost})"
    elif asked.number:
        what = f"the posterior mean and {asked.number} draws ({cost} each)"
    else:
        what = "the posterior mean"
    fields = "" if len(truth) == 1 else f" of {len(truth)} fields"
    echo(
        f"{out}: {what}{fields} at {' × '.join(map(str, shape))} from "
        f"{int(seen.counts.max())} observations of a field.",
        output,
    )
