"""The command `predict` for a table of observations: a table of answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from mamba_diffae.cli.shell import echo, output, status

if TYPE_CHECKING:
    from mamba_diffae.cli.draws import Draws
    from mamba_diffae.cli.reading import InputReading

TABLE_ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".pq")
"""Those of `mamba_diffae.fields.tables.TABLES`, known before anything is imported."""


@final
@dataclass(frozen=True)
class TablePrediction:
    """Observations in a table, and where the answer goes.

    Attributes:
        reading: Of the table of observations.
        at: A table of places; None: the cells of the grid.
        out: The table to write.
    """

    reading: InputReading
    at: Path | None
    out: Path

    def check(self, asked: Draws) -> None:
        """Refuse what a table cannot hold.

        Raises:
            ValueError: As said.
        """
        if not is_table_name(self.out):
            raise ValueError(
                f"--out is {self.out}; of a table the answer is one: give a name that ends in .csv "
                "or .parquet."
            )
        if asked.realization is not None:
            raise ValueError(
                f"--realization {asked.realization} is of pictures and .npz files; a table holds "
                "all draws, each in a column: ask for them by --draws."
            )

    def write(self, model: str, device: str, asked: Draws, **options: Any) -> None:
        """Predict, write the table, and say so.

        Args:
            model: Name of the model.
            device: Where to compute.
            asked: Which draws and quantiles.
            options: Others of `FieldAutoencoder.predict`; `size` in place of the targets.

        Raises:
            ValueError: If something does not fit; then nothing is written.
        """
        from mamba_diffae.estimator import FieldAutoencoder
        from mamba_diffae.fields import grid_answer, write_table

        estimator, size = (
            FieldAutoencoder.from_pretrained(model, device=device),
            options.pop("size"),
        )
        if self.at is not None and size is not None:
            raise ValueError("--size is of a grid, and --at names places; give one of them.")
        targets = size if self.at is None else self.at
        given = {"n_draws": asked.count, "quantiles": asked.levels, **options}
        seen = self.reading.table()
        with status("Predicting …"):
            told = estimator.predict(seen, targets, **given)
        if self.at is None:
            told = grid_answer(told, told.grid, estimator.variables)
        told = self.reading.dated(told, seen)
        write_table(told, self.out)
        what = "cells of the grid" if self.at is None else f"places of {self.at}"
        echo(
            f"{self.out}: {', '.join(map(str, told.columns))} at the {len(told)} {what}, from "
            f"{self.reading.file}.",
            output,
        )


def is_table_name(path: Path) -> bool:
    """Whether a file is a table, by the ending of its name."""
    return path.name.lower().endswith(TABLE_ENDINGS)
