"""The command `predict`: a field from a share of its cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mamba_diffae.cli.dataset_prediction import DatasetPrediction
from mamba_diffae.cli.draws import PICTURE, Draws
from mamba_diffae.cli.options import (
    DecoderInputs,
    DeviceOption,
    ModelOption,
    OldRunOption,
    OverwriteOption,
    PatternOption,
    SeedOption,
    TargetSizeOption,
    check_output_dataset,
    check_outputs,
    old_option,
    parse_quantiles,
)
from mamba_diffae.cli.reading import (
    InputReading,
    NoiseOption,
    QualityOption,
    SnapshotDimOption,
    SupportOption,
    VariableOption,
    is_dataset_name,
    opening_options,
)
from mamba_diffae.cli.shell import echo, output, status
from mamba_diffae.cli.table_prediction import TablePrediction, is_table_name

if TYPE_CHECKING:
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.fields import FieldData, Observations, Prediction

Solver = Literal["heun", "euler", "stochastic"]


def predict(
    model: ModelOption,
    out: Annotated[
        Path,
        typer.Option(
            help="A .png picture, or .npz: mean, draws, quantiles, axes in their units; .nc or "
            ".zarr: a data set of any size; of a table also a .csv or .parquet."
        ),
    ],
    given: Annotated[
        Path | None,
        typer.Argument(
            metavar="INPUT",
            help="A picture; .npy or .npz fields; a NetCDF file or Zarr store; a .csv or .parquet "
            "table of observations.",
            show_default=False,
        ),
    ] = None,
    input_file: Annotated[
        Path | None, typer.Option("--input", help="The same by name.", show_default=False)
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            help="For .nc and .zarr: a data set whose grid, units and attributes the answer has."
        ),
    ] = None,
    variable: VariableOption = None,
    snapshot_dim: SnapshotDimOption = None,
    noise: NoiseOption = None,
    support: SupportOption = None,
    quality: QualityOption = None,
    at: Annotated[
        Path | None,
        typer.Option(help="Of a table: a table of places to answer at; default: the grid's cells."),
    ] = None,
    fraction: Annotated[
        float | None,
        typer.Option(
            help="Share of the coarse cells that is observed; default: 0.2 of pictures and arrays, "
            "all that is known of a data set.",
            show_default=False,
        ),
    ] = None,
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
    source = _input(given, input_file)
    drawn = {"seed": seed, "solver": solver, "steps": steps}
    options = opening_options(source, variable, snapshot_dim, noise, quality, support=support)
    reading = InputReading(source, fraction, pattern, seed, options)
    reading.check(out, like, at)
    if is_dataset_name(out):
        whole = DatasetPrediction(reading, like, at, out)
        whole.check(asked, **drawn)
        check_output_dataset(out, overwrite)
        whole.write(model, device, asked, size, decoder_inputs, overwrite=overwrite, seed=seed)
        return
    if like is not None:
        raise ValueError(f"--like is of a data set, and --out is {out}; end it in .nc or .zarr.")
    if is_table_name(source):
        rows = TablePrediction(reading, at, out)
        rows.check(asked)
        asked.check_solver(solver, steps)
        check_outputs(overwrite, out)
        rows.write(model, device, asked, size=size, decoder_inputs=decoder_inputs, **drawn)
        return
    if at is not None:
        raise ValueError("--at is of a table of observations; INPUT names other fields.")
    asked.check(out, solver, steps)
    check_outputs(overwrite, out, *asked.pictures(out))
    made = asked.made(seed)
    from mamba_diffae.benchmark.opened_model import OpenedModel

    opened = OpenedModel.open(model, device)
    truth, seen = reading.observed(opened)
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
        from mamba_diffae.estimator import write_arrays

        write_arrays(opened.estimator, prediction, out)
    _tell(out, asked, made, prediction, truth, seen)


def _input(given: Path | None, named: Path | None) -> Path:
    """The input, by its place or by its name."""
    if given is not None and named is not None:
        raise ValueError(f"INPUT is {given} and --input is {named}; give one of them.")
    found = given or named
    if found is None:
        raise ValueError("What was observed is missing; give INPUT: a picture, fields, or a table.")
    return found


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
