"""The command `verify`: a model on withheld readings, and the page that tells of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mamba_diffae.cli.options import (
    DeviceOption,
    ModelOption,
    OverwriteOption,
    SeedOption,
    check_outputs,
)
from mamba_diffae.cli.reading import (
    CovariateOption,
    NoiseOption,
    QualityOption,
    SnapshotDimOption,
    VariableOption,
    opening_options,
)
from mamba_diffae.cli.shell import echo, output
from mamba_diffae.cli.table_prediction import is_table_name

if TYPE_CHECKING:
    from mamba_diffae.benchmark import Page
    from mamba_diffae.benchmark.opened_model import OpenedModel
    from mamba_diffae.benchmark.verification import Verification
    from mamba_diffae.fields import Observations

By = Literal["station", "block", "cloud", "time"]


def verify(
    data: Annotated[
        str, typer.Argument(help="What `fit` takes, or a .csv or .parquet table of stations.")
    ],
    model: ModelOption,
    by: Annotated[By, typer.Option(help="What is withheld together.")] = "station",
    folds: Annotated[int, typer.Option(help="Parts that are withheld in turn.")] = 5,
    run: Annotated[Path, typer.Option("--run", help="New folder for the result.")] = Path(
        "runs/verify"
    ),
    variable: VariableOption = None,
    snapshot_dim: SnapshotDimOption = None,
    noise: NoiseOption = None,
    quality: QualityOption = None,
    covariate: CovariateOption = None,
    layout: Annotated[
        Path | None,
        typer.Option(
            help="A table of the places of sensors, where alone the fields are read and withheld; "
            "default: anywhere."
        ),
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, help="Snapshots that are scored, evenly spread, at most.")
    ] = 24,
    draws: Annotated[
        int, typer.Option("--draws", min=0, help="Draws of each; 0: the mean alone.")
    ] = 40,
    block: Annotated[
        float | None,
        typer.Option(
            help="Side of a block as a share of the region; default: the correlation length."
        ),
    ] = None,
    fraction: Annotated[
        float, typer.Option(help="By time: share of the stations of a snapshot that is given.")
    ] = 0.5,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the numbers here.")
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Score a model on data that are withheld from it."""
    from mamba_diffae.benchmark.opened_model import OpenedModel
    from mamba_diffae.benchmark.verification import verification_page
    from mamba_diffae.benchmark.verification import verify as verified

    check_outputs(overwrite, json_file)
    _check_folder(run, overwrite)
    options = opening_options(data, variable, snapshot_dim, noise, quality, covariate)
    opened, started = OpenedModel.open(model, device), time.monotonic()
    readings = data
    if layout is not None:
        readings, options = _sensors(data, layout, options), {}
    result = verified(
        opened.estimator,
        readings,
        by,
        folds,
        count=count,
        n_draws=draws,
        block=block,
        fraction=fraction,
        seed=seed,
        **options,
    )
    page = verification_page(result, _facts(opened, data, time.monotonic() - started))
    echo(f"{result}\n", output)
    _store(result, page, run, json_file, overwrite)
    echo(f"Report: {run / 'report.html'}", output)


def _sensors(source: str, layout: Path, options: dict[str, Any]) -> Observations:
    """What sensors of a layout read of fields, of those of the split "test" if there are some.

    Raises:
        ValueError: If the source is a table, or a place lies outside the fields.
    """
    from mamba_diffae.fields import Labels, TableTargets
    from mamba_diffae.fields.sensors import observe_at
    from mamba_diffae.sources import open_field

    if is_table_name(Path(source)):
        raise ValueError("--layout is of whole fields; the stations of a table are where they are.")
    data = open_field(source, **options)
    data = data.split("test") if "test" in data.splits else data
    variables = tuple(v.name for v in data.variables)
    units = tuple(a.unit for a in data.grid.axes), tuple(v.unit for v in data.variables)
    seen = observe_at(data, TableTargets.of(layout, data.grid).places)
    return seen.replace(labels=Labels(data.grid.names, variables, tuple(data.names), *units))


def _facts(opened: OpenedModel, data: str, seconds: float) -> dict[str, str]:
    """What was run, in words."""
    from mamba_diffae.cli.scoring import command_line

    return {
        "model": opened.name,
        "data": data,
        "this page": command_line(),
        "time": f"{seconds:.0f} s",
    }


def _check_folder(run: Path, overwrite: bool) -> None:
    """Refuse a folder that holds anything but a verification that may be replaced.

    Raises:
        ValueError: As said.
    """
    from mamba_diffae.fields.clutter import entries
    from mamba_diffae.training import Run

    if not run.exists() or (run.is_dir() and not entries(run)):
        return
    verified = (run / "run.json").is_file() and "verified" in Run.open(run).facts
    if not (verified and overwrite):
        hint = "replace it with --overwrite, or give" if verified else "give"
        what = "a verification" if verified else "something else than a verification"
        raise ValueError(f"{run} holds {what}; {hint} another folder with --run.")


def _store(
    result: Verification, page: Page, run: Path, json_file: Path | None, overwrite: bool
) -> None:
    """Write numbers, page and report into the run folder."""
    from dataclasses import replace

    from mamba_diffae.benchmark import save_page
    from mamba_diffae.cli.scoring import canonical_model, command_line, machine_facts
    from mamba_diffae.fields.atomic import atomic_file
    from mamba_diffae.fields.plain_json import plain_json
    from mamba_diffae.report import write_report
    from mamba_diffae.training import Run

    about = {"verified": canonical_model(page.facts["model"]), "command": command_line()}
    folder = Run.create(run, about, overwrite=overwrite)
    page = replace(page, facts={**page.facts, **machine_facts(folder.facts)})
    save_page(page, folder.path)
    write_report(page, folder.path / "report.html", overwrite=True)
    if json_file is not None:
        with atomic_file(json_file) as temporary:
            temporary.write_text(plain_json(result.to_dict()), encoding="utf-8")
