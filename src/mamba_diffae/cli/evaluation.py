"""The commands `evaluate` and `report`: a model scored, and the page that tells of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mamba_diffae.cli.options import (
    DeviceOption,
    FractionOption,
    OverwriteOption,
    PatternOption,
    ScalesOption,
    SeedOption,
    SkipOption,
    check_outputs,
    parse_scales,
)
from mamba_diffae.cli.shell import echo, output

_MODEL = "A trained model: a run folder, a saved folder, or emoji-96 or weather-96 of the package."


def evaluate(
    model: Annotated[
        str | None, typer.Option(help=_MODEL, metavar="MODEL", show_default=False)
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            "--run", help="Run folder for the result; default: that of the model, or runs/NAME."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            help="Score on another source's test split; it stands for a training source that was "
            "moved."
        ),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Also score a baseline of your own, package.module:Class; may be repeated."
        ),
    ] = None,
    scales: ScalesOption = None,
    fraction: FractionOption = 0.2,
    pattern: PatternOption = "random",
    count: Annotated[
        int | None,
        typer.Option(min=1, help="Score on so many test fields of distinct bases; default: all."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the scores here.")
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
    skip_broken: SkipOption = False,
) -> None:
    """Score a model beside simple methods, on unseen fields."""
    if model is None:
        raise ValueError(_lacks_model("evaluate", run))
    from mamba_diffae.benchmark import Protocol
    from mamba_diffae.benchmark.opened_model import OpenedModel
    from mamba_diffae.cli.scoring import check_result_folder, result_run, score_model, store
    from mamba_diffae.evaluation import find_baseline

    protocol = Protocol(parse_scales(scales), fraction, pattern, seed)
    baselines = [find_baseline(name) for name in method or []]
    opened = OpenedModel.open(model, device)
    folder = check_result_folder(opened, run)
    check_outputs(overwrite, json_file, folder / "result.json")
    known, scored = opened.fields(source, skip_broken)
    truth = scored.split("test")
    truth = truth if count is None else truth.distinct(count)
    page = score_model(opened, truth, known, protocol, baselines)
    store(page, result_run(opened, folder), json_file)
    named = f"--model {model}" if run is None else f"--run {run}"
    echo(f"Kept in {folder}. Next: mamba-diffae report {named}")


def report(
    model: Annotated[
        str | None,
        typer.Option(help=f"{_MODEL} Its last evaluation.", metavar="MODEL", show_default=False),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="Or the run folder that holds a result.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Page to write; default: report.html in that run.")
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write the last evaluation as one HTML page."""
    if (model is None) == (run is None):
        raise ValueError(
            "Name either a model, with --model DIR or --model emoji-96, or the run folder that "
            "holds a result, with --run DIR."
        )
    from mamba_diffae.benchmark import load_page
    from mamba_diffae.benchmark.opened_model import result_folder
    from mamba_diffae.report import write_report
    from mamba_diffae.training import Run

    folder = run or result_folder(model or "")
    if not (folder / "run.json").is_file() and model is not None:
        raise ValueError(
            f"No evaluation of {model} was found in {folder}; make one with `mamba-diffae evaluate "
            f"--model {model}`, or name the folder of its result with --run."
        )
    opened = Run.open(folder)
    page = out or opened.path / "report.html"
    check_outputs(overwrite, page)
    write_report(load_page(folder), page, overwrite=overwrite)
    echo(f"Report: {page}", output)


def _lacks_model(command: str, run: Path | None) -> str:
    if run is None:
        return (
            f"`{command}` needs a trained model; name it with --model: a run folder, a saved "
            "folder, or emoji-96 or weather-96 of the package."
        )
    return (
        f"--run is the folder for the result; the model to score is named by --model: mamba-diffae "
        f"{command} --model {run}."
    )
