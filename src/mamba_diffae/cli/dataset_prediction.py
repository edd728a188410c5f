"""The command `predict` where the answer is a data set: a NetCDF file or a Zarr store."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from mamba_diffae.cli.draws import Draws
from mamba_diffae.cli.reading import InputReading
from mamba_diffae.cli.shell import echo, output
from mamba_diffae.cli.table_prediction import is_table_name


@final
@dataclass(frozen=True)
class DatasetPrediction:
    """Observations, and the data set to write.

    Attributes:
        reading: Of the observations.
        like: A data set whose grid the answer has; None: the native grid of the model, or a size.
        at: A table of places, which a data set has none of.
        out: The data set to write.
    """

    reading: InputReading
    like: Path | None
    at: Path | None
    out: Path

    def check(self, asked: Draws, seed: int, solver: str | None, steps: int | None) -> None:
        """Refuse what a data set cannot hold.

        Raises:
            ValueError: As said.
        """
        if self.at is not None:
            raise ValueError(
                f"--at names places, which are answered by a table; end --out, now {self.out}, in "
                ".csv or .parquet."
            )
        if asked.realization is not None:
            raise ValueError(
                f"--realization {asked.realization} is of pictures and .npz files; a data set "
                "holds all draws along realization: ask for them by --draws."
            )
        if solver is not None or steps is not None:
            raise ValueError(
                "--solver and --steps are of pictures, tables and .npz files; leave them out for a "
                "data set."
            )
        asked.made(seed)

    def write(
        self,
        model: str,
        device: str,
        asked: Draws,
        size: int | None,
        decoder_inputs: str | None,
        *,
        overwrite: bool,
        seed: int,
    ) -> None:
        """Render the data set, and say so.

        Args:
            model: Name of the model.
            device: Where to compute.
            asked: Which draws and quantiles.
            size: Cells along the longest axis.
            decoder_inputs: Must be the default.
            overwrite: Replace what stands there.
            seed: Of the draws.

        Raises:
            ValueError: If something does not fit; then nothing is written.
        """
        from mamba_diffae.benchmark.opened_model import OpenedModel
        from mamba_diffae.estimator import render

        if self.like is not None and size is not None:
            raise ValueError("--size and --like both name a grid; give one of them.")
        if decoder_inputs is not None:
            raise ValueError("--decoder-inputs is of other answers than data sets; leave it out.")
        opened = OpenedModel.open(model, device)
        seen = self._seen(opened)
        with self._targets(size) as targets:
            render(
                opened.estimator,
                seen,
                targets,
                self.out,
                asked.count,
                quantiles=asked.levels,
                seed=seed,
                overwrite=overwrite,
            )
        what = "mean" if not asked.count else f"mean and {asked.count} draws"
        echo(f"{self.out}: {what}, from {self.reading.file}.", output)

    def _seen(self, opened: Any) -> Any:
        """What was observed: a table as it is."""
        if is_table_name(self.reading.file):
            return self.reading.table()
        return self.reading.observed(opened)[1]

    def _targets(self, size: int | None) -> Any:
        """The grid, as a context that keeps its file open."""
        if self.like is None:
            return nullcontext(size)
        from mamba_diffae.sources.netcdf import opened

        return opened(self.like)
