"""Readings to withhold: fields with moving clouds, and stations of which some do not report."""

from __future__ import annotations

import numpy as np
import torch

from mamba_diffae.benchmark.verification.readings import GriddedReadings, StationReadings
from mamba_diffae.fields import FieldData, Grid, Observations, Prediction, Variable
from mamba_diffae.training.data.binning import cells_of


def cloudy(count: int = 6, shape: tuple[int, int] = (8, 10), variables: int = 1) -> FieldData:
    """Waves with a cloud, a box elsewhere in every snapshot."""
    rng = np.random.default_rng(0)
    grid = Grid.regular(((50.0, 58.0), (0.0, 10.0)), shape)
    places = grid.centres().reshape(*shape, 2)
    turns = [
        np.sin(places[..., 0] / 3 + places[..., 1] / 4 + 0.7 * s + c)
        for s in range(count)
        for c in range(variables)
    ]
    values = np.moveaxis(np.reshape(turns, (count, variables, *shape)), 1, -1)
    valid = np.ones(values.shape, dtype=bool)
    for s in range(count):
        y, x = rng.integers(0, shape[0] // 2), rng.integers(0, shape[1] // 2)
        valid[s, y : y + shape[0] // 3, x : x + shape[1] // 3] = False
    names = [Variable(f"v{c}", "K") for c in range(variables)]
    return FieldData(names, grid, values, valid)


def stations(count: int = 6, places: int = 12, missing: float = 0.2) -> StationReadings:
    """A fixed network on a plane; each station is silent now and then."""
    rng = np.random.default_rng(1)
    grid = Grid.regular(((0.0, 8.0), (0.0, 10.0)), (8, 10))
    coords = rng.uniform(0, [8, 10], (places, 2))
    mask = rng.random((count, places, 1)) >= missing
    mask[:, :3] = True
    values = np.sin(coords[:, :1] / 2 + coords[:, 1:] / 3 + np.arange(count)[:, None, None])
    seen = Observations(
        torch.from_numpy(np.broadcast_to(coords, (count, places, 2)).copy()),
        torch.from_numpy(values),
        torch.from_numpy(mask),
    )
    return StationReadings(seen, grid, [Variable("v", "K")], [str(s) for s in range(count)])


def readings(kind: str) -> GriddedReadings | StationReadings:
    return stations() if kind == "stations" else GriddedReadings(cloudy())


class Oracle:
    """A method that is told the truth at all places, in place of a model."""

    def __init__(self, truth: FieldData, offset: float = 0.0, std: float = 0.0) -> None:
        self.truth, self.offset, self.std, self.n_draws = truth, offset, std, 0

    def predict(self, observations: Observations, targets: Grid) -> Prediction:
        mean = self.truth.values[[self._row(seen) for seen in observations.fields()]] + self.offset
        return Prediction.of_mean(mean, np.full(mean.shape, self.std), targets)

    def _row(self, seen: Observations) -> int:
        """Which snapshot it is that was observed, by its values."""
        cells = cells_of(self.truth.grid, seen.coords[0].numpy())
        flat = self.truth.values.reshape(len(self.truth), self.truth.grid.cells, -1)[:, cells]
        apart = np.where(seen.mask[0].numpy(), flat - seen.values[0].numpy(), 0)
        (row,) = np.flatnonzero(np.abs(apart).max(axis=(1, 2)) < 1e-6)
        return int(row)
