"""Covariates of training fields, for what is observed of them."""

from __future__ import annotations

from dataclasses import replace
from typing import final

import numpy as np
import torch

from mamba_diffae.fields import Background, FieldData, Observations


@final
class Backgrounds:
    """Gives observations the covariates of the fields that they are of.

    Args:
        data: The fields: inside coordinates, normalised covariates, or none.
    """

    def __init__(self, data: FieldData) -> None:
        self._even = None if data.covariates is None else data.covariates.evenly(data.grid)

    def joined(self, seen: Observations, rows: np.ndarray, mirror: np.ndarray) -> Observations:
        """Observations with their background; as they are where there are no covariates.

        Args:
            seen: Of B fields.
            rows: Numbers of the fields, of foreign ones those of their sources, shape (B,).
            mirror: Which of them are mirrored along the last axis, shape (B,).
        """
        if self._even is None:
            return seen
        found = Background.on(*self._even, rows)
        turned = torch.from_numpy(mirror).reshape(-1, *[1] * (found.values.ndim - 1))
        values = torch.where(turned, found.values.flip(-2), found.values).float()
        return seen.replace(background=replace(found, values=values))
