"""The command `predict`: a field from a share of its cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, final

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
    TargetSizeOption,
    check_outputs,
    old_option,
    parse_quantiles,
)
from mamba_diffae.cli.shell import echo, output, status
from mamba_diffae.cli.table_prediction import TablePrediction, is_table_name

if TYPE_CHECKING:
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.fields import FieldData, Observations, Prediction

PICTURE, ARRAYS = ".png", ".npz"
Solver = Literal["heun", "euler", "stochastic"]


def predict(
    model: ModelOption,
    input_file: Annotated[
        Path,
        typer.Option("--input", help="A picture; .npy or .npz fields; a .csv or .parquet table."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="A .png picture, or .npz: mean, draws, quantiles, axes in their units; of a table "
            "a .csv or .parquet."
        ),
    ],
    at: Annotated[
        Path | None,
        typer.Option(help="Of a table: a table of places to answer at; default: the grid's cells."),
    ] = None,
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
    quantiles: Annotated[
        str | None,
        typer.Option(
            help="Quantiles, such as 0.05,0.5,0.95, of 40 draws or more, made for it where fewer "
            "are asked for; .npz: beside the mean, .png: a picture each, out-q0.05.png."
        ),
    ] = None,
    solver: Annotated[
        Solver | None,
        typer.Option(
            help="Draw by the flow, if that was trained; default: a draw in one evaluation, if "
            "phase ensemble was."
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Steps of the solver, where a flow draws; default: 20."),
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
    old_draw: Annotated[
        bool, old_option("--draw", "--draw is now --realization 0: the first draw.")
    ] = False,
    old_run: OldRunOption = None,
) -> None:
    """Write a whole field from a share or a table of it."""
    asked = Draws(draws, realization, parse_quantiles(quantiles))
    if is_table_name(input_file):
        rows = TablePrediction(input_file, at, out)
        rows.check(asked)
        asked.check_solver(solver, steps)
        check_outputs(overwrite, out)
        drawn = {"seed": seed, "solver": solver, "steps": steps}
        rows.write(model, device, asked, size=size, decoder_inputs=decoder_inputs, **drawn)
        return
    if at is not None:
        raise ValueError("--at is of a table of observations; --input names other fields.")
    asked.check(out, solver, steps)
    check_outputs(overwrite, out, *asked.pictures(out))
    made = asked.made(seed)
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
            quantiles=asked.levels,
            decoder_inputs=decoder_inputs,
            seed=seed + asked.first,
            solver=solver,
            steps=steps,
        )
    prediction = asked.wanted(prediction)
    if out.suffix.lower() == PICTURE:
        _write_pictures(opened.estimator, prediction, seen, out, asked.pictures(out))
    else:
        _write_arrays(opened.estimator, prediction, out)
    _tell(out, asked, made, prediction, truth, seen)


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


def _write_pictures(
    model: FieldAutoencoder,
    prediction: Prediction,
    seen: Observations,
    out: Path,
    quantiles: Mapping[Path, int],
) -> None:
    """The mean or the draw, and quantiles by their number."""
    from mamba_diffae.benchmark.page import picture_bytes
    from mamba_diffae.benchmark.painters import painter_of
    from mamba_diffae.benchmark.painting import Beside, Shown
    from mamba_diffae.report import mosaic, write_png

    grid = prediction.grid or model.grid
    painter = painter_of(model.variables, grid)
    pictures = {out: prediction.draws[0] if len(prediction.draws) else prediction.mean}
    if prediction.quantiles is not None:
        pictures |= {path: prediction.quantiles[i] for path, i in quantiles.items()}
    for path, values in pictures.items():
        parts = zip(values, seen.fields(), strict=True)
        painted = [p for v, s in parts for p in painter.paint(Shown(v, grid), Beside(seen=s))]
        write_png(picture_bytes(painted[0]) if len(painted) == 1 else mosaic(painted), path)


def _write_arrays(model: FieldAutoencoder, prediction: Prediction, out: Path) -> None:
    """Mean, draws, deviation, quantiles, familiarity; the axes and variables that they are on."""
    import numpy as np

    from mamba_diffae.fields.atomic import atomic_file

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


def _tell(
    out: Path,
    asked: Draws,
    made: int,
    prediction: Prediction,
    truth: FieldData,
    seen: Observations,
) -> None:
    shape, n = prediction.mean.shape[1:-1], prediction.evaluations
    cost = f"{n} network evaluation{'s' if n != 1 else ''}"
    if asked.realization is not None:
        what = f"draw {asked.realization} ({cost})"
    elif asked.number:
        drawn = f"{asked.number} draw{'s' if asked.number != 1 else ''}"
        what = f"the posterior mean and {drawn} ({cost} each)"
    else:
        what = "the posterior mean"
    if asked.levels:
        levels = ", ".join(f"{level:g}" for level in asked.levels)
        what += f", with the quantiles {levels} of {made} draws ({cost} each)"
    fields = "" if len(truth) == 1 else f" of {len(truth)} fields"
    echo(
        f"{out}: {what}{fields} at {' × '.join(map(str, shape))} from "
        f"{int(seen.counts.max())} observations of a field.",
        output,
    )
    for picture, number in asked.pictures(out).items():
        echo(f"{picture}: the quantile {asked.levels[number]:g}.", output)
