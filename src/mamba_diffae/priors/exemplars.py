"""Training fields kept on a lattice as 8-bit numbers, and their first two moments."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import FieldData

LEVELS, GAP = 127, -128
"""Whole numbers up to 1 that values are kept as, and the number that marks a gap."""
_FINE = 256
"""Parts of a level that distances count in."""
_AT_ONCE = 512
"""Exemplars whose distances are computed together: much memory at a time is slow to get."""


class ExemplarBank(NamedTuple):
    """Exemplars as numbers; P values on the lattice, all variables of a cell together.

    Attributes:
        fields: Shape (E, P); in gaps the mean.
        codes: The whole numbers they are kept as, 0 in gaps, a row for each value, shape (P, E).
        known: Where there is no gap, shape (P, E), bool; None: everywhere.
        mean: Shape (P,).
        scale: What gaps take from the deviation of each value is given back by this factor, shape
            (P,); None: there are none.
        covariance: Shape (P, P).
    """

    fields: Tensor
    codes: Tensor
    known: Tensor | None
    mean: Tensor
    scale: Tensor | None
    covariance: Tensor

    @classmethod
    def of(cls, codes: Tensor) -> ExemplarBank:
        """From whole numbers (E, P), `GAP` where nothing is known."""
        known = codes != GAP
        values = codes.float().masked_fill(~known, 0) / LEVELS
        if known.all():
            mean = values.mean(dim=0)
            deviation = values - mean
            covariance = deviation.T @ deviation / len(values)
            return cls(values, codes.T.contiguous(), None, mean, None, covariance)
        count = known.sum(dim=0).clamp(min=1)
        mean = values.sum(dim=0) / count
        deviation = (values - mean) * known
        # A gap is no deviation; what variance that takes away is given back, value by value.
        scale = (len(values) / count).sqrt()
        covariance = (deviation * scale).T @ (deviation * scale) / len(values)
        codes = codes.masked_fill(~known, 0).T.contiguous()
        return cls(mean + deviation, codes, known.T.contiguous(), mean, scale, covariance)

    def deviations(self, index: Tensor) -> Tensor:
        """Deviations from the mean, as the covariance has them, of the exemplars at an index."""
        deviation = self.fields[index] - self.mean
        return deviation if self.scale is None else deviation * self.scale

    def distances(self, y: Tensor, observed: Tensor) -> Tensor:
        """Squared distances of observed values (B, n) from exemplars, shape (B, E).

        Through matrix products a distance loses digits, and exemplars that are equally near (white
        in the same corner) would be chosen by rounding errors, which depend on the rest of the
        batch. So it is computed in whole numbers, which double precision holds exactly. An
        exemplar with gaps among the n values counts by those it has, in proportion; one that has
        none of them is infinitely far, unless that is true of all.

        Args:
            y: Values, scaled.
            observed: Which values they are, shape (n,).
        """
        whole = (y.double() * LEVELS * _FINE).round()
        codes = self.codes.index_select(0, observed)
        known = None if self.known is None else self.known.index_select(0, observed)
        if known is not None and not known.any():
            return y.new_zeros(len(y), codes.shape[1])
        parts = []
        for start in range(0, codes.shape[1], _AT_ONCE):
            exact = codes[:, start : start + _AT_ONCE].double()
            squared = _FINE**2 * exact.square().sum(0) - 2 * _FINE * whole @ exact
            if known is None:
                parts.append(squared + whole.square().sum(1)[:, None])
                continue
            here = known[:, start : start + _AT_ONCE].double()
            count = here.sum(dim=0)
            squared = (squared + whole.square() @ here) * (len(observed) / count.clamp(min=1))
            parts.append(squared.masked_fill(count == 0, torch.inf))
        return (torch.cat(parts, dim=1) / (LEVELS * _FINE) ** 2).to(y.dtype)


def choose(fields: int, count: int) -> np.ndarray:
    """Which of so many training fields are kept: all, or `count` drawn with a fixed seed."""
    if count >= fields:
        return np.arange(fields)
    return np.sort(np.random.default_rng(0).choice(fields, count, replace=False))


def encode(data: FieldData) -> Tensor:
    """Fields on the lattice as whole numbers (E, P), `GAP` where nothing is known."""
    codes = torch.from_numpy(data.values.reshape(len(data), -1) * LEVELS).round()
    codes = codes.clamp(-LEVELS, LEVELS).to(torch.int8)
    known = torch.from_numpy(data.valid_mask().reshape(len(data), -1).copy())
    return codes.masked_fill(~known, GAP)
