"""Families of fields on which methods are compared: pictures, weather, flows, random fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.fields import LATTICE_LIMIT, FieldData
from mamba_diffae.registry import unknown
from mamba_diffae.sources import open_field


@final
@dataclass(frozen=True, eq=False)
class Family:
    """Fields of one kind, with splits and groups of their own.

    Attributes:
        name: As tables name it.
        source: What `open_field` takes: a name, a path, an array, or `FieldData`.
        grouped_by: What a group is, in words; empty: each field is its own.
    """

    name: str
    source: object
    grouped_by: str = ""

    def open(self) -> FieldData:
        """The fields, averaged to a lattice of at most 1,024 cells (32 × 32)."""
        data = open_field(self.source)
        return data.at(data.grid.lattice_shape(LATTICE_LIMIT))


_ALL = (
    Family("emoji", "emoji", "emoji"),
    Family("grey emoji", "grey-emoji", "emoji"),
    Family("photographs", "photographs", "scene"),
    Family("weather windows", "weather:windows", "region"),
    Family("turbulence", "turbulence", "run"),
    Family("gaussian rough", "gaussian:rough"),
    Family("gaussian medium", "gaussian:medium"),
    Family("gaussian smooth", "gaussian:smooth"),
    Family("fronts", "fronts"),
    Family("plateaus", "plateaus"),
    Family("two variables", "two-variables"),
)
FAMILIES: Mapping[str, Family] = {family.name: family for family in _ALL}
"""Those of the suite by name, in the order of the table."""


def find_families(chosen: Iterable[str | Family] | None) -> list[Family]:
    """Families by name or as objects of one's own; None: all of the suite.

    >>> [family.source for family in find_families(["fronts", Family("mine", "my.npz")])]
    ['fronts', 'my.npz']

    Raises:
        ValueError: If a name is unknown; it names the nearest.
    """
    found = []
    for given in FAMILIES if chosen is None else chosen:
        if isinstance(given, str) and given not in FAMILIES:
            raise unknown("family", given, FAMILIES)
        found.append(FAMILIES[given] if isinstance(given, str) else given)
    return found


def spread_order(groups: np.ndarray) -> np.ndarray:
    """An order of fields of which every beginning has as many groups as it can.

    >>> spread_order(np.array([5, 5, 5, 7, 7, 9])).tolist()
    [0, 3, 5, 1, 4, 2]

    Args:
        groups: Of the fields, shape (S,).

    Returns:
        Indices, shape (S,): the first of each group, then the second of each, and so on.
    """
    _, first, which = np.unique(groups, return_index=True, return_inverse=True)
    turn = np.zeros(len(groups), dtype=np.int64)
    for g in range(len(first)):
        turn[which == g] = np.arange((which == g).sum())
    return np.lexsort((first[which], turn))
