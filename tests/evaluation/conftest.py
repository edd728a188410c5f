"""Smooth fields of any shape: sums of a few waves."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mamba_diffae.fields import Affine, FieldData, Grid, Variable

MakeField = Callable[..., FieldData]


def variables(count: int, low: float = 0, high: float = 255) -> list[Variable]:
    return [Variable(f"v{i}", transform=Affine(low, high)) for i in range(count)]


@pytest.fixture(scope="session")
def make_field() -> MakeField:
    """Sums of five smooth functions in the unit 0 to 255, which span as many modes; all in "test".

    Two fields are a group.
    """

    def make(
        count: int = 6,
        shape: Sequence[int] = (24, 24),
        channels: int = 2,
        seed: int = 0,
        grid: Grid | None = None,
    ) -> FieldData:
        grid = grid or Grid.default(shape)
        low, span = np.array([(axis.low, axis.span) for axis in grid.axes]).T
        columns = (grid.centres() - low) / span
        x, y, z = [*columns.T[::-1], *np.zeros((3 - grid.dim, grid.cells))]
        waves = [np.ones_like(x), np.sin(3 * x), np.cos(4 * y + z), np.sin(5 * x + 2 * y), x * y]
        weights = np.random.default_rng(seed).normal(size=(count, len(waves), channels))
        values = 128 + 20 * np.einsum("swc,wp->spc", weights, np.stack(waves))
        return FieldData(
            variables(channels),
            grid,
            values.reshape(count, *grid.shape, channels),
            groups=np.arange(count) // 2,
            splits=np.full(count, "test"),
        )

    return make


@pytest.fixture(scope="session")
def smooth_fields() -> MakeField:
    """Random waves with values in [-3, 3]: two thirds train, the rest val and test."""

    def make(count: int = 12, shape: Sequence[int] = (24, 24), channels: int = 1) -> FieldData:
        rng = np.random.default_rng(0)
        grid = Grid.default(shape)
        values = np.zeros((count, grid.cells, channels))
        for _ in range(3):
            k = rng.uniform(-2, 2, (count, channels, grid.dim))
            phase = rng.uniform(size=(count, 1, channels))
            values += np.sin(2 * np.pi * (np.einsum("scd,pd->spc", k, grid.centres()) + phase))
        splits = np.resize(["train", "val", "train", "train", "test", "train"], count)
        values = values.reshape(count, *shape, channels)
        return FieldData(variables(channels, -3, 3), grid, values, splits=splits)

    return make


@pytest.fixture(scope="session")
def two_units() -> MakeField:
    """Pressure and wind on a rectangle over the sea: 24 × 36 cells, land, gaps, a periodic axis."""

    def make(count: int = 6, seed: int = 0) -> FieldData:
        rng = np.random.default_rng(seed)
        exists = np.ones((24, 36), dtype=bool)
        exists[4:9, 10:16] = False
        grid = Grid.regular(((0, 240), (0, 360)), (24, 36), ("y", "x"), ("km", "km"), (False, True))
        grid = Grid(grid.axes, exists)
        y, x = grid.centres().T.reshape(2, 1, 24, 36)
        a, b = rng.normal(size=(2, count, 1, 1))
        angle = 2 * np.pi * x / 360
        pressure = 101_325 + 1000 * (a * np.sin(angle) + b * y / 240)
        wind = 5 * (b * np.cos(angle) - a * y / 240)
        values = np.stack([pressure, wind], axis=-1)
        values[rng.random(values.shape) < 0.1] = np.nan
        variables = [
            Variable("pressure", "Pa", Affine(98_000, 104_000)),
            Variable("wind", "m/s", Affine(-15, 15)),
        ]
        return FieldData(variables, grid, values)

    return make
