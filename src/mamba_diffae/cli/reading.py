"""How a file that is named on the shell is opened, and what is observed of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, final

import typer

from mamba_diffae.cli.table_prediction import is_table_name

if TYPE_CHECKING:
    from pandas import DataFrame

    from mamba_diffae.benchmark.opened_model import OpenedModel
    from mamba_diffae.cli.options import Pattern
    from mamba_diffae.fields import FieldData, Observations

VariableOption = Annotated[
    list[str] | None,
    typer.Option(
        "--variable",
        help="A variable of a NetCDF file or Zarr store, a column of a table; may be repeated.",
    ),
]
SnapshotDimOption = Annotated[
    str | None,
    typer.Option(
        "--snapshot-dim", help="Dimension of the snapshots; of a table the column of times."
    ),
]
NoiseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--noise",
        help="The variable, or column, that holds the standard deviation of the errors; one for "
        "each --variable.",
    ),
]
SupportOption = Annotated[
    list[str] | None,
    typer.Option(
        "--support",
        help="Of a table: sides of the box that a value averages, AXIS=NUMBER or AXIS=COLUMN, one "
        "for each axis; default: values are of points.",
    ),
]
QualityOption = Annotated[
    list[str] | None,
    typer.Option(
        "--quality",
        help="Of a data set: what a value must fulfil, 'quality_level >= 4'; may be repeated.",
    ),
]
CovariateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--covariate",
        help="Of a data set: a variable that is known everywhere, such as elevation; 'season' and "
        "'hour' are made of the times; may be repeated.",
    ),
]
DATASETS = (".nc", ".nc4", ".cdf", ".netcdf", ".zarr")
"""Those of `mamba_diffae.fields.cf.writing`, known before anything is imported."""


def opening_options(
    source: str | Path,
    variables: list[str] | None,
    snapshot_dim: str | None,
    noise: list[str] | None = None,
    quality: list[str] | None = None,
    covariates: list[str] | None = None,
    support: list[str] | None = None,
) -> dict[str, Any]:
    """Options of a table or of another source, as far as they are given.

    Raises:
        ValueError: If a quality or a covariate is given of a table, or noise of unnamed columns; or
            a support of something else, or of no axis.
    """
    given: dict[str, Any] = {"variable": variables, "snapshot_dim": snapshot_dim}
    given |= {"noise": noise, "quality": quality, "covariates": covariates}
    if is_table_name(Path(source)):
        if quality:
            raise ValueError("--quality is of data sets; leave bad rows out of the table.")
        if covariates:
            raise ValueError(
                "--covariate is of data sets: a network learns from covariates that are known "
                "everywhere; leave it out for a table."
            )
        if noise and len(noise) != len(variables or []):
            raise ValueError("Name the columns of values with --variable, one for each --noise.")
        errors = dict(zip(variables or [], noise, strict=True)) if noise else None
        given = {"values": variables, "time": snapshot_dim, "noise": errors}
        given |= {"support": dict(map(_of_axis, support)) if support else None}
    elif support:
        raise ValueError(
            "--support is of tables: a data set says by its cells what a value averages; leave it "
            "out."
        )
    return {name: value for name, value in given.items() if value}


def _of_axis(text: str) -> tuple[str, float | str]:
    """An axis, and a number or the name of a column: "lat=0.5", "lat=width"."""
    axis, equals, side = text.partition("=")
    if not (equals and axis and side):
        raise ValueError(
            f"--support was given {text!r}; expected AXIS=NUMBER or AXIS=COLUMN, such as lat=0.5."
        )
    try:
        return axis, float(side)
    except ValueError:
        return axis, side


def is_dataset_name(path: Path) -> bool:
    """Whether a file is a NetCDF file or a Zarr store, by the ending of its name."""
    return path.suffix.lower() in DATASETS


@final
@dataclass(frozen=True)
class InputReading:
    """A file and what is observed of it.

    Attributes:
        file: A picture, an array file, a data set, or a table.
        fraction: Share of the cells; None: 0.2, of a data set all that is known.
        pattern: Which cells.
        seed: Of the cells.
        options: From `opening_options`.
    """

    file: Path
    fraction: float | None
    pattern: Pattern
    seed: int
    options: dict[str, Any] = field(default_factory=dict)

    def check(self, out: Path, *others: Path | None) -> None:
        """Refuse what a table has none of, and an output that would replace what is read.

        Args:
            out: What is to be written.
            others: Files that are read too.

        Raises:
            ValueError: As said.
        """
        if is_table_name(self.file) and (self.fraction is not None or self.pattern != "random"):
            raise ValueError(
                f"--fraction and --pattern are of whole fields; {self.file} is a table of what was "
                "observed: leave them out."
            )
        for read in filter(None, (self.file, *others)):
            if read.resolve() == out.resolve():
                raise ValueError(f"--out is {out}, which is read as well; give another name.")

    def table(self) -> Path | Observations:
        """The observations of a table; where nothing is said of it, a model finds its columns."""
        if not self.options:
            return self.file
        from mamba_diffae.fields import Observations

        return Observations.from_table(self.file, **self.options)

    def dated(self, told: DataFrame, seen: Path | Observations) -> DataFrame:
        """An answer with the column of snapshots that was named of the table, as it was written.

        Args:
            told: Of the fields, one under the other.
            seen: From `table`.

        Raises:
            TableError: If the answer has a column of that name.
        """
        column = self.options.get("time")
        if column is None or isinstance(seen, Path) or seen.labels is None:
            return told
        from mamba_diffae.fields.tables.answers import with_snapshots
        from mamba_diffae.fields.tables.opening import OpenedTable
        from mamba_diffae.fields.tables.times import as_written

        times = as_written(OpenedTable.of(self.file), column, seen.labels.snapshots)
        return with_snapshots(told, column, times)

    def observed(self, opened: OpenedModel) -> tuple[FieldData, Observations]:
        """The fields of the file as a model takes them, and what is observed of them.

        Raises:
            ValueError: If the file cannot be read, or is of other fields.
        """
        from mamba_diffae.fields import observe

        share = self.fraction
        if share is None:
            share = 1.0 if is_dataset_name(self.file) else 0.2
        truth = opened.input(self.file, self.options)
        return truth, observe(truth, share, pattern=self.pattern, seed=self.seed)
