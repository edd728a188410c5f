"""Fields made by seeded generators, the same in every run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

import numpy as np

from mamba_diffae.fields import FieldData, FieldError, Grid, Shape, Variable
from mamba_diffae.registry import unknown
from mamba_diffae.sources.base import NamedSource, read_only
from mamba_diffae.sources.splits import split_in_order

COUNT = 200
"""Snapshots, unless told otherwise."""
LEAST, MOST = 3, 10_000
"""Snapshots that can be asked for."""
_TORUS = 2
"""Sides of the square that lie along the torus on which random fields are made."""


class GeneratedSource(NamedSource):
    """A generator: NAME, NAME:COUNT for another number of snapshots, or NAME:VARIANT[:COUNT].

    Attributes:
        variants: One of which must be named; none for a generator of one kind of field.
    """

    variants: ClassVar[Sequence[str]] = ()

    def matches(self, spec: object) -> bool:
        """See `Source.matches`."""
        return isinstance(spec, str) and spec.partition(":")[0] == self.kind

    def open(
        self, spec: str, *, shape: Shape | int | None = None, skip_broken: bool = False
    ) -> FieldData:
        """Generate the fields; once a process, so their arrays are read-only.

        Raises:
            FieldError: If a variant lacks or is unknown, or the count is not from 3 to 10,000.
        """
        variant, count = self._parts(spec)
        return _generated(type(self), count, variant)

    def _parts(self, spec: str) -> tuple[str, int]:
        """Variant and count."""
        given, variant = spec.split(":")[1:], ""
        if self.variants:
            variant = given.pop(0) if given else ""
            if variant not in self.variants:
                names = [f"{self.kind}:{known}" for known in self.variants]
                raise unknown("source", spec, names)
        if not given:
            return variant, COUNT
        count = int(given[0]) if len(given) == 1 and given[0].isdecimal() else 0
        if not LEAST <= count <= MOST:
            head = ":".join(filter(None, (self.kind, variant)))
            raise FieldError(
                f"The source {spec!r} was given {':'.join(given)!r} snapshots; give {head}:COUNT "
                f"with {LEAST} to {MOST:,}, such as {head}:{COUNT}."
            )
        return variant, count

    @abstractmethod
    def generate(self, count: int, variant: str) -> FieldData:
        """Make the fields.

        Args:
            count: Snapshots, S.
            variant: One of `variants`, or empty.

        Returns:
            The same in every process, with all three splits.
        """


@lru_cache(maxsize=16)
def _generated(source: type[GeneratedSource], count: int, variant: str) -> FieldData:
    return read_only(source().generate(count, variant))


def independent(
    values: np.ndarray, grid: Grid, names: Sequence[str], units: Sequence[str], kinds: Sequence[str]
) -> FieldData:
    """Independent snapshots as fields, split in order.

    Args:
        values: Shape (S, *grid.shape, C).
        grid: Where they are.
        names: Of the variables.
        units: Of the variables.
        kinds: Transforms of the variables, fitted to the training split.
    """
    splits = split_in_order(np.arange(len(values)))
    training = values[splits == "train"]
    variables = [
        Variable.of_values(name, training[..., c].ravel(), unit, kind)
        for c, (name, unit, kind) in enumerate(zip(names, units, kinds, strict=True))
    ]
    return FieldData(variables, grid, values.astype(np.float32), splits=splits)


def gaussian_fields(
    rng: np.random.Generator, count: int, cells: int, length: float, smoothness: float
) -> np.ndarray:
    """Random Gaussian fields with a Matérn covariance, by FFT.

    They are made on a torus of twice the side, of which a quarter is kept.

    Args:
        rng: Where the random numbers come from.
        count: Snapshots, S.
        cells: Along each of the two axes, n.
        length: Length scale ℓ of the covariance, in cells.
        smoothness: ν of the covariance: 1/2 is the exponential one. The spectral density falls as
            the power -2 (ν + 1) of the wavenumber.

    Returns:
        Shape (S, n, n), of mean 0 and variance 1.

    Reference:
        Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, eq. (4.15).
    """
    side = _TORUS * cells
    k = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    density = (2 * smoothness / length**2 + np.square(2 * np.pi * k)) ** (-smoothness - 1)
    # Of a wave and its mirror image rfft keeps one, save on the first and the last column.
    twice = np.full(k.shape[1], 2.0)
    twice[[0, -1]] = 1
    amplitude = np.sqrt(density * side**2 / (density * twice).sum())
    fields = (
        np.fft.irfft2(np.fft.rfft2(rng.normal(size=(side, side))) * amplitude, s=(side, side))
        for _ in range(count)
    )
    return np.stack([field[:cells, :cells] for field in fields])
