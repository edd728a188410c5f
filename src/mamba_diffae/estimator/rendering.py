"""Fields from what is known of them, at any targets: the mean, and draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator.known import Known
from mamba_diffae.fields import Prediction, Scaling, Targets, queries
from mamba_diffae.flow import fold
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import Context
from mamba_diffae.models.inference import draw, mean
from mamba_diffae.models.inputs import check_query

OnProgress = Callable[[int, int], None]
"""Fields done, fields in all."""


@final
@dataclass(frozen=True)
class Rendering:
    """What is asked of fields, whatever they are made from; see `FieldAutoencoder.predict`.

    Raises:
        ValueError: If the number of draws is negative.
    """

    targets: Targets
    n_samples: int
    context: Context | None
    seed: int
    solver: str
    steps: int
    on_progress: OnProgress | None

    def __post_init__(self) -> None:
        if self.n_samples < 0:
            raise ValueError(f"n_samples is {self.n_samples}; give the number of draws, 0 or more.")

    def of(
        self,
        net: FieldFlow,
        scaling: Scaling,
        native: int,
        batches: Iterable[Known],
        count: int,
    ) -> Prediction:
        """The fields of all batches, in their unit.

        Args:
            net: In eval mode.
            scaling: Of the fields it was fitted on.
            native: Their pixels a side.
            batches: What is known, on the network's device.
            count: Fields in all of them.
        """
        places, finish = queries(self.targets, native)
        query = torch.from_numpy(places)[None]
        check_query(net, query, 1)
        parts, done, evaluations = [], 0, 0
        for known in batches:
            asked = query.to(known.numbers.device).expand(len(known.numbers), -1, -1)
            part, evaluations = self._batch(net, asked, known)
            parts.append(part)
            done += len(asked)
            if self.on_progress is not None:
                self.on_progress(done, count)
        centre, *draws = map(finish, scaling.unscale(torch.cat(parts, dim=1)).numpy())
        return Prediction(centre, np.array(draws).reshape(-1, *centre.shape), evaluations)

    def _batch(self, net: FieldFlow, asked: Tensor, known: Known) -> tuple[Tensor, int]:
        """Mean and draws of one batch, shape (1 + S, B, N, C), scaled, and a draw's cost."""
        given = known.inputs, known.latent, self.context
        fields, evaluations = [mean(net, asked, *given).cpu()], 0
        for s in range(self.n_samples):
            # The keys (seed, b) of fields b, whatever batch they come in.
            keys = fold(torch.full_like(known.numbers, self.seed + s), known.numbers)
            solution = draw(net, asked, *given, keys, solver=self.solver, steps=self.steps)
            fields.append(solution.x.cpu())
            evaluations = solution.evaluations
        return torch.stack(fields), evaluations
