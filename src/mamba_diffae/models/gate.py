"""How much of a network's correction counts: a gate that is fitted on skill.

The posterior mean is m + g (n − m), m the prior's mean and n the network's: docs/concepts.md, eq.
(35).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from mamba_diffae.priors import PriorPosterior

LEAST_P = 1e-3
"""Least p-value that is told apart: validation fields are too few to know smaller ones."""
LEAST_STD = 1e-4
"""Least deviation that is told apart, for values scaled to [-1, 1]."""
STEEPEST = 20.0
"""Largest slope: g rises from 0.12 to 0.88 over a factor of four in p, never in a step."""
_OPEN, _FARTHEST = 4.0, 8.0
"""Logit where skill decides nothing (g = 0.98), and the largest one of an intercept."""
_RIDGE = 1e-4
"""Weight of a quadratic pull to `_OPEN` and to slopes of 0, beside relative errors of about 1."""
_STARTS = (
    (4.0, 0.0, 0.0, 0.0, 0.0),
    (-4.0, 10.0, 0.0, 0.0, 0.0),
    (-4.0, 10.0, 0.0, 10.0, 0.0),
    (-8.0, 0.0, 0.0, 0.0, 15.0),
)
"""Intercept and slopes from which the fit begins; the best end is kept."""


@final
@dataclass(frozen=True, eq=False)
class SkillRecords:
    """What the correction n − m did to R fields: sums over cells that were not observed.

    The squared error of the gated mean is `prior_error` − 2 g `gain` + g² `size`.

    Attributes:
        features: From `gate_features`, shape (R, 4).
        prior_error: Of (truth − m)², shape (R, C).
        gain: Of (truth − m) (n − m), the same shape.
        size: Of (n − m)², the same shape.
        weight: What each counts, the same shape.
    """

    features: np.ndarray
    prior_error: np.ndarray
    gain: np.ndarray
    size: np.ndarray
    weight: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[SkillRecords]) -> SkillRecords:
        """All records of several sets."""
        names = ("features", "prior_error", "gain", "size", "weight")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def error(self, g: np.ndarray) -> float:
        """Weighted squared error of means gated by g (R, C)."""
        squared = self.prior_error - 2 * g * self.gain + g**2 * self.size
        return float((self.weight * squared).sum())


@final
class SkillGate(nn.Module):
    """A logistic function of a posterior: its familiarity, observations, weights and deviation.

    It rises with the p-value, falls with the weight of kriging, and is monotone in the number of
    observations. It rises with the deviation that the prior states: of a field that is told to a
    thousandth a correction of a hundredth is none, however well it was learned on other fields.
    Its coefficients are buffers; until `fit` it is 1.

    Args:
        value_dim: C, variables, each with an intercept of its own.
    """

    fitted: Tensor
    intercepts: Tensor
    slopes: Tensor

    def __init__(self, value_dim: int) -> None:
        super().__init__()
        self.register_buffer("fitted", torch.zeros((), dtype=torch.bool))
        self.register_buffer("intercepts", torch.zeros(value_dim))
        self.register_buffer("slopes", torch.zeros(4))

    def forward(self, posterior: PriorPosterior) -> Tensor | None:
        """The share g in (0, 1] of the correction, (B, 1, C); None: all, the gate is not fitted."""
        if not bool(self.fitted):
            return None
        logit = (gate_features(posterior) @ self.slopes)[:, None] + self.intercepts
        return torch.sigmoid(logit)[:, None]

    def fit(self, records: SkillRecords) -> None:
        """Take the coefficients that minimise the weighted squared error of the gated mean.

        Raises:
            ValueError: If there is no record with a weight.
        """
        from scipy.optimize import minimize

        if not records.weight.sum() > 0:
            raise ValueError("A gate was given no record to fit; give fields with unseen cells.")
        C = len(self.intercepts)
        bounds = [(-_FARTHEST, _FARTHEST)] * C
        bounds += [(0, STEEPEST), (-STEEPEST / 2, STEEPEST / 2), (0, STEEPEST), (0, STEEPEST)]
        found = [
            minimize(_objective, [start[0]] * C + [*start[1:]], (records,), jac=True, bounds=bounds)
            for start in _STARTS
        ]
        best = min(found, key=lambda end: end.fun).x
        self.intercepts.copy_(torch.from_numpy(best[:C]))
        self.slopes.copy_(torch.from_numpy(best[C:]))
        self.fitted.fill_(True)


def gate_features(posterior: PriorPosterior) -> Tensor:
    """What a gate knows of B fields, each number in [0, 1].

    Returns:
        Logarithm of the p-value, 0 at `LEAST_P` and where no familiarity is stated; logarithm of
        the number of cells with an observation, 1 if all have one; share of the components other
        than kriging (0 where no shares are stated); logarithm of the mean deviation, 0 at
        `LEAST_STD`, 1 at 1. Shape (B, 4).
    """
    p = posterior.familiarity
    if p is None:
        p = torch.full_like(posterior.std[:, 0, 0], LEAST_P)
    least = torch.tensor(LEAST_P, dtype=p.dtype, device=p.device)
    familiar = 1 - p.clamp(min=LEAST_P, max=1).log() / least.log()
    # Cells, since a station that is read a thousand times is one place.
    cells = posterior.observed.any(dim=-1).sum(dim=-1).clamp(min=1)
    count = cells.to(p.dtype).log() / np.log(max(2, posterior.observed.shape[1]))
    weights = posterior.weights
    learned = torch.zeros_like(p) if weights is None else (1 - weights[:, 0]).clamp(0, 1)
    std = posterior.std.mean(dim=(1, 2)).to(p.dtype).clamp(min=LEAST_STD, max=1)
    wide = 1 - std.log() / np.log(LEAST_STD)
    return torch.stack([familiar, count, learned.to(p.dtype), wide], dim=-1).float()


def _objective(coefficients: np.ndarray, records: SkillRecords) -> tuple[float, np.ndarray]:
    """Weighted error with its ridge, and its gradient."""
    C = records.gain.shape[1]
    intercepts, slopes = coefficients[:C], coefficients[C:]
    logit = (records.features @ slopes)[:, None] + intercepts
    g = 1 / (1 + np.exp(-logit))
    change = records.weight * 2 * (g * records.size - records.gain) * g * (1 - g)
    away, steep = (intercepts - _OPEN) / _FARTHEST, slopes / STEEPEST
    value = records.error(g) + _RIDGE * ((away**2).mean() + (steep**2).sum())
    gradient = np.concatenate([change.sum(axis=0), records.features.T @ change.sum(axis=1)])
    pull = np.concatenate([2 * away / _FARTHEST / C, 2 * steep / STEEPEST])
    return value, gradient + _RIDGE * pull
