"""The command `demo`: the main job, from the embedded pictures to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mamba_diffae.cli.options import DeviceOption, OverwriteOption, ResumeOption, SeedOption
from mamba_diffae.cli.shell import echo, output

SHARES = {"autoencoder": 2 / 3, "ensemble": 1 / 3}
"""Of the time that is given, by phase."""


def demo(
    run: Annotated[Path, typer.Option("--run", help="Run folder.")] = Path("runs/demo"),
    minutes: Annotated[
        float,
        typer.Option(help="Training time at most: 2/3 for the mean, 1/3 for draws."),
    ] = 3.5,
    count: Annotated[int, typer.Option(min=1, help="Test pictures, of distinct bases.")] = 48,
    preset: Annotated[str, typer.Option(help="Sizes: small, base, tiny or paper.")] = "small",
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Show the packaged models, train a small one, score, report."""
    from mamba_diffae.benchmark import Protocol
    from mamba_diffae.benchmark.opened_model import OpenedModel
    from mamba_diffae.cli.scoring import (
        command_line,
        provenance,
        score_model,
        show_pretrained,
        store,
    )
    from mamba_diffae.cli.weather_map import show_weather
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.report import write_report
    from mamba_diffae.sources import open_field
    from mamba_diffae.training import Run

    data = open_field("emoji")
    changes = {phase: {"minutes": share * minutes} for phase, share in SHARES.items()}
    echo(
        f"{len(data)} pictures of 96 × 96 pixels. From 20 % of the 32 × 32 averages of pictures "
        "it has not seen, a network writes the whole picture. First the one that comes with the "
        "package, and another one on a weather map; then a small one is trained, in "
        f"{minutes:g} minutes at most.",
        output,
    )
    if overwrite or not (run / "run.json").is_file():  # else it was shown, or `fit` refuses
        page = run.with_name(f"{run.name}-emoji-96.html")
        show_pretrained(data, page, Protocol(seed=seed, draws=3), device)
        show_weather(run.with_name(f"{run.name}-weather-96.html"), seed, device)
    model = FieldAutoencoder(preset, seed=seed, device=device, changes=changes)
    model.fit(
        data,
        run=run,
        phases=tuple(SHARES),
        resume=resume,
        overwrite=overwrite,
        facts={"command": command_line(), **provenance("emoji", data)},
    )
    opened = OpenedModel(str(run), model, Run.open(run))
    truth = data.split("test").distinct(count)
    page = store(score_model(opened, truth, data, Protocol(seed=seed)), Run.open(run))
    file = run / "report.html"
    write_report(page, file, overwrite=True)
    echo(f"\nReport: {file}", output)
