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
    ModelOption,
    OldRunOption,
    OverwriteOption,
    SeedOption,
    SourceOption,
    StepsOption,
    check_outputs,
    check_png,
)
from mamba_diffae.cli.shell import echo, output, status

if TYPE_CHECKING:
    import numpy as np

    from mamba_diffae.benchmark import ImageGrid, Table
    from mamba_diffae.benchmark.opened_model import OpenedModel
    from mamba_diffae.estimator import FieldAutoencoder
    from mamba_diffae.fields import FieldData
    from mamba_diffae.latent import Directions

EDITS = 5
"""Edits on a sheet, from −amount to amount."""

FieldArgument = Annotated[
    str, typer.Argument(help="Its number in the test split, from 0 on; or a file.")
]
SheetOption = Annotated[Path, typer.Option(help="PNG sheet to write.")]


def interpolate(
    a: FieldArgument,
    b: FieldArgument,
    model: ModelOption,
    out: SheetOption,
    frames: Annotated[int, typer.Option(min=2, help="Fields on each path.")] = 7,
    fraction: FractionOption = 1.0,
    steps: StepsOption = 20,
    source: SourceOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    overwrite: OverwriteOption = False,
    old_run: OldRunOption = None,
) -> None:
    """From one field to another through the latent: a sheet."""
    from mamba_diffae.benchmark.latent_panels import path_grid
    from mamba_diffae.fields import observe
    from mamba_diffae.report import write_animation, write_grid

    moving = out.with_suffix(".webp")
    check_png(out)
    check_outputs(overwrite, out, moving)
    opened, data = _opened(model, source, device)
    ends = [_field(name, data, opened) for name in (a, b)]
    seen = [observe(end, fraction, seed=seed + i) for i, end in enumerate(ends)]
    with status("Interpolating …") as tell:
        grid = path_grid(
            opened.estimator,
            ends,
            seen,
            frames,
            steps=steps,
            seed=seed,
            on_progress=lambda done: tell(f"Interpolating … {done}"),
        )
    write_grid(grid, out)
    write_animation([_column(grid, i) for i in range(frames)], moving)
    echo(f"{out}: {grid.title} in {frames} fields. {grid.caption}", output)
    echo(f"{moving}: the same, moving.", output)


def edit(
    field: FieldArgument,
    model: ModelOption,
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
    old_run: OldRunOption = None,
) -> None:
    """A field with less and more of an attribute: a sheet."""
    import numpy as np

    from mamba_diffae.benchmark.latent_panels import EDIT_LABELS, edit_grid
    from mamba_diffae.fields import observe
    from mamba_diffae.latent import edit as edited
    from mamba_diffae.report import measured_table, write_grid

    if amount == 0 or not math.isfinite(amount):
        raise ValueError(f"--amount is {amount}; give a number other than 0, such as 1.5.")
    check_png(out)
    check_outputs(overwrite, out)
    opened, data = _opened(model, source, device)
    estimator, truth = opened.estimator, _field(field, data, opened)
    directions = _directions(opened, data)
    name = directions.resolve(attribute)
    move, seen = directions.move(name), observe(truth, fraction, seed=seed)
    amounts = [float(x) for x in np.linspace(-amount, amount, EDITS)]
    with status("Editing …"):
        edits = {
            conditioned: np.concatenate(
                [edited(estimator, seen, move, x, condition_on_points=conditioned) for x in amounts]
            )
            for conditioned in EDIT_LABELS
        }
        table = _changes_table(estimator, directions, edits, amount * move, name)
    write_grid(edit_grid(truth, seen, amounts, edits, name), out)
    output.print(measured_table(table))
    _tell_changed(edits, truth, name, amount, directions.counts[name])
    echo(f"Sheet: {out}", output)


def _opened(model: str, source: str | None, device: str) -> tuple[OpenedModel, FieldData]:
    """The model, and the fields whose test split is shown."""
    from mamba_diffae.benchmark.opened_model import OpenedModel

    opened = OpenedModel.open(model, device)
    _ = opened.estimator.latent_dim  # a baseline has none, and says so before any work
    return opened, opened.fields(source)[1]


def _field(name: str, data: FieldData, opened: OpenedModel) -> FieldData:
    """One field on the native grid: of the test split by its number, or the first of a file."""
    import numpy as np

    from mamba_diffae.benchmark.opened_model import one_field

    if name.isdecimal():
        return one_field(data, name)
    return opened.input(Path(name)).at(opened.estimator.grid).take(np.array([0]))


def _column(grid: ImageGrid, i: int) -> ImageGrid:
    """One moment of all paths; what is known at the ends alone stays out."""
    moving = [r for r, row in enumerate(grid.pictures) if all(p is not None for p in row)]
    return replace(
        grid,
        columns=[grid.columns[i]],
        rows=[grid.rows[r] for r in moving],
        pictures=[[grid.pictures[r][i]] for r in moving],
    )


def _directions(opened: OpenedModel, data: FieldData) -> Directions:
    """Kept in the run's folder, if it is one; a model of the package has brought its own."""
    from mamba_diffae.latent import learn_directions
    from mamba_diffae.models.serialization import weights_folder

    with status("Learning directions …") as tell:
        return learn_directions(
            opened.estimator,
            data,
            None if opened.run is None else opened.run.path,
            shipped=weights_folder(opened.name) if opened.run is None else None,
            on_progress=lambda done, count: tell(
                f"Learning directions … {done} of {count} fields encoded"
            ),
        )


def _changes_table(
    model: FieldAutoencoder,
    directions: Directions,
    edits: dict[bool, np.ndarray],
    move: np.ndarray,
    name: str,
) -> Table:
    """Log odds of every attribute before the edit, and how far it took them, the edited first."""
    from mamba_diffae.benchmark import Table
    from mamba_diffae.benchmark.latent_panels import EDIT_LABELS
    from mamba_diffae.latent import attribute_changes

    found = {
        conditioned: {
            change.name: change
            for change in attribute_changes(model, directions, values[EDITS // 2], values[-1], move)
        }
        for conditioned, values in edits.items()
    }
    conditioned, free = found[True], found[False]
    order = sorted(free, key=lambda n: (n != name, -abs(free[n].change)))
    return Table(
        f"What the edit of {name} changed",
        "Log odds of each attribute by a probe. Before: of the reconstruction from the latent "
        "alone, encoded again; latent alone and with points: how far its edit took them, encoded "
        "again; asked: how far the latent itself was moved.",
        ["attribute", "before", EDIT_LABELS[False], EDIT_LABELS[True], "asked"],
        [[n, free[n].before, free[n].change, conditioned[n].change, free[n].asked] for n in order],
    )


def _tell_changed(
    edits: dict[bool, np.ndarray], truth: FieldData, name: str, amount: float, count: int
) -> None:
    from mamba_diffae.benchmark.latent_panels import EDIT_LABELS
    from mamba_diffae.latent import changed_fraction
    from mamba_diffae.latent.editing import VISIBLE

    unit = {label: truth.unit_interval(edits[c]) for c, label in EDIT_LABELS.items()}
    shares = ", ".join(
        f"{changed_fraction(values[EDITS // 2], values[-1]):.0%} {label}"
        for label, values in unit.items()
    )
    echo(
        f"{truth.names[0]}, {name} {amount:+g} ({count} training fields have it). Cells that "
        f"changed by more than {VISIBLE:.0%} of the range: {shares}.",
        output,
    )
