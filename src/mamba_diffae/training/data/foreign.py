"""Foreign fields: of no training field's kind, on the training fields' grid, with their gaps.

A network that has met them learns to leave the prior's mean as it is where fields are foreign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import numpy as np

from mamba_diffae.fields import FieldData
from mamba_diffae.training.data.random_fields import RandomFields

KINDS = ("gaussian", "steps", "blend", "inverted", "recoloured", "grey")
"""Those of training batches."""
UNSEEN = "occlusion"
"""A kind that no batch holds, by which a fitted network can be scored on what it never met."""
_JOINT = ("recoloured", "grey")
"""Kinds in which a value comes of all variables at its place."""
_BLEND = (0.3, 0.7)
"""Least and largest share of the first field in a blend."""
_SHARPNESS = (0.05, 0.5)
"""Width of a step, in deviations of the field whose sign it follows: least and largest."""
_SHAPES, _RADII = 40, (0.05, 0.4)
"""Ellipsoids of an occlusion, and their radii as shares of the axes."""

Values = np.ndarray


@final
class ForeignFields:
    """Makes foreign fields, each from a training field: its source.

    Gaps and mask are the source's, and so is its group: from a posterior of the field training
    fields of that group are to be hidden. Values lie in [-1, 1], or in the source's own range.

    Args:
        data: Training fields: inside coordinates, scaled values.
    """

    def __init__(self, data: FieldData) -> None:
        self.data, self.random = data, RandomFields(data.grid)

    def make(self, rngs: Sequence[np.random.Generator], rows: np.ndarray) -> FieldData:
        """One field of a kind at random from each source.

        Args:
            rngs: Source of randomness of each field: on nothing else it depends.
            rows: Which training fields are the sources, shape (F,).
        """
        kinds = [str(rng.choice(self.kinds(row))) for rng, row in zip(rngs, rows, strict=True)]
        return self.of_kinds(kinds, rngs, rows)

    def of_kinds(
        self, kinds: Sequence[str], rngs: Sequence[np.random.Generator], rows: np.ndarray
    ) -> FieldData:
        """Fields of given kinds; see `make`."""
        makers: dict[str, Callable[[np.random.Generator, Values], Values]] = {
            "gaussian": self._gaussian,
            "steps": self._steps,
            "blend": self._blend,
            "inverted": lambda rng, source: -source,
            "recoloured": _recoloured,
            "grey": _grey,
            UNSEEN: self._occlusion,
        }
        made = []
        for kind, rng, row in zip(kinds, rngs, rows, strict=True):
            source = self.data.values[row].astype(np.float32, copy=False)
            made.append(makers[kind](rng, source))
        return self.data.take(rows).with_values(np.stack(made).astype(np.float32, copy=False))

    def kinds(self, row: int) -> tuple[str, ...]:
        """Kinds that can be made from a source: of several variables with gaps apart not all."""
        joint = self.data.n_variables > 1
        if joint and self.data.valid is not None:
            valid = self.data.valid[row]
            joint = bool((valid == valid[..., :1]).all())
        return KINDS if joint else tuple(kind for kind in KINDS if kind not in _JOINT)

    def _gaussian(self, rng: np.random.Generator, source: Values) -> Values:
        """Random length, slope of the spectrum, offset, correlation of the variables."""
        return placed(rng, self.random.draw(rng, source.shape[-1]))

    def _steps(self, rng: np.random.Generator, source: Values) -> Values:
        """Two levels for each variable, with a smooth step along one line for all."""
        along = self.random.draw(rng, 1, smooth=True)
        along = along / max(float(along.std()), 1e-12)
        side = (np.tanh((along - rng.normal(0, 0.5)) / _log_uniform(rng, _SHARPNESS)) + 1) / 2
        low, high = _uniform(rng, (2, source.shape[-1]))
        return low + (high - low) * side

    def _blend(self, rng: np.random.Generator, source: Values) -> Values:
        """The source and another field: its own copy turned and moved, or a Gaussian field.

        A second training field would be of a second group, which no posterior hides as well.
        """
        share = rng.uniform(*_BLEND)
        whole = self.data.complete and self.data.grid.mask is None
        if not whole or rng.random() < 0.5:
            return share * source + (1 - share) * self._gaussian(rng, source)
        axes = tuple(range(source.ndim - 1))
        turned = np.flip(source, tuple(d for d in axes if rng.random() < 0.5))
        moved = np.roll(turned, [int(rng.integers(n)) for n in source.shape[:-1]], axes)
        return share * source + (1 - share) * moved

    def _occlusion(self, rng: np.random.Generator, source: Values) -> Values:
        """Ellipsoids that cover one another, each of a level of its own, with a fine texture.

        Reference:
            Lee, Mumford & Huang (2001), https://doi.org/10.1023/A:1011109015675: occlusion models
            have the statistics of photographs.
        """
        C = source.shape[-1]
        values = np.zeros(source.shape, np.float32)
        for _ in range(_SHAPES):
            centre, radius = rng.random(source.ndim - 1), 1 / _log_uniform(rng, _RADII)
            stretch = np.exp(rng.uniform(-0.7, 0.7, source.ndim - 1))
            inside = self.random.squared_distance(centre, radius * stretch) < 1
            values[inside] = rng.uniform(-1, 1) + 0.3 * rng.uniform(-1, 1, C)
        texture = self.random.draw(rng, C)
        return _within(values + 0.1 * texture / max(float(texture.std()), 1e-12))


def placed(rng: np.random.Generator, values: Values) -> Values:
    """A field at a random amplitude and offset within [-1, 1], each variable its own offset."""
    amplitude = _log_uniform(rng, (0.1, 1.0))
    offset = _uniform(rng, (values.shape[-1],)) * (1 - amplitude)
    return amplitude * values / max(float(np.abs(values).max()), 1e-12) + offset


def _recoloured(rng: np.random.Generator, source: Values) -> Values:
    """Variables exchanged, or mixed by a random rotation."""
    C = source.shape[-1]
    if rng.random() < 0.5:
        order = rng.permutation(C)
        return source[..., np.roll(order, 1) if (order == np.arange(C)).all() else order]
    rotation = np.linalg.qr(rng.standard_normal((C, C), dtype=np.float32))[0]
    return _within(source @ rotation)


def _grey(rng: np.random.Generator, source: Values) -> Values:
    """All variables equal: an average of them with random weights."""
    weights = rng.dirichlet(np.ones(source.shape[-1])).astype(np.float32)
    return np.repeat((source @ weights)[..., None], source.shape[-1], axis=-1)


def _within(values: Values) -> Values:
    """The same, made smaller if it leaves [-1, 1]."""
    return values / max(1.0, float(np.abs(values).max()))


def _uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Between -1 and 1, in single precision, in which fields are kept."""
    return rng.uniform(-1, 1, shape).astype(np.float32)


def _log_uniform(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(bounds))))
