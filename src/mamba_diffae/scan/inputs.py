"""The inputs of one scan in the canonical layout that every backend takes."""

from typing import NamedTuple

import torch
from torch import Tensor


class ScanInputs(NamedTuple):
    """An axis written K|1 or B|1 may have size 1: shared by all directions or fields."""

    x: Tensor  # (B, L, D)
    dt: Tensor  # (B, K|1, L, D)
    A: Tensor  # (K|1, D, N)
    B: Tensor  # (B, K|1, L, N)
    C: Tensor  # (B, K|1, L, N)
    D: Tensor | None  # (D,)
    step: Tensor | None  # (B, K|1, L)
    order: Tensor | None  # (B|1, K, L)
    step_input: bool

    @property
    def differentiable(self) -> tuple[Tensor | None, ...]:
        """x, dt, A, B, C, D and step, in the order of the gradients."""
        return self[:7]

    @property
    def directions(self) -> int:
        """Number of directions, K."""
        return 1 if self.order is None else self.order.shape[1]

    @property
    def compute_dtype(self) -> torch.dtype:
        """float64 if any input is, else float32, in which every sum runs."""
        given = (tensor.dtype for tensor in self.differentiable if tensor is not None)
        return torch.float64 if torch.float64 in given else torch.float32

    def in_compute_dtype(self) -> "ScanInputs":
        """The same inputs, every float in `compute_dtype`."""
        dtype = self.compute_dtype
        given = zip(self._fields, self.differentiable, strict=False)
        cast = {name: value.to(dtype) for name, value in given if value is not None}
        return self._replace(**cast)

    def order_or_sequence(self) -> Tensor:
        """The visiting order, int64 (B|1, K, L); without one, the points as they come."""
        if self.order is None:
            return torch.arange(self.x.shape[1], device=self.x.device)[None, None]
        return self.order.long()

    def step_or_ones(self) -> Tensor:
        """The step, (B|1, K|1, L); without one, 1 everywhere."""
        return self.x.new_ones(1, 1, self.x.shape[1]) if self.step is None else self.step
