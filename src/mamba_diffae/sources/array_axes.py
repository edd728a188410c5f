"""Which arrays of a .npz file are coordinates of which axes, where the file does not say so."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from itertools import permutations
from typing import NamedTuple, final

import numpy as np

from mamba_diffae.fields import Shape
from mamba_diffae.fields.axis import CANONICAL
from mamba_diffae.sources.layout import inferred_variables

USUAL = frozenset(name for names in CANONICAL for name in names)
"""Names that axes usually have."""


@final
class Header(NamedTuple):
    """Shape and type of an array in a file."""

    shape: Shape
    dtype: np.dtype


def read_header(archive: zipfile.ZipFile, name: str) -> Header:
    """Shape and type of an array of a .npz file, before it is read; none of what is no array."""
    if f"{name}.npy" not in archive.namelist():
        return Header((), np.dtype("V"))
    with archive.open(f"{name}.npy") as file:
        first = np.lib.format.read_magic(file) == (1, 0)
        read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    return Header(shape, dtype)


def find_axes(
    shape: Shape, others: Mapping[str, Header], count: int | None
) -> tuple[tuple[str, ...] | None, str]:
    """Names of axes by their coordinates, if those fit in exactly one way.

    Args:
        shape: Of the values, (S, *shape) or (S, *shape, C).
        others: Arrays by name.
        count: Number of variables, if told.

    Returns:
        The names in the order of the axes, or None; and if they fit in several ways, a sentence
        that says so.
    """
    told = len(shape) > 2 and shape[-1] == count
    last = inferred_variables(shape) if count is None else told
    cells = shape[1:-1] if last else shape[1:]
    usual = {
        name: header.shape[0]
        for name, header in others.items()
        if name.lower() in USUAL and len(header.shape) == 1 and header.dtype.kind in "iuf"
    }
    fitting = [n for n, length in usual.items() if length in cells or length - 1 in cells]
    if len(fitting) > 2 * len(cells):
        return None, ""
    ways = [
        names
        for names in permutations(fitting, len(cells))
        if all(usual[n] in (c, c + 1) for n, c in zip(names, cells, strict=True))
    ]
    if len(ways) == 1:
        return ways[0], ""
    several = f" {', '.join(fitting)} fit the axes in {len(ways)} ways."
    return None, several if ways else ""
