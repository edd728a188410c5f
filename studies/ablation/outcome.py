"""What a level of a factor brings beside the default, and whether that exceeds the spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from mamba_diffae.fields import Shape
from studies.common.scoreboard import extent


@final
@dataclass(frozen=True)
class Measure:
    """Where PSNR is measured.

    Attributes:
        shape: Cells along each axis.
        read: The usual share of the cells, few of them, or the latent alone.
    """

    shape: Shape
    read: Literal["usual", "few cells", "latent alone"] = "usual"


@final
@dataclass(frozen=True)
class Outcome:
    """How a level did.

    Attributes:
        factor: What is changed.
        level: To what.
        psnr: In dB, by where it is measured, one for each seed.
    """

    factor: str
    level: str
    psnr: Mapping[Measure, Sequence[float]]

    def effect(self, default: Outcome, measure: Measure) -> Effect:
        """Its difference from the default."""
        ours, theirs = self.psnr[measure], default.psnr[measure]
        spread = max(extent(ours), extent(theirs)) if len(ours) > 1 else None
        return Effect(measure, float(np.mean(ours) - np.mean(theirs)), spread)


@final
@dataclass(frozen=True)
class Effect:
    """A difference from the default.

    Attributes:
        measure: Where it is measured.
        gain: Mean over the seeds minus the default's, in dB.
        spread: The greatest minus the least of one level's seeds, of the two the wider; None: one
            seed.
    """

    measure: Measure
    gain: float
    spread: float | None

    @property
    def exceeds_spread(self) -> bool:
        """Whether it is greater than the spread."""
        return self.spread is not None and abs(self.gain) > self.spread


@final
@dataclass(frozen=True)
class Arm:
    """All levels, with the prior or without it.

    Attributes:
        prior: Whether the networks have the prior.
        default: The preset as it is.
        levels: Each with one factor changed.
    """

    prior: bool
    default: Outcome
    levels: Sequence[Outcome]
