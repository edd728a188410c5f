"""A trained model as it is named, its training fields, and fields that are given to it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData, Grid, ShapeError, ValuesError, data_in_units, is_table
from mamba_diffae.fields.cf.writing import NETCDF, ZARR
from mamba_diffae.sources import from_array, open_field, open_picture, picture_data
from mamba_diffae.sources.array_files import array_arguments
from mamba_diffae.sources.covariates import covariates_of
from mamba_diffae.sources.decoding import printable, read_shape
from mamba_diffae.sources.netcdf import opened
from mamba_diffae.sources.pictures import RGB
from mamba_diffae.training import Run

PACKAGED = {"emoji-96": "emoji", "weather-96": "weather:sectors"}
"""Models that come with the package, and what they were trained on."""
RESULTS = Path("runs")
"""Where results of models go that are not in a run folder, each in a folder of its name."""
ARRAYS = {".npy", ".npz"}


@final
@dataclass(frozen=True, eq=False)
class OpenedModel:
    """A trained model.

    Attributes:
        name: As it was given: a run folder, a saved folder, or a name of the package.
        estimator: Fitted.
        run: The run folder, if it is one.
    """

    name: str
    estimator: FieldAutoencoder
    run: Run | None

    @classmethod
    def open(cls, name: str, device: str) -> OpenedModel:
        """Open a model.

        Raises:
            ValueError: As `FieldAutoencoder.from_pretrained`.
        """
        estimator = FieldAutoencoder.from_pretrained(name, device=device)
        return cls(name, estimator, Run.open(name) if is_run(name) else None)

    @property
    def source(self) -> str | None:
        """What it was trained on, where that is known."""
        return PACKAGED.get(self.name) if self.run is None else self.run.facts.get("source")

    def fields(
        self, other: str | None = None, skip_broken: bool = False
    ) -> tuple[FieldData, FieldData]:
        """What it was trained on, and what it is to be scored on.

        Args:
            other: Another source, to be scored on; finer fields are averaged to the native cells,
                those of other units converted, and axes of another order taken in the model's.
                It stands for the training fields too, if it is not known what they were, or they
                cannot be opened any more.
            skip_broken: Skip pictures of the other source that cannot be decoded.

        Raises:
            ValueError: If there is no source at all, units cannot be converted, or as `open_field`.
        """
        known = self._known(other is not None, skip_broken)
        if other is None:
            if known is None:
                raise ValueError(
                    f"{self.name} does not say on what it was trained; name the source of its "
                    "fields with --source."
                )
            return known, known
        fields, most = open_field(other, skip_broken=skip_broken), max(self.estimator.grid.shape)
        fields = open_field(fields, size=min(max(fields.shape), most))
        fields = self._as_ours(fields, f"{other}:")
        return known or fields, fields

    def _known(self, moved: bool, skip_broken: bool) -> FieldData | None:
        """The training fields; None if they are not known, or moved and another source is given."""
        if self.source is None:
            return None
        if is_table(self.source):
            raise ValueError(
                f"{self.name} was trained on the stations of {self.source}, of which no whole "
                f"field is known; score it with: mamba-diffae verify TABLE --model {self.name}."
            )
        facts = {} if self.run is None else self.run.facts
        broken, shape = facts.get("skip_broken", False) or skip_broken, self.estimator.grid.shape
        options = facts.get("source_options", {})
        try:
            return open_field(self.source, size=shape, skip_broken=broken, **options)
        except (ValueError, OSError) as error:
            if not moved:
                hint = "If it was moved, name it with --source."
                raise ValueError(f"{error} {self.name} was trained on that. {hint}") from error
            warnings.warn(
                f"{self.source}, which {self.name} was trained on, cannot be opened; the source "
                "that was given stands for it.",
                stacklevel=3,
            )
            return None

    def input(self, file: Path, options: Mapping[str, Any] | None = None) -> FieldData:
        """The fields of a file as the model takes them.

        Args:
            file: A picture, of which the central part of the model's aspect is taken, at its own
                pixels if these are fewer than the model's cells; an array file, whose numbers are
                in the units of the model's variables, of several fields or of one; or a NetCDF
                file or Zarr store.
            options: Of `open_field`, for the last of these.

        Raises:
            ValueError: If it cannot be read, is too small, or the model is of other fields.
        """
        if file.suffix.lower() in ARRAYS:
            return self._arrays(file)
        if file.suffix.lower() in (*NETCDF, ZARR):
            return self._dataset(file, options or {})
        return self._picture(file)

    def _picture(self, file: Path) -> FieldData:
        """The central part of a picture, at the model's cells or, if it has fewer, at its own."""
        variables, grid = self.estimator.variables, self.estimator.grid
        if grid.dim != 2 or [v.limits for v in variables] != [v.limits for v in RGB]:
            told = ", ".join(f"{v.name} from {v.limits[0]:g} to {v.limits[1]:g}" for v in variables)
            raise ValuesError(
                f"{self.name} was trained on {len(variables)} variables ({told}) on the axes "
                f"{', '.join(grid.names)}, not on colour pictures (three of 0 to 255); give its "
                "fields as a .npy or .npz file."
            )
        found = read_shape(file, printable(file))
        share = min(1.0, *(n / m for n, m in zip(found, grid.shape, strict=True)))
        shape = tuple(int(share * m + 1e-9) for m in grid.shape)
        if min(shape) < 2:
            raise ShapeError(
                f"{printable(file)} is {' × '.join(map(str, found))} pixels (rows × columns), too "
                "few for a field; give a picture of 2 × 2 or more."
            )
        picture = picture_data(open_picture(file, shape)[None], names=[file.stem])
        return replace(picture, grid=grid.regrid(shape))

    def _arrays(self, file: Path) -> FieldData:
        """The fields of an array, or one field without an axis of snapshots."""
        ours, variables = self.estimator.grid, self.estimator.variables
        given, count = array_arguments(file), len(variables)
        mask = given.get("mask")
        if _is_one_field(given["values"].shape, ours.dim, count):
            given["values"] = given["values"][None]
            if mask is not None and mask.ndim > ours.dim:
                given["mask"] = mask[None]
        shape = given["values"].shape
        of, last = ", ".join(ours.names), f", {count}" if count > 1 else ""
        if len(shape) not in (ours.dim + 1, ours.dim + 2) or (*shape, 1)[ours.dim + 1] != count:
            raise ShapeError(
                f"{file} has the shape {shape}, but {self.name} was trained on {count} "
                f"variable{'s' if count > 1 else ''} ({', '.join(v.name for v in variables)}) on "
                f"{of}; give an array (S, {of}{last}) of S fields, or ({of}{last}) of one."
            )
        cells = shape[1 : ours.dim + 1]
        if min(cells) < 2:
            raise ShapeError(
                f"{file} holds fields of {' × '.join(map(str, cells))} cells ({of}); a field "
                "varies along each of its axes: give two cells or more along each."
            )
        # An array without coordinates lies where the model's fields do.
        default, there = Grid.default(cells).axes, ours.regrid(cells)
        given = {"axes": there, **given, "variables": variables}
        data = from_array(what=str(file), **given)
        if data.grid.axes == default:  # axes that are named, without coordinates
            data = replace(data, grid=replace(there, mask=data.grid.mask))
        return data

    def _dataset(self, file: Path, options: Mapping[str, Any]) -> FieldData:
        """The model's variables of a data set, in its units and the order of its axes."""
        ours = self.estimator.variables
        if "variable" not in options:
            self._check_names(file)
        named = {"variable": [variable.name for variable in ours], **options}
        named |= self._covariates(file)
        data, names = open_field(file, **named), self.estimator.grid.names
        if sorted(data.grid.names) != sorted(names) or data.n_variables != len(ours):
            raise ShapeError(
                f"{file} holds {', '.join(v.name for v in data.variables)} on the axes "
                f"{', '.join(data.grid.names)}, but {self.name} was trained on "
                f"{', '.join(v.name for v in ours)} on {', '.join(names)}."
            )
        return self._as_ours(data, f"{file}:")

    def _check_names(self, file: Path) -> None:
        """Refuse a data set that lacks a variable of the model, and say what can be done."""
        ours = [variable.name for variable in self.estimator.variables]
        with opened(file) as dataset:
            known, listed = set(map(str, dataset.variables)), list(map(str, dataset.data_vars))
        lacking = [name for name in ours if name not in known]
        if not lacking:
            return
        has = ", ".join(listed) or "no variables"
        if there := [name for name in ours if name in known]:
            raise ShapeError(
                f"{file} holds {has}, but not {', '.join(lacking)}, which {self.name} was trained "
                f"on beside {', '.join(there)}; add it to the file. Without it a table of readings "
                "can be given on the shell: mamba-diffae predict TABLE "
                f"{' '.join(f'--variable {name}' for name in there)}."
            )
        raise ShapeError(
            f"{file} holds {has}, but {self.name} was trained on {', '.join(ours)}; give a file in "
            "which they have these names (of xarray: dataset.rename)."
        )

    def _as_ours(self, data: FieldData, what: str) -> FieldData:
        """Fields in the model's units, with its limits and in the order of its axes.

        Variables of other names stay as they are, and axes too.
        """
        ours, axes = self.estimator.variables, self.estimator.grid.axes
        if [v.name for v in data.variables] != [v.name for v in ours]:
            return data
        names, found = self.estimator.grid.names, data.grid.names
        if sorted(found) != sorted(names):
            return data_in_units(data, ours, data.grid.axes, what)
        data = data.transpose([found.index(name) for name in names])
        return data_in_units(data, ours, axes, what)

    def _covariates(self, file: Path) -> dict[str, list[str]]:
        """The option that reads those covariates of the model that a data set holds.

        What is the same for all snapshots the model has kept.
        """
        known = self.estimator.fitted.scaler.covariates
        if known is None or not known.varying:
            return {}
        with opened(file) as dataset:
            found = covariates_of(dataset, known.varying)
        return {"covariates": found} if found else {}


def _is_one_field(shape: tuple[int, ...], dim: int, count: int) -> bool:
    """Whether an array lacks the axis of snapshots: which else it could be, no model takes.

    >>> _is_one_field((40, 60, 3), 2, 3), _is_one_field((5, 40, 60), 2, 1)
    (True, False)
    """
    return len(shape) == dim + (count > 1) and (count == 1 or shape[-1] == count)


def is_run(name: str | Path) -> bool:
    """Whether a model is named by its run folder."""
    return (Path(name) / "run.json").is_file()


def result_folder(name: str) -> Path:
    """Where the result of a model's evaluation is kept, unless another folder is given."""
    return Path(name) if is_run(name) else RESULTS / Path(name).name


def one_field(data: FieldData, number: str) -> FieldData:
    """One field of the test split by its number, from 0 on."""
    test, i = data.split("test"), int(number)
    if i >= len(test):
        raise ValueError(
            f"Field {i} was asked, but the test split has {len(test)}; give a number from 0 to "
            f"{len(test) - 1}, or a file."
        )
    return test.take(np.array([i]))
