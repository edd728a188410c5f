"""The command `sample`: fields that nobody has observed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mamba_diffae.cli.options import DeviceOption, OverwriteOption, SeedOption, check_outputs
from mamba_diffae.cli.shell import echo, output, status

if TYPE_CHECKING:
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.evaluation import Novelty
    from mamba_diffae.fields import GridField
    from mamba_diffae.latent import Generated
    from mamba_diffae.training import Run

Flow = Literal["latent", "values"]


def sample(
    run: Annotated[
        Path,
        typer.Option("--run", help="Run folder, or a name such as emoji-96.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="PNG sheet to write; .npz and .json stand beside it.")],
    n: Annotated[int, typer.Option("--n", help="How many.")] = 64,
    size: Annotated[
        int | None,
        typer.Option(min=1, max=8000, help="Pixels a side; default: the native size."),
    ] = None,
    flow: Annotated[
        Flow,
        typer.Option(help="latent: a latent is drawn, then a field from it; values: at once."),
    ] = "latent",
    mean: Annotated[
        bool, typer.Option("--mean", help="The mean of each latent in place of a draw.")
    ] = False,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the solver.")] = 20,
    source: Annotated[
        str | None, typer.Option(help="What it was trained on; default: what the run says.")
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Draw fields from the model alone: a sheet, the arrays, and whether they are new."""
    from mamba_diffae.evaluation import novelty
    from mamba_diffae.latent import generate

    if out.suffix.lower() != ".png":
        raise ValueError(f"--out is {out}; a sheet is written as PNG: give a name that ends so.")
    check_outputs(overwrite, out, out.with_suffix(".npz"), out.with_suffix(".json"))
    if n < 1:
        raise ValueError(f"--n is {n}; ask for 1 field or more.")
    model, truth = _opened(run, source, device, flow)
    for split in ("train", "test"):  # both are wanted in the end: say so before any work
        truth.split(split)
    with status("Drawing …") as tell:
        drawn = generate(
            model,
            n,
            size,
            seed=seed,
            steps=steps,
            flow=flow,
            mean=mean,
            on_progress=lambda done, count: tell(f"Drawing … {done} of {count} fields"),
        )
    found = novelty(drawn.values, truth, mirrored=model.mirrored)
    _write(out, drawn, truth, found, {"flow": flow, "mean": mean, "seed": seed, "steps": steps})
    echo(f"{out}: {n} fields of {drawn.values.shape[1]} × {drawn.values.shape[2]}.", output)
    for sentence in found.sentences():
        echo(f"• {sentence}", output)


def _opened(
    run: Path, source: str | None, device: str, flow: Flow
) -> tuple[FieldAutoencoder, GridField]:
    """The model, and the fields that it was trained on."""
    from mamba_diffae.cli.evaluation_data import evaluation_fields
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.sources import open_field
    from mamba_diffae.training import Run

    model = FieldAutoencoder.from_pretrained(run, device=device)
    if not (run / "run.json").is_file():
        return model, open_field(source or "emoji", size=model.size)
    opened = Run.open(run)
    _check_trained(opened, "latent" if flow == "latent" else "diffusion")
    return model, evaluation_fields(opened, source)[0]


def _check_trained(run: Run, phase: str) -> None:
    """Refuse a run that lacks a phase, and name the command that trains it."""
    from mamba_diffae.models.pretrained import model_class
    from mamba_diffae.training.continuation import finished

    facts = run.facts
    if phase not in model_class(facts["model"]).phases or finished(run, phase):
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


def _write(
    out: Path, drawn: Generated, truth: GridField, found: Novelty, options: dict[str, object]
) -> None:
    """The sheet, and beside it the arrays and what was measured."""
    import numpy as np

    from mamba_diffae.fields.atomic import atomic_file
    from mamba_diffae.report import mosaic, write_png

    known = truth.split("train")
    about = {
        **options,
        "distance": found.new.tolist(),
        "nearest training field": [known.names[i] for i in found.index],
        "distance of the test fields": found.unseen.tolist(),
        "findings": found.sentences(),
    }
    write_png(mosaic(list(truth.scaling.unit(drawn.values))), out)
    with atomic_file(out.with_suffix(".npz")) as temporary:
        np.savez_compressed(temporary, values=drawn.values, latents=drawn.latents)
    with atomic_file(out.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n")
