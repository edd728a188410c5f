"""The commands `interpolate` and `edit`: what the latent is good for, on sheets of pictures."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mamba_diffae.cli.options import (
    DeviceOption,
    FractionOption,
    OverwriteOption,
    SeedOption,
    check_outputs,
)
from mamba_diffae.cli.shell import echo, output, status

if TYPE_CHECKING:
    import numpy as np

    from mamba_diffae.benchmark import ImageGrid, Table
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.fields import GridField
    from mamba_diffae.latent import Directions

EDITS = 5
"""Edits on a sheet, from −amount to amount."""

ModelOption = Annotated[
    Path,
    typer.Option("--run", help="Run folder, or a name such as emoji-96.", show_default=False),
]
FieldArgument = Annotated[
    str, typer.Argument(help="Its number in the test split, from 0 on; or a picture file.")
]
SheetOption = Annotated[Path, typer.Option(help="PNG sheet to write.")]
SourceOption = Annotated[
    str | None, typer.Option(help="What it was trained on; default: what the run says.")
]


def interpolate(
    a: FieldArgument,
    b: FieldArgument,
    run: ModelOption,
    out: SheetOption,
    frames: Annotated[int, typer.Option(min=2, help="Pictures on each path.")] = 7,
    fraction: FractionOption = 1.0,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the solver, for draws.")] = 20,
    source: SourceOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """From one picture to another through the latent: a sheet, and beside it an animation."""
    from mamba_diffae.benchmark.latent_panels import path_grid
    from mamba_diffae.fields import observe
    from mamba_diffae.report import write_animation, write_grid

    moving = out.with_suffix(".webp")
    _check_sheet(overwrite, out, moving)
    model, truth = _opened(run, source, device)
    ends = [_field(name, truth, model, run) for name in (a, b)]
    seen = [observe(end, fraction, seed=seed + i) for i, end in enumerate(ends)]
    with status("Interpolating …") as tell:
        grid = path_grid(
            model,
            ends,
            seen,
            frames,
            steps=steps,
            seed=seed,
            on_progress=lambda done: tell(f"Interpolating … {done}"),
        )
    write_grid(grid, out)
    write_animation([_column(grid, i) for i in range(frames)], moving)
    echo(f"{out}: {grid.title} in {frames} pictures. {grid.caption}", output)
    echo(f"{moving}: the same, moving.", output)


def edit(
    field: FieldArgument,
    run: ModelOption,
    attribute: Annotated[
        str, typer.Option(help="Such as beard, gender=female, skin_tone=dark, skin_tone.")
    ],
    out: SheetOption,
    amount: Annotated[
        float, typer.Option(help="1: as far as the means of the two classes lie apart.")
    ] = 1.5,
    fraction: FractionOption = 0.2,
    source: SourceOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
) -> None:
    """A picture with less and more of an attribute: a sheet, and what else that moved."""
    import numpy as np

    from mamba_diffae.benchmark.latent_panels import EDIT_LABELS, edit_grid
    from mamba_diffae.fields import observe
    from mamba_diffae.latent import edit as edited
    from mamba_diffae.report import measured_table, write_grid

    if amount == 0 or not math.isfinite(amount):
        raise ValueError(f"--amount is {amount}; give a number other than 0, such as 1.5.")
    _check_sheet(overwrite, out)
    model, truth = _opened(run, source, device)
    picture = _field(field, truth, model, run)
    directions = _directions(model, truth, run)
    name = directions.resolve(attribute)
    move = directions.move(name)
    seen = observe(picture, fraction, seed=seed)
    amounts = [float(x) for x in np.linspace(-amount, amount, EDITS)]
    with status("Editing …"):
        edits = {
            conditioned: np.concatenate(
                [edited(model, seen, move, x, held=conditioned) for x in amounts]
            )
            for conditioned in EDIT_LABELS
        }
        table = _moved_table(model, directions, edits, amount * move, name)
    unit = {conditioned: model.scaling.unit(values) for conditioned, values in edits.items()}
    write_grid(edit_grid(picture, seen, amounts, unit, name), out)
    output.print(measured_table(table))
    _tell_share(unit, picture, name, amount, directions.counts[name])
    echo(f"Sheet: {out}", output)


def _check_sheet(overwrite: bool, out: Path, *others: Path) -> None:
    if out.suffix.lower() != ".png":
        raise ValueError(f"--out is {out}; a sheet is written as PNG: give a name that ends so.")
    check_outputs(overwrite, out, *others)


def _opened(run: Path, source: str | None, device: str) -> tuple[FieldAutoencoder, GridField]:
    """The model, and the fields that it was trained on."""
    from mamba_diffae.cli.evaluation_data import evaluation_fields
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.sources import open_field
    from mamba_diffae.training import Run

    model = FieldAutoencoder.from_pretrained(run, device=device)
    _ = model.latent_dim  # a baseline has none, and says so before any work
    if not (run / "run.json").is_file():
        return model, open_field(source or "emoji", size=model.size)
    return model, evaluation_fields(Run.open(run), source)[1]


def _field(name: str, truth: GridField, model: FieldAutoencoder, run: Path) -> GridField:
    """One complete field: of the test split by its number, or a picture of the model's size."""
    from mamba_diffae.cli.evaluation_data import open_picture_for

    if not name.isdecimal():
        return open_picture_for(model, Path(name), run)
    test, number = truth.split("test"), int(name)
    if number >= len(test):
        raise ValueError(
            f"Field {number} was asked, but the test split has {len(test)}; give a number from 0 "
            f"to {len(test) - 1}, or a picture file."
        )
    return test.take(slice(number, number + 1))


def _column(grid: ImageGrid, i: int) -> ImageGrid:
    """One moment of all paths; what is known at the ends alone stays out."""
    moving = [r for r, row in enumerate(grid.pictures) if all(p is not None for p in row)]
    return replace(
        grid,
        columns=[grid.columns[i]],
        rows=[grid.rows[r] for r in moving],
        pictures=[[grid.pictures[r][i]] for r in moving],
    )


def _directions(model: FieldAutoencoder, truth: GridField, run: Path) -> Directions:
    """Kept in the run's folder, if it is one; a model of the package has brought its own."""
    from mamba_diffae.latent import learn_directions
    from mamba_diffae.models.pretrained import weights_folder

    kept = (run / "run.json").is_file()
    with status("Learning directions …") as tell:
        return learn_directions(
            model,
            truth,
            run if kept else None,
            shipped=None if kept else weights_folder(run),
            on_progress=lambda done, count: tell(
                f"Learning directions … {done} of {count} fields encoded"
            ),
        )


def _moved_table(
    model: FieldAutoencoder,
    directions: Directions,
    edits: dict[bool, np.ndarray],
    move: np.ndarray,
    name: str,
) -> Table:
    """Log odds of every attribute before the edit, and how far it took them, the edited first."""
    from mamba_diffae.benchmark import Table
    from mamba_diffae.latent import what_moved

    moved = {
        conditioned: {
            m.name: m for m in what_moved(model, directions, values[EDITS // 2], values[-1], move)
        }
        for conditioned, values in edits.items()
    }
    held, let_go = moved[True], moved[False]
    order = sorted(let_go, key=lambda n: (n != name, -abs(let_go[n].change)))
    return Table(
        f"What the edit of {name} moved",
        "Log odds of each attribute by a probe. Before: of the reconstruction from the latent "
        "alone, encoded again; let go and held: how far its edit moved them, encoded again; "
        "asked: how far the latent itself was moved.",
        ["attribute", "before", "let go", "held", "asked"],
        [[n, let_go[n].before, let_go[n].change, held[n].change, let_go[n].asked] for n in order],
    )


def _tell_share(
    unit: dict[bool, np.ndarray], picture: GridField, name: str, amount: float, count: int
) -> None:
    from mamba_diffae.benchmark.latent_panels import EDIT_LABELS
    from mamba_diffae.latent import moved_share
    from mamba_diffae.latent.editing import VISIBLE

    shares = ", ".join(
        f"{moved_share(values[EDITS // 2], values[-1]):.0%} {EDIT_LABELS[conditioned]}"
        for conditioned, values in unit.items()
    )
    echo(
        f"{picture.names[0]}, {name} {amount:+g} ({count} training fields have it). Pixels that "
        f"moved by more than {VISIBLE:.0%} of the range: {shares}.",
        output,
    )
