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
        more: A source of the same kind, whose test fields come behind those of the first; nothing
            is learned from it. None: there is none.
    """

    name: str
    source: object
    grouped_by: str = ""
    more: object = None

    def open(self) -> FieldData:
        """The fields, averaged to a lattice of at most 1,024 cells (32 × 32)."""
        data = open_field(self.source)
        if self.more is not None:
            data = with_tests(data, open_field(self.more).split("test"))
        return data.at(data.grid.lattice_shape(LATTICE_LIMIT))


_ALL = (
    Family("emoji", "emoji", "emoji"),
    Family("grey emoji", "grey-emoji", "emoji"),
    Family("photographs", "photographs", "scene"),
    Family("weather windows", "weather:windows", "region"),
    Family("turbulence", "turbulence", "run", "turbulence:600"),
    Family("gaussian rough", "gaussian:rough", more="gaussian:rough:1000"),
    Family("gaussian medium", "gaussian:medium", more="gaussian:medium:1000"),
    Family("gaussian smooth", "gaussian:smooth", more="gaussian:smooth:1000"),
    Family("fronts", "fronts", more="fronts:1000"),
    Family("plateaus", "plateaus", more="plateaus:1000"),
    Family("two variables", "two-variables", more="two-variables:1000"),
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


def with_tests(data: FieldData, more: FieldData) -> FieldData:
    """Fields with further ones for test, groups of their own.

    Args:
        data: With splits; its variables, with their transforms, are kept.
        more: On the same grid, of as many variables. Attributes are left out.
    """
    parts = (data, more)
    return FieldData(
        data.variables,
        data.grid,
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.valid_mask() for part in parts]),
        names=[name for part in parts for name in part.names],
        groups=np.concatenate([data.groups, more.groups + data.groups.max() + 1]),
        splits=np.concatenate([data.splits, np.full(len(more), "test")]),
        mirrored=data.mirrored,
    )


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
