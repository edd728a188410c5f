"""The fields of one step: training fields, some of them replaced by foreign ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, final

import numpy as np
import torch

from mamba_diffae.priors import Prior
from mamba_diffae.training.data.foreign import ForeignFields
from mamba_diffae.training.data.lattice import Lattice
from mamba_diffae.training.data.sampling import ObservationSampler


@final
class StepFields(NamedTuple):
    """What F fields of a step are read from.

    Attributes:
        sampler: Of observations.
        native: Of the truth.
        anchors: Of its averages around anchors.
        rows: Numbers of the fields in each of them, shape (F,).
    """

    sampler: ObservationSampler
    native: Lattice
    anchors: Lattice
    rows: np.ndarray

    def with_foreign(
        self,
        foreign: ForeignFields,
        share: float,
        stream: Callable[[int], np.random.Generator],
        anchor_shape: tuple[int, ...],
    ) -> StepFields:
        """The same, with each field by a given chance replaced by one that is made of it.

        Args:
            foreign: Makes them.
            share: Chance of each field.
            stream: Random numbers of each place among the F.
            anchor_shape: Anchors along each axis.
        """
        streams = [stream(place) for place in range(len(self.rows))]
        replaced = np.flatnonzero([rng.random() < share for rng in streams])
        if not len(replaced):
            return self
        made = foreign.make([streams[place] for place in replaced], self.rows[replaced])
        rows = self.rows.copy()
        rows[replaced] = len(self.native.values) + np.arange(len(replaced))
        return StepFields(
            self.sampler.joined(made),
            self.native.joined(Lattice.of(made)),
            self.anchors.joined(Lattice.of(made, anchor_shape)),
            rows,
        )


def knows_familiarity(prior: Prior, sampler: ObservationSampler, row: int) -> bool:
    """Whether a fitted prior states how familiar a field is, tried on one of its own."""
    if prior.empty:
        return False
    rng, rows = np.random.default_rng(0), np.array([row])
    seen = sampler.cells(rng, rows, np.zeros(1, dtype=bool), 0.1)
    groups = torch.as_tensor(sampler.data.groups[rows])
    return prior.posterior(seen, groups=groups).familiarity is not None
