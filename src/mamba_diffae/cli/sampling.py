"""The command `sample`: fields that nobody has observed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mamba_diffae.cli.options import (
    DeviceOption,
    ModelOption,
    OldRunOption,
    OverwriteOption,
    SeedOption,
    SourceOption,
    StepsOption,
    TargetSizeOption,
    check_outputs,
    check_png,
)
from mamba_diffae.cli.shell import echo, output, status

if TYPE_CHECKING:
    from mamba_diffae.benchmark.opened_model import OpenedModel
    from mamba_diffae.evaluation import Novelty
    from mamba_diffae.fields import FieldData, Grid
    from mamba_diffae.latent import Generated
    from mamba_diffae.training import Run

Flow = Literal["latent", "values"]


def sample(
    model: ModelOption,
    out: Annotated[Path, typer.Option(help="PNG sheet to write; .npz and .json stand beside it.")],
    n: Annotated[int, typer.Option("--n", help="How many.")] = 64,
    size: TargetSizeOption = None,
    flow: Annotated[
        Flow,
        typer.Option(
            help="latent: a latent is drawn, then a field from it; values: at once, by phase flow."
        ),
    ] = "latent",
    mean: Annotated[
        bool, typer.Option("--mean", help="The mean of each latent in place of a draw.")
    ] = False,
    steps: StepsOption = 20,
    source: SourceOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
    old_run: OldRunOption = None,
) -> None:
    """Sample fields from the model alone: a sheet of them."""
    from mamba_diffae.benchmark.opened_model import OpenedModel
    from mamba_diffae.evaluation import novelty
    from mamba_diffae.fields import target_grid
    from mamba_diffae.latent import sample as sampled

    check_png(out)
    check_outputs(overwrite, out, out.with_suffix(".npz"), out.with_suffix(".json"))
    if n < 1:
        raise ValueError(f"--n is {n}; ask for 1 field or more.")
    opened = OpenedModel.open(model, device)
    if opened.run is not None:
        _check_trained(opened.run, "latent" if flow == "latent" else "flow")
    known = opened.fields(source)[0]
    for split in ("train", "test"):  # both are wanted in the end: say so before any work
        known.split(split)
    with status("Sampling …") as tell:
        drawn = sampled(
            opened.estimator,
            n,
            size,
            seed=seed,
            steps=steps,
            flow=flow,
            mean=mean,
            on_progress=lambda done, count: tell(f"Sampling … {done} of {count} fields"),
        )
    found = novelty(drawn.values, known, mirrored=opened.estimator.mirrored)
    options = {"flow": flow, "mean": mean, "seed": seed, "steps": steps}
    grid = target_grid(size, opened.estimator.grid)
    _write_sheet(opened, drawn, grid, out)
    _write_numbers(drawn, known, found, options, out)
    echo(f"{out}: {n} fields of {grid.describe_shape()}.", output)
    for sentence in found.sentences():
        echo(f"• {sentence}", output)


def _check_trained(run: Run, phase: str) -> None:
    """Refuse a run that lacks a phase, and name the command that trains it."""
    from mamba_diffae.models.registry import ARCHITECTURES
    from mamba_diffae.training.resume import finished

    facts = run.facts
    if phase not in ARCHITECTURES.get(facts["architecture"]).phases or finished(run, phase):
        return
    command = facts.get("command", "")
    if not command.startswith("mamba-diffae fit"):
        command = (
            f"mamba-diffae fit {facts.get('source', 'SOURCE')} --preset {facts['preset']} "
            f"--seed {facts['seed']} --run {run.path}"
        )
    raise ValueError(
        f"The run {run.path} has not finished phase {phase!r}; train it: {command} --phase {phase} "
        "(and --resume if it was begun)."
    )


def _write_sheet(opened: OpenedModel, drawn: Generated, grid: Grid, out: Path) -> None:
    from mamba_diffae.benchmark.painters import painter_of
    from mamba_diffae.benchmark.painting import Shown
    from mamba_diffae.report import mosaic, write_png

    painter = painter_of(opened.estimator.variables, grid)
    write_png(mosaic([p for v in drawn.values for p in painter.paint(Shown(v, grid))]), out)


def _write_numbers(
    drawn: Generated, data: FieldData, found: Novelty, options: dict[str, object], out: Path
) -> None:
    """The arrays, and what was measured."""
    import numpy as np

    from mamba_diffae.fields.atomic import atomic_file
    from mamba_diffae.fields.plain_json import plain_json

    known = data.split("train")
    about = {
        **options,
        "distance": found.new.tolist(),
        "nearest training field": [known.names[i] for i in found.index],
        "distance of the test fields": found.unseen.tolist(),
        "findings": found.sentences(),
    }
    with atomic_file(out.with_suffix(".npz")) as temporary:
        np.savez_compressed(temporary, values=drawn.values, latents=drawn.latents)
    with atomic_file(out.with_suffix(".json")) as temporary:
        temporary.write_text(plain_json(about), encoding="utf-8")
