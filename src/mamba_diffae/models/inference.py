"""Asking a network: the posterior mean in one evaluation, or a draw by integrating the flow."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from mamba_diffae.fields import check_coords
from mamba_diffae.flow import Solution, field_keys, fold, noise, solve
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import Context

CHUNK = 4096
"""Queries that are asked at once, where a network lets them come in chunks."""
_STEP = 0x57E9
"""Marks the keys of the fresh noise of a step, apart from those of x_0."""


class Inputs(NamedTuple):
    """Checked observations: `coords` (B, L, D), `values` (B, L, C), scaled, and `mask` (B, L)."""

    coords: Tensor
    values: Tensor
    mask: Tensor


def reconstruct(
    net: FieldFlow,
    query_coords: Tensor,
    input_coords: Tensor,
    input_values: Tensor,
    input_mask: Tensor | None = None,
    latent: Tensor | None = None,
    context: Context | None = None,
) -> Tensor:
    """The posterior mean of the field, in one evaluation of the network and without randomness.

    Args:
        net: A trained network.
        query_coords: Where to know the field, shape (B, N, D), in [0, 1].
        input_coords: Where it was observed, shape (B, L, D), in [0, 1].
        input_values: What was observed, shape (B, L, C), scaled to about [-1, 1].
        input_mask: True where an observation is real, shape (B, L); None: all.
        latent: Decode this latent in place of the encoded one, shape (B, latent_dim).
        context: "latent+points" (default) also reads the nearest observations; "latent" does not.

    Returns:
        Shape (B, N, C), scaled.

    Raises:
        ValueError: If shapes or kinds disagree with each other or the network, coordinates leave
            [0, 1], values are not finite, or a field has no observation.
    """
    inputs = check_inputs(net, query_coords, input_coords, input_values, input_mask)
    with torch.no_grad():
        condition = _condition(net, inputs, latent, context)
        t = query_coords.new_zeros(len(query_coords))
        # One key for all: the place of a field in the batch must not matter to its mean.
        keys = field_keys(0, 1, query_coords.device).expand(len(query_coords))
        at_anchors = net.origin(_anchors(net, len(query_coords)), keys)
        tokens, _ = net.anchor_flow(condition, t, at_anchors)
        parts = []
        for coords in _chunks(net, query_coords):
            x_0 = net.origin(coords, keys)
            site = net.site(condition, coords)
            parts.append(x_0 + net.query_flow(condition, site, t, x_0, tokens))
    return torch.cat(parts, dim=1)


def sample(
    net: FieldFlow,
    query_coords: Tensor,
    input_coords: Tensor,
    input_values: Tensor,
    input_mask: Tensor | None = None,
    latent: Tensor | None = None,
    context: Context | None = None,
    *,
    solver: str = "heun",
    steps: int = 20,
    seed: int | Tensor = 0,
    temperature: float = 1.0,
) -> Tensor:
    """One draw of the field from the flow. The same seed is the same field, on whatever grid.

    Args:
        net: A trained network.
        query_coords: See `reconstruct`; likewise the next five.
        input_coords: See `reconstruct`.
        input_values: See `reconstruct`.
        input_mask: See `reconstruct`.
        latent: See `reconstruct`.
        context: See `reconstruct`.
        solver: "heun", "euler" or "stochastic".
        steps: Steps of the solver.
        seed: An int s gives field b the key (s, b); int64 of shape (B,) are the keys themselves.
        temperature: Of the stochastic solver.

    Returns:
        Shape (B, N, C), scaled.

    Raises:
        ValueError: As `reconstruct`, and for an unknown solver or a bad number of steps.
    """
    inputs = check_inputs(net, query_coords, input_coords, input_values, input_mask)
    options = {"solver": solver, "steps": steps, "temperature": temperature}
    return draw(net, query_coords, inputs, latent, context, seed, **options).x


def draw(
    net: FieldFlow,
    query_coords: Tensor,
    inputs: Inputs,
    latent: Tensor | None,
    context: Context | None,
    seed: int | Tensor,
    **options: Any,
) -> Solution:
    """`sample` on checked input, which also tells the number of network evaluations.

    The anchors are integrated once, and their tokens at every stage kept; then the queries stream
    through them, chunk by chunk.
    """
    batch = len(query_coords)
    keys = field_keys(seed, batch, query_coords.device)
    cells, C = net.config.noise_cells, net.config.value_dim
    track: list[Tensor | None] = []

    def integrate(coords: Tensor, velocity: Any) -> Solution:
        def fresh(step: int) -> Tensor:
            return noise(coords, C, fold(fold(keys, _STEP), step), cells)

        return solve(velocity, noise(coords, C, keys, cells), fresh=fresh, **options)

    with torch.no_grad():
        condition = _condition(net, inputs, latent, context)

        def anchor_velocity(x: Tensor, t: float, stage: int) -> Tensor:
            tokens, velocity = net.anchor_flow(condition, x.new_full((batch,), t), x)
            track.append(tokens)
            return velocity

        integrate(_anchors(net, batch), anchor_velocity)
        parts = []
        for coords in _chunks(net, query_coords):
            site = net.site(condition, coords)

            def velocity(x: Tensor, t: float, stage: int, site: Any = site) -> Tensor:
                return net.query_flow(condition, site, x.new_full((batch,), t), x, track[stage])

            parts.append(integrate(coords, velocity))
    return Solution(torch.cat([p.x for p in parts], dim=1), parts[0].evaluations)


def check_inputs(
    net: FieldFlow,
    query_coords: Tensor,
    input_coords: Tensor,
    input_values: Tensor,
    input_mask: Tensor | None,
) -> Inputs:
    """Refuse what no network should see, before any work; see `reconstruct`."""
    D, C = net.config.coord_dim, net.config.value_dim
    if input_mask is None:
        input_mask = torch.ones(
            input_coords.shape[:-1], dtype=torch.bool, device=input_coords.device
        )
    kind = next(net.parameters()).dtype
    _check_tensor("query_coords", query_coords, (len(input_coords), None, D), kind)
    _check_tensor("input_coords", input_coords, (len(query_coords), None, D), kind)
    _check_tensor("input_values", input_values, (*input_coords.shape[:2], C), kind)
    _check_tensor("input_mask", input_mask, tuple(input_coords.shape[:2]), torch.bool)
    check_coords(query_coords, "query_coords")
    if not input_mask.any(dim=1).all():
        blind = (~input_mask.any(dim=1)).nonzero().flatten().tolist()
        raise ValueError(f"Fields {blind[:8]} have no observation at all; give each at least one.")
    check_coords(input_coords[input_mask], "input_coords")
    bad = ~torch.isfinite(input_values[input_mask])
    if bad.any():
        raise ValueError(
            f"input_values: {int(bad.sum())} of {bad.numel()} are NaN or infinite; mark those "
            "points False in input_mask or leave them out."
        )
    coords = torch.where(input_mask[..., None], input_coords, 0.5)
    values = torch.where(input_mask[..., None], input_values, 0.0)
    return Inputs(coords, values, input_mask)


def _check_tensor(
    name: str, tensor: Tensor, expected: tuple[int | None, ...], kind: torch.dtype
) -> None:
    sizes = zip(tensor.shape, expected, strict=False)
    if tensor.ndim != len(expected) or any(e is not None and e != n for n, e in sizes):
        wanted = ", ".join("N" if e is None else str(e) for e in expected)
        raise ValueError(
            f"{name} has shape {tuple(tensor.shape)}; this network and the other arguments need "
            f"({wanted}), fields first."
        )
    if tensor.dtype != kind:
        raise ValueError(
            f"{name} is of {tensor.dtype}; expected {kind}: convert it with {name}.to({kind})."
        )


def _condition(
    net: FieldFlow, inputs: Inputs, latent: Tensor | None, context: Context | None
) -> Any:
    if not net.has_latent and (latent is not None or context is not None):
        raise ValueError(f"{net.kind} has no latent; leave `latent` and `context` out.")
    if context not in (None, "latent", "latent+points"):
        raise ValueError(f"Unknown context {context!r}; choose 'latent' or 'latent+points'.")
    if latent is not None:
        width = net.config.latent_dim  # pyright: ignore[reportAttributeAccessIssue]
        _check_tensor("latent", latent, (len(inputs.coords), width), inputs.coords.dtype)
    return net.condition(
        inputs.coords, inputs.values, inputs.mask, latent=latent, context=context or "latent+points"
    )


def _anchors(net: FieldFlow, batch: int) -> Tensor:
    return net.anchors.expand(batch, -1, -1)


def _chunks(net: FieldFlow, query_coords: Tensor) -> tuple[Tensor, ...]:
    return query_coords.split(CHUNK if net.streams else query_coords.shape[1], dim=1)
