"""The commands. Heavy imports wait until a command needs them: --help must not wait for torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from mamba_diffae.cli.latent import edit, interpolate
from mamba_diffae.cli.options import (
    Context,
    DeviceOption,
    FractionOption,
    OverwriteOption,
    PatternOption,
    ResumeOption,
    RunOption,
    ScalesOption,
    SeedOption,
    SizeOption,
    SkipOption,
    check_outputs,
    parse_scales,
    parse_settings,
)
from mamba_diffae.cli.sampling import sample
from mamba_diffae.cli.shell import CommandGroup, echo, output, status
from mamba_diffae.cli.study import experiment

app = typer.Typer(
    name="mamba-diffae",
    cls=CommandGroup,
    help="Scattered observations in; a semantic latent and the whole field at any resolution out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def fit(
    source: Annotated[
        str,
        typer.Argument(
            help="'emoji', cifar10:DIR, stl10:DIR, hf:NAME, an image folder, a .npy or .npz file."
        ),
    ],
    run: RunOption,
    model: Annotated[
        str, typer.Option(help="autoencoder, mamba-diffusion or minimal-latent.")
    ] = "autoencoder",
    preset: Annotated[str, typer.Option(help="Sizes: small, base, tiny or paper.")] = "small",
    phase: Annotated[
        str,
        typer.Option(
            help="autoencoder, diffusion or latent, several with commas, or all that the model has."
        ),
    ] = "all",
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A setting, a.b=c: --set model.d_model=64 --set autoencoder.steps=100"
        ),
    ] = None,
    native_size: SizeOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    skip_broken: SkipOption = False,
) -> None:
    """Train on SOURCE into a run folder, phase after phase."""
    from mamba_diffae.cli.evaluation_data import command_line, origin
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.sources import open_field

    changes = parse_settings(set_ or [])
    truth = open_field(source, size=native_size, skip_broken=skip_broken)
    estimator = FieldAutoencoder(preset, model=model, seed=seed, device=device, changes=changes)
    counts = ", ".join(f"{int((truth.splits == s).sum())} {s}" for s in ("train", "val", "test"))
    echo(f"{len(truth)} fields of {truth.size} × {truth.size} × {truth.channels}: {counts}.")
    estimator.fit(
        truth,
        run=run,
        phases=None if phase == "all" else [name.strip() for name in phase.split(",")],
        resume=resume,
        overwrite=overwrite,
        facts={"command": command_line(), **origin(source, truth, skip_broken)},
    )
    echo(f"Done: {run}. Next: mamba-diffae evaluate --run {run}")


@app.command()
def evaluate(
    run: RunOption,
    source: Annotated[
        str | None, typer.Option(help="Judge on another source's test split.")
    ] = None,
    scales: ScalesOption = None,
    fraction: FractionOption = 0.2,
    pattern: PatternOption = "random",
    count: Annotated[
        int | None,
        typer.Option(min=1, help="Judge on so many test fields of distinct bases; default: all."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the scores here.")
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
    skip_broken: SkipOption = False,
) -> None:
    """Score a run beside the classical methods, on the same observations of unseen fields."""
    from mamba_diffae.benchmark import Protocol
    from mamba_diffae.cli.evaluation_data import evaluation_fields, score_run, store
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.training import Run

    opened = Run.open(run)
    check_outputs(overwrite, json_file, run / "result.json")
    model = FieldAutoencoder.from_pretrained(run, device=device)
    known, judged = evaluation_fields(opened, source, skip_broken)
    truth = judged.split("test")
    protocol = Protocol(parse_scales(scales, truth.size), fraction, pattern, seed)
    result = score_run(
        model, truth if count is None else truth.distinct(count), known, protocol, opened
    )
    store(result, opened, json_file)


@app.command()
def predict(
    run: RunOption,
    input_file: Annotated[
        Path, typer.Option("--input", help="A picture; a share of it is observed.")
    ],
    out: Annotated[Path, typer.Option(help="PNG file to write.")],
    fraction: FractionOption = 0.2,
    pattern: PatternOption = "random",
    size: Annotated[
        int | None,
        typer.Option(min=1, max=8000, help="Pixels a side; default: the native size."),
    ] = None,
    context: Annotated[Context | None, typer.Option(help="What the decoder reads.")] = None,
    draw: Annotated[
        bool, typer.Option("--draw", help="One random draw in place of the mean.")
    ] = False,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the solver, for a draw.")] = 20,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """Observe a share of a picture, and write the whole of it at any size."""
    import numpy as np
    from PIL import Image

    from mamba_diffae.cli.evaluation_data import open_picture_for
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.fields import observe
    from mamba_diffae.fields.atomic import atomic_file

    check_outputs(overwrite, out)
    if out.suffix.lower() != ".png":
        raise ValueError(
            f"--out is {out}; a picture is written as PNG: give a name that ends in .png."
        )
    model = FieldAutoencoder.from_pretrained(run, device=device)
    truth = open_picture_for(model, input_file, run)
    seen = observe(truth, fraction, pattern=pattern, seed=seed)
    with status("Predicting …"):
        prediction = model.predict(
            seen, size, n_samples=int(draw), context=context, seed=seed, steps=steps
        )
    values = prediction.sample[0, 0] if draw else prediction.mean[0]
    pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    with atomic_file(out) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")
    what = (
        f"a draw ({prediction.evaluations} network evaluations)" if draw else "the posterior mean"
    )
    echo(
        f"{out}: {what} at {pixels.shape[1]} × {pixels.shape[0]} from {seen.coords.shape[1]} of "
        f"{seen.cells}² cells.",
        output,
    )


@app.command()
def report(
    run: RunOption,
    out: Annotated[
        Path | None, typer.Option(help="Page to write; default: report.html in the run.")
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write the result of a run's last evaluation as one HTML page."""
    from mamba_diffae.benchmark import load_page
    from mamba_diffae.report import write_report
    from mamba_diffae.training import Run

    opened = Run.open(run)
    page = out or opened.path / "report.html"
    check_outputs(overwrite, page)
    write_report(load_page(run), page, overwrite=overwrite)
    echo(f"Report: {page}", output)


@app.command()
def demo(
    run: Annotated[Path, typer.Option("--run", help="Run folder.")] = Path("runs/demo"),
    minutes: Annotated[
        float,
        typer.Option(
            help="Training time at most: 3/4 for phase 1, 1/4 for phase 2. The latents, encoded "
            "once, get 1/16 on top."
        ),
    ] = 4,
    count: Annotated[int, typer.Option(min=1, help="Test pictures, of distinct bases.")] = 64,
    preset: Annotated[str, typer.Option(help="Sizes: small, base, tiny or paper.")] = "small",
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """The main job: show the model of the package, then train a small one, judge it, report."""
    from mamba_diffae.benchmark import Protocol
    from mamba_diffae.cli.evaluation_data import (
        command_line,
        origin,
        score_run,
        show_pretrained,
        store,
    )
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.report import write_report
    from mamba_diffae.sources import open_field
    from mamba_diffae.training import Run

    truth = open_field("emoji")
    shares = {"autoencoder": 3 / 4, "diffusion": 1 / 4, "latent": 1 / 16}
    budget = {phase: {"minutes": share * minutes} for phase, share in shares.items()}
    budget["data"] = {"encodings": 1}
    echo(
        f"{len(truth)} pictures of 96 × 96 pixels. From 20 % of the 32 × 32 averages of pictures "
        "it has not seen, a network writes the whole picture. First the one that comes with the "
        f"package; then a small one is trained, in {minutes:g} minutes at most.",
        output,
    )
    if overwrite or not (run / "run.json").is_file():  # else it was shown, or `fit` refuses
        page = run.with_name(f"{run.name}-emoji-96.html")
        show_pretrained(truth, page, Protocol(seed=seed, draws=3), device)
    model = FieldAutoencoder(preset, seed=seed, device=device, changes=budget)
    model.fit(
        truth,
        run=run,
        resume=resume,
        overwrite=overwrite,
        facts={"command": command_line(), **origin("emoji", truth)},
    )
    opened = Run.open(run)
    result = score_run(
        model, truth.split("test").distinct(count), truth, Protocol(seed=seed), opened
    )
    store(result, opened)
    page = opened.path / "report.html"
    write_report(result, page, overwrite=True)
    echo(f"\nReport: {page}", output)


app.command()(experiment)
app.command()(sample)
app.command()(interpolate)
app.command()(edit)


def main() -> None:
    """Run the shell."""
    # Torch's threads wait for one another by spinning, and steal the cores where something else
    # runs: eight times slower beside one busy process. A short spin costs an idle machine nothing.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # to be set before torch is imported
    app()
