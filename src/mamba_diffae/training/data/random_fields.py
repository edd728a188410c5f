"""Gaussian random fields on any grid, by the Fourier transform of their spectrum."""

from __future__ import annotations

import math
from typing import cast, final

import numpy as np

from mamba_diffae.fields import Grid

_PAD = 1.5
"""Cells along an axis that does not close, in its own: so opposite ends are hardly alike."""
_LENGTHS, _SMOOTH_LENGTHS = (2.0, 0.5), (8.0, 0.5)
"""Least length in cells, and largest as a share of the longest axis."""
_SLOPES, _SMOOTH_SLOPE = (0.3, 4.0), 3.0
"""Range of the smoothness of a Matérn spectrum, and a smooth one."""
_STRETCH = 0.7
"""Logarithm of the largest ratio of an axis's length to the common one."""
CELLS = 2**13
"""Cells of the lattice that is drawn, at most, eight for each that is observed: finer grids read it
by interpolation, else a field of 10^5 cells would take longer than the network's step."""


@final
class RandomFields:
    """Gaussian fields with a Matérn spectrum, on the cells of a grid.

    An axis with cells of several widths counts as if they were equal.

    Args:
        grid: In inside coordinates.
    """

    def __init__(self, grid: Grid) -> None:
        from scipy.fft import next_fast_len

        self.grid = grid
        coarse = max(1.0, (math.prod(grid.shape) / CELLS) ** (1 / grid.dim))
        self.shape = tuple(max(1, math.ceil(n / coarse)) for n in grid.shape)
        pairs = list(zip(self.shape, grid.periodic, strict=True))
        wide = (n if closes else next_fast_len(int(_PAD * n)) for n, closes in pairs)
        self.padded = [cast(int, n) for n in wide]
        self.spans = [axis.span for axis in grid.axes]
        self.widths = [span / n for span, n in zip(self.spans, self.shape, strict=True)]
        sizes = list(zip(self.padded, self.widths, strict=True))
        waves = [np.fft.fftfreq(n, width) for n, width in sizes[:-1]]
        waves.append(np.fft.rfftfreq(*sizes[-1]))
        self._waves = [
            (2 * np.pi * k.astype(np.float32)).reshape(
                [-1 if a == d else 1 for a in range(len(waves))]
            )
            for d, k in enumerate(waves)
        ]

    def draw(self, rng: np.random.Generator, count: int, *, smooth: bool = False) -> np.ndarray:
        """Fields of one random length and slope, correlated with one another at random.

        Args:
            rng: Source of randomness.
            count: How many, C.
            smooth: Whether length and slope are large.

        Returns:
            Shape (*grid.shape, C), float32, of any amplitude.
        """
        amplitude = self._amplitude(rng, smooth)
        shared = rng.random() if count > 1 else 1.0
        parts = 1 if shared == 1 else count + 1
        normal = rng.standard_normal((2, parts, *amplitude.shape), dtype=np.float32)
        spectrum = amplitude * (normal[0] + 1j * normal[1])
        fields = np.fft.irfftn(spectrum, self.padded, axes=range(1, spectrum.ndim))
        fields = np.moveaxis(fields[(..., *map(slice, self.shape))], 0, -1)
        if parts > 1:
            # One field in all variables, at times of the other sign, and one of each alone.
            signs = np.where(rng.random() < 0.5, 1, rng.choice([-1, 1], count))
            common = (math.sqrt(shared) * signs).astype(np.float32) * fields[..., :1]
            fields = common + math.sqrt(1 - shared) * fields[..., 1:]
        return self._finer(fields.astype(np.float32, copy=False))

    def squared_distance(self, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """From every cell to a place, in shares of the axes times a scale each, (*grid.shape,)."""
        total: np.ndarray = np.zeros((), np.float32)
        for d, n in enumerate(self.grid.shape):
            away = (np.arange(n) + 0.5) / n - centre[d]
            if self.grid.periodic[d]:
                away = (away + 0.5) % 1 - 0.5
            along = (away * scale[d]).astype(np.float32) ** 2
            total = total + along.reshape([-1 if a == d else 1 for a in range(self.grid.dim)])
        return total

    def _amplitude(self, rng: np.random.Generator, smooth: bool) -> np.ndarray:
        """Square root of a random Matérn spectrum, without its mean."""
        least, most = _SMOOTH_LENGTHS if smooth else _LENGTHS
        low, high = least * min(self.widths), most * max(self.spans)
        length = math.exp(rng.uniform(math.log(low), math.log(max(low, high))))
        slope = _SMOOTH_SLOPE if smooth else math.exp(rng.uniform(*np.log(_SLOPES)))
        stretch = np.exp(rng.uniform(-_STRETCH, _STRETCH, len(self._waves)))
        squared: np.ndarray = np.zeros((), np.float32)
        for k, factor in zip(self._waves, stretch, strict=True):
            squared = squared + (k * np.float32(length * factor)) ** 2
        amplitude = (1 + squared) ** np.float32(-(slope + len(self._waves) / 2) / 2)
        amplitude[(0,) * amplitude.ndim] = 0
        return amplitude

    def _finer(self, fields: np.ndarray) -> np.ndarray:
        """Read at the cells of the grid, linearly along each axis."""
        for d, (n, cells) in enumerate(zip(self.grid.shape, self.shape, strict=True)):
            if n == cells:
                continue
            place = (np.arange(n) + 0.5) / n * cells - 0.5
            below = np.floor(place).astype(int)
            share = (place - below).astype(np.float32)
            ends = [below, below + 1]
            closes = self.grid.periodic[d]
            first, second = (i % cells if closes else i.clip(0, cells - 1) for i in ends)
            share = share.reshape([-1 if a == d else 1 for a in range(fields.ndim)])
            fields = fields.take(first, d) * (1 - share) + fields.take(second, d) * share
        return fields
