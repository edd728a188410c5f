"""Kriging of all variables: together where their covariance factors, else each by itself."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from mamba_diffae.priors.kriging.conditional import JointlyKriged, Stationary
from mamba_diffae.priors.kriging.readings import Boxes
from mamba_diffae.priors.kriging.seen import Seen
from mamba_diffae.priors.leave_out import Folds


@final
class KrigedFields:
    """Fields of stationary covariance, given what was seen of them.

    Where all variables have errors of a stated size at the same places, each is kriged by itself:
    their covariances do not factor, and the others would add little at places where all are known.

    Args:
        seen: The observations, in units of the usual deviation.
        fields: What is known before.
    """

    def __init__(self, seen: Seen, fields: Stationary) -> None:
        self.seen, self.fields, parts = seen, fields, seen.apart()
        self.parts = [
            JointlyKriged(
                part,
                fields._replace(
                    family=fields.family.of(kinds),
                    between=fields.between[kinds][:, kinds],
                    trend=fields.trend[kinds],
                ),
            )
            for kinds, part in parts
        ]
        self.kinds = [kinds for kinds, _ in parts]

    def at(self, targets: Boxes) -> tuple[Tensor, Tensor]:
        """Mean and variance at targets, both of shape (M, C, F)."""
        return _joined([part.at(targets) for part in self.parts])

    def roughly(self, targets: Boxes, with_mean: bool = True) -> tuple[Tensor, Tensor]:
        """See `JointlyKriged.roughly`."""
        return _joined([part.roughly(targets, with_mean) for part in self.parts])

    def mean(self, targets: Boxes) -> Tensor:
        """Mean at targets, shape (M, C, F)."""
        return torch.cat([part.mean(targets) for part in self.parts], dim=1)

    def moved(self, rows: Tensor, targets: Boxes) -> Tensor:
        """What values (m, F) at the rows say around a mean of 0, shape (M, C, F)."""
        pairs = zip(self.parts, self._rows(), strict=True)
        return torch.cat([part.moved(rows[of], targets) for part, of in pairs], dim=1)

    def errors(self, folds: Folds, likeliest: bool = False) -> Tensor:
        """See `JointlyKriged.errors`."""
        start = folds.start(self.seen.place)
        found = torch.zeros_like(self.seen.values[start:])
        for part, of in zip(self.parts, self._rows(), strict=True):
            # Variables by themselves number their readings, not their places.
            own = folds if len(self.parts) == 1 else Folds(folds.part[self.seen.place[of]])
            found[of[of >= start] - start] = part.errors(own, likeliest)
        return found

    def _rows(self) -> list[Tensor]:
        """Rows of each part."""
        return [torch.isin(self.seen.kind, kinds).nonzero()[:, 0] for kinds in self.kinds]


def _joined(found: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    mean, variance = (torch.cat(part, dim=1) for part in zip(*found, strict=True))
    return mean, variance
