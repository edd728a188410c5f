"""Readings of which some are withheld: values of cells of fields, or of stations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import final

import numpy as np
import torch

from mamba_diffae.evaluation.baselines import Space
from mamba_diffae.fields import (
    LATTICE_LIMIT,
    FieldData,
    Grid,
    Labels,
    Observations,
    Variable,
    observe,
)
from mamba_diffae.fields.frame import correlation_length
from mamba_diffae.training.data.binning import averages_on, cells_of

_CELLS_PER_POINT = 2
"""Cells of the lattice on which the correlation of stations is estimated."""


class Readings(ABC):
    """N readings of C variables in each of S snapshots, in the units of the variables.

    Attributes:
        variables: C of them.
        grid: Over the region, axes as the model has them.
        names: Of the snapshots.
        groups: Of the snapshots, see `FieldData`.
        splits: Of the snapshots.
        values: Shape (S, N, C); 0 where nothing is known.
        known: Where there is a reading, shape (S, N, C), bool.
        weight: What each place counts, shape (N,).
        coords: Physical places, shape (S, N, D).
        place: Number of the place of each reading, shape (S, N), from 0 on; -1 for none.
        places: Their coordinates, shape (places, D).
        station: Number of the station of each place, shape (places,), from 0 on; -1: it is none.
        exists: Which variables there may be at each place, shape (places, C), bool.
        noise: Standard deviation of the error, shape (S, N, C), or None: not stated.
    """

    variables: tuple[Variable, ...]
    grid: Grid
    names: Sequence[str]
    groups: np.ndarray
    splits: np.ndarray
    values: np.ndarray
    known: np.ndarray
    weight: np.ndarray
    coords: np.ndarray
    place: np.ndarray
    places: np.ndarray
    station: np.ndarray
    exists: np.ndarray
    noise: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    @abstractmethod
    def observations(self, rows: np.ndarray, given: np.ndarray) -> Observations:
        """What is given of some snapshots, with names.

        Args:
            rows: Which snapshots, shape (B,).
            given: Which readings, shape (B, N, C); at least one of each snapshot.
        """

    @abstractmethod
    def training(self, rows: np.ndarray, given: np.ndarray) -> FieldData:
        """What the simple methods learn from: fields with gaps; arguments as `observations`."""

    @abstractmethod
    def asked(self, rows: np.ndarray, wanted: np.ndarray) -> tuple[Grid | np.ndarray, np.ndarray]:
        """Where methods are asked for some readings of some snapshots.

        Args:
            rows: Which snapshots, shape (B,).
            wanted: Which readings, shape (B, N), bool.

        Returns:
            Targets, and the number among them of each reading, shape (B, N).
        """

    @abstractmethod
    def correlation_lengths(self) -> tuple[float, ...]:
        """Correlation length along each axis, in its unit."""

    @cached_property
    def space(self) -> Space:
        """The coordinates in which distances are taken."""
        every = np.arange(len(self))
        return Space.of_data(self.training(every, self.known))

    @property
    def distance_unit(self) -> str:
        """Unit of distances: that of the last axis; on the sphere degrees along a great circle."""
        axis = self.grid.axes[-1]
        return "degrees" if axis.is_longitude or axis.is_latitude else axis.unit

    @property
    def labels(self) -> Labels:
        """Names of axes and variables, by which a model finds its own."""
        return Labels(self.grid.names, tuple(variable.name for variable in self.variables))

    def gaps(self, row: int) -> np.ndarray:
        """Where a snapshot has no reading that there may be, shape (places, C), bool."""
        present = np.zeros_like(self.exists)
        here = self.place[row] >= 0
        np.logical_or.at(present, self.place[row, here], self.known[row, here])
        return self.exists & ~present


@final
class GriddedReadings(Readings):
    """Values of the cells of fields; what is given of them is observed as averages over a lattice.

    Args:
        data: S fields, with gaps or without.
    """

    def __init__(self, data: FieldData) -> None:
        self.data, self.grid, self.variables = data, data.grid, tuple(data.variables)
        self.names, self.groups, self.splits = data.names, data.groups, data.splits
        flat = len(data), data.grid.cells, data.n_variables
        self.values, self.known = data.values.reshape(flat), data.valid_mask().reshape(flat)
        self.noise = None if data.noise is None else data.noise.reshape(flat)
        self.weight, every = data.grid.weights().ravel(), (len(data), data.grid.cells)
        self.places = data.grid.centres()
        self.coords = np.broadcast_to(self.places, (*every, data.grid.dim))
        self.place = np.broadcast_to(np.arange(data.grid.cells), every)
        self.station = self._stations()
        exists = data.grid.exists.reshape(-1, 1)
        self.exists = np.broadcast_to(exists, (data.grid.cells, data.n_variables))

    def _stations(self) -> np.ndarray:
        """A station is a cell of the observed lattice, shape (N,)."""
        lattice = self.grid.regrid(self.grid.lattice_shape(LATTICE_LIMIT))
        cells, here = cells_of(lattice, self.places), self.grid.exists.ravel()
        found = np.full(len(cells), -1)
        found[here] = np.unique(cells[here], return_inverse=True)[1]
        return found

    def observations(self, rows: np.ndarray, given: np.ndarray) -> Observations:
        """See `Readings.observations`: all cells of the lattice that have a known part."""
        return observe(self.left(rows, given), 1.0).replace(labels=self.labels)

    def left(self, rows: np.ndarray, given: np.ndarray) -> FieldData:
        """Snapshots with gaps where nothing is given; one may lack a variable altogether."""
        valid = given.reshape(len(rows), *self.grid.shape, len(self.variables))
        taken = self.data.take(rows)
        return taken._with(values=np.where(valid, taken.values, 0), valid=valid)

    def training(self, rows: np.ndarray, given: np.ndarray) -> FieldData:
        """See `Readings.training`."""
        taken = self.left(rows, given)
        return FieldData(
            self.variables,
            self.grid,
            taken.values,
            taken.valid,
            taken.names,
            taken.groups,
            np.where(taken.splits == "val", "val", "train"),
            mirrored=self.data.mirrored,
        )

    def asked(self, rows: np.ndarray, wanted: np.ndarray) -> tuple[Grid | np.ndarray, np.ndarray]:
        """See `Readings.asked`: the grid, whose cells are the readings."""
        return self.grid, self.place[rows]

    def correlation_lengths(self) -> tuple[float, ...]:
        """See `Readings.correlation_lengths`."""
        return tuple(correlation_length(self.data, d) for d in range(self.grid.dim))


@final
class StationReadings(Readings):
    """Readings at scattered places, which may be others in every snapshot.

    Args:
        observations: Of S snapshots, axes as the grid has them.
        grid: Over the region.
        variables: C of them.
        names: Of the snapshots.
    """

    def __init__(
        self,
        observations: Observations,
        grid: Grid,
        variables: Sequence[Variable],
        names: Sequence[str],
    ) -> None:
        seen = observations.replace(labels=None)
        self.seen, self.grid, self.variables, self.names = seen, grid, tuple(variables), names
        self.groups, self.splits = np.arange(len(seen)), np.full(len(seen), "train")
        self.values, self.known = seen.values.numpy(), seen.mask.numpy()
        self.weight = np.ones(self.values.shape[1])
        self.noise = None if seen.noise is None else seen.noise.numpy()
        self.coords = seen.coords.numpy()
        self.place, self.places = self._places()
        self.station = np.arange(len(self.places))
        self.exists = self._ever()

    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """Equal coordinates are one place: numbers (S, N), and coordinates (places, D)."""
        present = self.known.any(axis=-1)
        numbers = np.full(present.shape, -1)
        places, index = np.unique(self.coords[present] + 0.0, axis=0, return_inverse=True)
        numbers[present] = index.ravel()
        return numbers, places

    def _ever(self) -> np.ndarray:
        """What was read at a place in any snapshot, shape (places, C)."""
        here = self.place >= 0
        found = np.zeros((len(self.places), len(self.variables)), dtype=bool)
        np.logical_or.at(found, self.place[here], self.known[here])
        return found

    def observations(self, rows: np.ndarray, given: np.ndarray) -> Observations:
        """See `Readings.observations`; readings that are not given leave no trace."""
        some = self.seen[rows].replace(mask=torch.from_numpy(given))
        return Observations.stack(some.fields()).replace(labels=self.labels)

    def training(self, rows: np.ndarray, given: np.ndarray) -> FieldData:
        """See `Readings.training`: averages in cells of about the observed lattice."""
        lattice = self.grid.regrid(self.grid.lattice_shape(LATTICE_LIMIT))
        return self._binned(Grid(lattice.axes), rows, given)

    def _binned(self, grid: Grid, rows: np.ndarray, given: np.ndarray) -> FieldData:
        cells = torch.from_numpy(cells_of(grid, self.coords[rows]))
        values, weight = self.seen.values[rows], torch.from_numpy(given).double()
        mean, count = averages_on(cells, values, weight, grid.cells)
        shape = (len(rows), *grid.shape, len(self.variables))
        known = (count > 0).reshape(shape).numpy()
        return FieldData(self.variables, grid, mean.reshape(shape).numpy(), known)

    def asked(self, rows: np.ndarray, wanted: np.ndarray) -> tuple[Grid | np.ndarray, np.ndarray]:
        """See `Readings.asked`: the places of those readings."""
        numbers, first, index = np.unique(
            self.place[rows][wanted], return_index=True, return_inverse=True
        )
        columns = np.zeros(wanted.shape, dtype=np.int64)
        columns[wanted] = index
        return self.coords[rows][wanted][first].reshape(len(numbers), -1), columns

    def correlation_lengths(self) -> tuple[float, ...]:
        """See `Readings.correlation_lengths`: of averages in coarse cells."""
        most = _CELLS_PER_POINT * int(self.seen.counts.max())
        shape = np.minimum(np.maximum(self.grid.lattice_shape(most), 2), self.grid.shape)
        coarse = Grid(self.grid.regrid(tuple(map(int, shape))).axes)
        binned = self._binned(coarse, np.arange(len(self)), self.known)
        return tuple(correlation_length(binned, d) for d in range(coarse.dim))
