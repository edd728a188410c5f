"""The command `place`: where to put the next sensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mamba_diffae.cli.options import (
    DeviceOption,
    ModelOption,
    OverwriteOption,
    SeedOption,
    SourceOption,
    check_outputs,
)
from mamba_diffae.cli.shell import echo, output, status
from mamba_diffae.cli.table_prediction import is_table_name

if TYPE_CHECKING:
    from mamba_diffae.benchmark.opened_model import OpenedModel
    from mamba_diffae.placement import Placement
    from mamba_diffae.training import Run


def place(
    model: ModelOption,
    n: Annotated[int, typer.Option("--n", "-n", help="How many new sensors.")],
    out: Annotated[
        Path, typer.Option(help="Table to write, .csv or .parquet: places and expected errors.")
    ],
    candidates: Annotated[
        Path | None,
        typer.Option(help="A table of places where they may stand; default: the grid's cells."),
    ] = None,
    existing: Annotated[
        Path | None, typer.Option(help="A table of the places of sensors that stand already.")
    ] = None,
    min_distance: Annotated[
        float,
        typer.Option(
            help="Least distance of two sensors: in km on latitude and longitude, else in the "
            "unit of the axes."
        ),
    ] = 0.0,
    noise: Annotated[
        float | None,
        typer.Option(
            help="Standard deviation of a reading, in its unit; default: as the model estimated."
        ),
    ] = None,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Also measure the model with them on its test fields."),
    ] = False,
    source: SourceOption = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="New folder for a page with maps and curve.")
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Place sensors where they lower the expected error most."""
    if not is_table_name(out):
        raise ValueError(f"--out is {out}; give the name of a table, .csv or .parquet.")
    if source is not None and not measure:
        raise ValueError("--source names test fields to measure on; add --measure.")
    check_outputs(overwrite, out)
    from mamba_diffae.benchmark.opened_model import OpenedModel
    from mamba_diffae.fields import write_table
    from mamba_diffae.placement import place_sensors

    opened = OpenedModel.open(model, device)
    folder = None if run is None else checked_folder(run, overwrite)
    truth = None
    if measure:
        truth = opened.fields(source)[1].split("test").at(opened.estimator.grid)
    with status("Placing …"):
        found = place_sensors(
            opened.estimator,
            n,
            candidates=candidates,
            existing=existing,
            min_distance=min_distance,
            noise=noise,
            truth=truth,
            seed=seed,
        )
    kept = None if folder is None else placement_run(opened, folder, overwrite)
    write_table(found.to_frame(), out, index=True)
    for sentence in found.sentences():
        echo(f"• {sentence}", output)
    echo(f"{out}: {', '.join(found.axes)} and expected errors of {len(found)} sensors.", output)
    if kept is not None:
        write_page(opened, found, kept)


def checked_folder(run: Path, overwrite: bool) -> Path:
    """The folder of the page: new, empty, or that of an earlier placement to be replaced.

    Raises:
        ValueError: If it holds something else.
    """
    from mamba_diffae.fields.clutter import entries
    from mamba_diffae.training import Run

    folder = run.expanduser().resolve()
    if not folder.exists() or (folder.is_dir() and not entries(folder)):
        return folder
    earlier = (folder / "run.json").is_file() and "placed" in Run.open(folder).facts
    if not earlier:
        raise ValueError(f"{run} holds something else; give a new folder with --run.")
    if not overwrite:
        raise ValueError(
            f"{run} holds a placement already; give a new folder with --run, or replace it with "
            "--overwrite."
        )
    return folder


def placement_run(opened: OpenedModel, folder: Path, overwrite: bool) -> Run:
    """A run in a folder that was checked."""
    from mamba_diffae.cli.scoring import canonical_model, command_line
    from mamba_diffae.training import Run

    facts = {"placed": canonical_model(opened.name), "command": command_line()}
    return Run.create(folder, facts, overwrite=overwrite)


def write_page(opened: OpenedModel, found: Placement, run: Run) -> None:
    """Store the page in its run, and write it."""
    from mamba_diffae.benchmark import save_page
    from mamba_diffae.benchmark.placement_page import placement_page
    from mamba_diffae.cli.scoring import machine_facts
    from mamba_diffae.report import write_report

    title = f"{len(found)} sensors for {Path(opened.name).name}"
    facts = {"command": run.facts["command"], **machine_facts(run.facts)}
    page = placement_page(found, title, facts)
    save_page(page, run.path)
    write_report(page, run.path / "report.html")
    echo(f"Report: {run.path / 'report.html'}", output)
