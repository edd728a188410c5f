"""Blocks whose tokens are scattered points and whose mixing is the selective scan."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mamba_diffae.fields.geometry import Geometry
from mamba_diffae.nn.embedding import Modulation
from mamba_diffae.nn.scan_order import scan_orders, scan_steps
from mamba_diffae.nn.trapezoidal import ExponentialTrapezoidal
from mamba_diffae.scan import selective_scan

StepKind = Literal["distance", "count", "learned"]
Discretisation = Literal["exponential-euler", "exponential-trapezoidal"]


class Paths(NamedTuple):
    """The scans over one set of points: computed once, used by every block.

    Attributes:
        order: Indices of points, shape (B or 1, K, L).
        step: Distance of each point from its predecessor in each scan, in length scales, shape
            (B or 1, K, L), or None.
        mask: True where a point is real, shape (B or 1, L).
    """

    order: Tensor
    step: Tensor | None
    mask: Tensor

    @classmethod
    def through(
        cls,
        coords: Tensor,
        mask: Tensor,
        directions: tuple[str, ...],
        kind: StepKind,
        length_scale: float,
        geometry: Geometry,
        values: Tensor | None = None,
    ) -> Paths:
        """The scans through points.

        Args:
            coords: Positions, shape (B, L, D).
            mask: True where a point is real, shape (B, L).
            directions: Names of `scan_order.DIRECTIONS`.
            kind: "distance" to the predecessor; "count", 1/N for N points; "learned", none, so that
                only the network's own factor is left.
            length_scale: Unit of the distance.
            geometry: What distances are measured on.
            values: What breaks ties between points at one place, shape (B, L, C).
        """
        order = scan_orders(coords, mask, directions, geometry, values)
        if kind == "distance":
            return cls(order, scan_steps(coords, mask, order, length_scale, geometry), mask)
        if kind == "count":
            step = 1 / mask.sum(dim=1).clamp(min=1)
            return cls(order, step[:, None, None].expand(order.shape), mask)
        return cls(order, None, mask)

    def expand(self, batch: int) -> Paths:
        """The same paths for every field of a batch."""
        step = None if self.step is None else self.step.expand(batch, -1, -1)
        return Paths(self.order.expand(batch, -1, -1), step, self.mask.expand(batch, -1))


@final
class MultiDirectionalMambaBlock(nn.Module):
    """Norm, one selective scan in K directions at once, gate, projection, residual.

    The step of point t is softplus(W x_t + b), the input-dependent factor of Mamba, times its
    distance from the predecessor (docs/concepts.md, eq. (20)): dynamics that do not change
    with the number of points. There is no convolution along the sequence, since neighbours in a
    scan of scattered points are not evenly spaced.

    Args:
        d_model: Width of a token.
        d_state: States of each feature, N.
        directions: K.
        modulation_dim: Size of a vector that modulates the block, or 0.
        discretisation: "exponential-euler": points are events, and only the decay between them sees
            the distance; "exponential-trapezoidal": a quadrature, see `ExponentialTrapezoidal`.

    Reference:
        Gu & Dao (2023), Mamba, arXiv 2312.00752, section 3.
    """

    def __init__(
        self,
        d_model: int,
        d_state: int,
        directions: int,
        modulation_dim: int = 0,
        discretisation: Discretisation = "exponential-euler",
    ) -> None:
        super().__init__()
        rank = math.ceil(d_model / 16)
        self.shape = (directions, d_state)
        self.norm = nn.LayerNorm(d_model)
        self.modulation = Modulation(modulation_dim, d_model, 3) if modulation_dim else None
        self.in_proj = nn.Linear(d_model, 2 * d_model)
        self.dt_down = nn.Linear(d_model, rank, bias=False)
        self.dt_up = nn.Linear(rank, d_model)
        self.BC_proj = nn.Linear(d_model, 2 * directions * d_state, bias=False)
        self.A_log = nn.Parameter(_initial_decay(directions, d_model, d_state).log())
        self.A_log._no_weight_decay = True  # pyright: ignore[reportAttributeAccessIssue]
        self.D = nn.Parameter(torch.ones(d_model))
        self.out_norm = nn.LayerNorm(d_model)
        self.out_proj = nn.Linear(d_model, d_model)
        nn.init.constant_(self.dt_up.bias, math.log(math.expm1(0.5)))  # softplus gives 0.5
        trapezoidal = discretisation == "exponential-trapezoidal"
        self.trapezoid = ExponentialTrapezoidal(d_model, directions) if trapezoidal else None

    def forward(self, tokens: Tensor, paths: Paths, modulation: Tensor | None = None) -> Tensor:
        """Mix the tokens.

        Args:
            tokens: Shape (B, L, d_model).
            paths: The scans through the points of the tokens.
            modulation: Shape (B, modulation_dim), or (B, L, modulation_dim).

        Returns:
            Shape (B, L, d_model).
        """
        u = self.norm(tokens)
        gate = None
        if self.modulation is not None and modulation is not None:
            scale, shift, gate = self.modulation(modulation)
            u = u * (1 + scale) + shift
        x, z = self.in_proj(u).chunk(2, dim=-1)
        y = self.out_proj(self.out_norm(self._scan(F.silu(x), paths)) * F.silu(z))
        return tokens + (y if gate is None else (1 + gate) * y)

    def _scan(self, x: Tensor, paths: Paths) -> Tensor:
        K, N = self.shape
        # A padded point has dt = 0: it leaves the state as it is.
        dt = F.softplus(self.dt_up(self.dt_down(x))) * paths.mask[..., None]
        B, C = self.BC_proj(x).unflatten(-1, (2, K, N)).permute(2, 0, 3, 1, 4)
        A = -self.A_log.exp()
        if self.trapezoid is None:
            return selective_scan(x, dt, A, B, C, self.D, step=paths.step, order=paths.order)
        order, gap, _ = paths.expand(len(x))
        return self.trapezoid(x, dt, A, B, C, order, gap) + self.D * x


def _initial_decay(directions: int, d_model: int, d_state: int) -> Tensor:
    """Rates for memories from 1 to 32 length scales, spread over the states, (K, D, N)."""
    rates = torch.logspace(0, -5, d_state, base=2) if d_state > 1 else torch.tensor([0.25])
    return rates.expand(directions, d_model, d_state).contiguous()


@final
class LinearTimeInvariantBlock(nn.Module):
    """The block of the first, time-invariant network: one state common to all features.

    h_t = exp(A / N) h_{t-1} + (1 / N) W_B x_t and y_t = W_C h_t, gated, with N the number of
    points. Its recurrence is the scan op on W_B x with one state for each feature. Several
    directions are several such systems, concatenated and fused.

    Args:
        d_model: Width of a token.
        directions: K.
        d_state: States, N.
    """

    def __init__(self, d_model: int, directions: int, d_state: int = 16) -> None:
        super().__init__()
        self.directions = directions
        self.norm = nn.LayerNorm(d_model)
        self.W_B = nn.Linear(d_model, directions * d_state, bias=False)
        self.W_C = nn.ModuleList(nn.Linear(d_state, d_model, bias=False) for _ in range(directions))
        self.A_log = nn.Parameter(torch.linspace(1, d_state, d_state).log().repeat(directions, 1))
        self.A_log._no_weight_decay = True  # pyright: ignore[reportAttributeAccessIssue]
        self.D = nn.Parameter(torch.ones(d_model))
        self.gate = nn.Linear(d_model, d_model)
        self.fuse = nn.Linear(directions * d_model, d_model)

    def forward(self, tokens: Tensor, paths: Paths) -> Tensor:
        """Mix tokens of shape (B, L, d_model) along `paths`, whose step is 1/N."""
        u = self.norm(tokens)
        states = self._states(self.W_B(u), paths)
        y = torch.cat([W(h) for W, h in zip(self.W_C, states, strict=True)], dim=-1)
        return tokens + (self.fuse(y) + self.D * u) * torch.sigmoid(self.gate(u))

    def _states(self, x: Tensor, paths: Paths) -> list[Tensor]:
        """The state at every point for each direction, K tensors of shape (B, L, N).

        The scan op would sum its directions: here each is a field of the batch.
        """
        assert paths.step is not None
        batch, length = x.shape[:2]
        x = x.unflatten(-1, (self.directions, -1)).transpose(1, 2).flatten(0, 1)
        dt = (paths.step * paths.mask[:, None]).flatten(0, 1)[..., None]
        one = torch.ones(batch * self.directions, length, 1, dtype=x.dtype, device=x.device)
        # The decay rates differ between the directions, so they go into dt, and the op's A is -1.
        rate = self.A_log.exp().repeat(batch, 1)[:, None]
        A = -torch.ones_like(rate[0].T)
        y = selective_scan(x, dt * rate, A, one, one, order=paths.order.flatten(0, 1)[:, None])
        return list((y / rate).unflatten(0, (batch, self.directions)).unbind(1))
