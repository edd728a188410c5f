"""Complete fields on a regular grid: the truth, at its native size or averaged to a coarser one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from mamba_diffae.fields.scaling import Scaling


@dataclass(frozen=True, eq=False)
class GridField:
    """A stack of complete square fields on one regular grid of pixel centres.

    Attributes:
        values: Shape (S, n, n, C), rows are y; in the unit of the field (pictures: uint8, 0 to
            255).
        scaling: The limits of the values, which become [-1, 1] inside.
        names: A name for each field, length S.
        groups: Fields of one group are copies of one another for statistics, shape (S,) int.
        splits: "train", "val" or "test" for each field, shape (S,).
        attributes: Labels by name, each of shape (S,).
    """

    values: np.ndarray
    scaling: Scaling
    names: Sequence[str]
    groups: np.ndarray
    splits: np.ndarray
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape, count = self.values.shape, len(self.values)
        if len(shape) != 4 or shape[1] != shape[2] or 0 in shape:
            raise ValueError(
                f"GridField.values has shape {shape}; expected (S, n, n, C): S square fields "
                "of n × n pixels with C channels, none of them zero."
            )
        lengths = {len(self.names), len(self.groups), len(self.splits), count}
        if len(lengths) > 1:
            raise ValueError(
                f"GridField holds {count} fields but {len(self.names)} names, {len(self.groups)} "
                f"groups and {len(self.splits)} splits; give one of each a field."
            )

    def __len__(self) -> int:
        return len(self.values)

    @property
    def size(self) -> int:
        """Native pixels a side."""
        return self.values.shape[1]

    @property
    def channels(self) -> int:
        """Channels of a value."""
        return self.values.shape[-1]

    def take(self, index: np.ndarray | slice) -> GridField:
        """The fields at `index` (integers, a slice or a boolean mask), in that order."""
        rows = np.arange(len(self))[index]
        return replace(
            self,
            values=self.values[rows],
            names=[self.names[i] for i in rows],
            groups=self.groups[rows],
            splits=self.splits[rows],
            attributes={k: v[rows] for k, v in self.attributes.items()},
        )

    def split(self, name: str) -> GridField:
        """The fields of one split.

        Args:
            name: "train", "val" or "test".

        Raises:
            ValueError: If no field belongs to it.
        """
        chosen = self.splits == name
        if not chosen.any():
            raise ValueError(
                f"No field belongs to the split {name!r}; this source has "
                f"{', '.join(sorted(set(self.splits.tolist())))}. Give one of three fields or "
                "more, or set its splits."
            )
        return self.take(chosen)

    def distinct(self, count: int) -> GridField:
        """At most `count` fields, the first of each group, evenly spread over the stack."""
        first = np.sort(np.unique(self.groups, return_index=True)[1])
        spread = np.linspace(0, len(first) - 1, min(count, len(first))).round().astype(int)
        return self.take(first[spread])

    def check_scale(self, size: int) -> None:
        """Refuse a scale above the native size, with a ValueError: enlarging gives no truth."""
        if not 1 <= size <= self.size:
            raise ValueError(
                f"Scale {size} was asked, but the native size is {self.size} × {self.size}: above "
                f"it there is no truth to compare with; ask for a scale of 1 to {self.size}."
            )

    def at(self, size: int) -> np.ndarray:
        """Every field at a coarser (or the native) size, by area average.

        Args:
            size: Pixels a side, at most the native size.

        Returns:
            Shape (S, size, size, C), float32, in the unit of the field.

        Raises:
            ValueError: If `size` is above the native one.
        """
        self.check_scale(size)
        if size == self.size:
            return self.values.astype(np.float32)
        parts = [area_average(self.values[i : i + 256], size) for i in range(0, len(self), 256)]
        return np.concatenate(parts)


def area_average(values: np.ndarray, size: int) -> np.ndarray:
    """Average square fields over the cells of a coarser grid, exactly, whatever the ratio.

    Args:
        values: Shape (S, n, n, C).
        size: Cells a side, at most n.

    Returns:
        Shape (S, size, size, C), float32, in the same unit.
    """
    W = area_weights(values.shape[1], size)
    rows = np.tensordot(values.astype(np.float32), W, axes=([1], [1]))  # (S, n, C, size): y last
    cells = np.tensordot(rows, W, axes=([1], [1]))  # (S, C, size, size): x last
    return np.ascontiguousarray(cells.transpose(0, 2, 3, 1))


@lru_cache(maxsize=64)
def area_weights(n: int, size: int) -> np.ndarray:
    """Share of each of n fine cells in each of `size` coarse ones, along one axis.

    Args:
        n: Fine cells.
        size: Coarse cells, at most n.

    Returns:
        Shape (size, n), float32, read-only; rows sum to 1.

    Raises:
        ValueError: If `size` is above n.
    """
    if size > n:
        raise ValueError(
            f"An area average from {n} to {size} cells would enlarge; ask for at most {n}."
        )
    fine, coarse = np.arange(n + 1) / n, np.arange(size + 1) / size
    low = np.maximum(fine[None, :-1], coarse[:-1, None])
    high = np.minimum(fine[None, 1:], coarse[1:, None])
    W = (np.clip(high - low, 0, None) * size).astype(np.float32)
    W.flags.writeable = False
    return W


def pixel_centres(size: int, dim: int = 2) -> np.ndarray:
    """Centres of the pixels of a regular grid, (i + 0.5) / n.

    Args:
        size: Pixels a side.
        dim: Axes of the grid.

    Returns:
        Shape (size**dim, dim), float32, order (x, y[, ...]), x running fastest.
    """
    axis = (np.arange(size, dtype=np.float64) + 0.5) / size
    axes = np.meshgrid(*[axis] * dim, indexing="ij")
    return np.stack([a.ravel() for a in reversed(axes)], axis=-1).astype(np.float32)
