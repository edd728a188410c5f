"""Asking a network: the posterior mean in one evaluation, or a draw by integrating the flow.

A draw carries noise to data; `invert` carries data back to its noise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mamba_diffae.flow import Solution, field_keys, fold, solve
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import CONTEXTS, Context
from mamba_diffae.models.inputs import Inputs, Noise, check_inputs, check_state, check_tensor

CHUNK = 4096
"""Queries that are asked at once, where a network lets them come in chunks."""
_STEP = 0x57E9
"""Marks the keys of the fresh noise of a step, apart from those of x_0."""


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
        context: "latent+points" (default) also reads the nearest observations; "latent" does not;
            "none" reads nothing: what any field may be.

    Returns:
        Shape (B, N, C), scaled.

    Raises:
        ValueError: If shapes or kinds disagree with each other or the network, coordinates leave
            [0, 1], values are not finite, or a field has no observation.
    """
    inputs = check_inputs(net, query_coords, input_coords, input_values, input_mask)
    return mean(net, query_coords, inputs, latent, context)


def mean(
    net: FieldFlow,
    query_coords: Tensor,
    inputs: Inputs | None,
    latent: Tensor | None,
    context: Context | None,
) -> Tensor:
    """`reconstruct` on checked input, or from a latent alone where `inputs` is None."""
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
    seed: int | Tensor | Noise = 0,
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
        seed: An int s gives field b the key (s, b); int64 of shape (B,) are the keys themselves; or
            the noise to begin with, from `invert`.
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
    inputs: Inputs | None,
    latent: Tensor | None,
    context: Context | None,
    seed: int | Tensor | Noise,
    **options: Any,
) -> Solution:
    """`sample` on checked input, which also tells the number of network evaluations.

    Where `inputs` is None the field is drawn from a latent alone.
    """
    batch = len(query_coords)
    given = isinstance(seed, Noise)
    keys = field_keys(0 if given else seed, batch, query_coords.device)

    def at(coords: Tensor, keys: Tensor) -> Tensor:
        return torch.cat([net.noise(c, keys) for c in _chunks(net, coords)], dim=1)

    def fresh(coords: Tensor, step: int) -> Tensor:
        return at(coords, fold(fold(keys, _STEP), step))

    if given:
        check_state(net, query_coords, seed)
        start = seed
    else:
        start = Noise(at(query_coords, keys), at(_anchors(net, batch), keys))
    with torch.no_grad():
        condition = _condition(net, inputs, latent, context)
        end, evaluations = _carry(net, condition, query_coords, start, fresh, **options)
    return Solution(end.queries, evaluations)


def invert(
    net: FieldFlow,
    query_coords: Tensor,
    query_values: Tensor,
    anchor_values: Tensor,
    input_coords: Tensor,
    input_values: Tensor,
    input_mask: Tensor | None = None,
    latent: Tensor | None = None,
    context: Context | None = None,
    *,
    steps: int = 20,
) -> Noise:
    """The noise from which the flow draws a given field: `sample` with it as seed draws it again.

    The solver is Heun's, of `sample`, from t = 1 to t = 0; both err by O(1 / steps²). A query's
    noise depends on no other query.

    Args:
        net: A trained network.
        query_coords: Where the field is known, shape (B, N, D), in [0, 1].
        query_values: The field there, shape (B, N, C), scaled.
        anchor_values: The field averaged around every anchor, shape (B, A, C), scaled; A = 0 for a
            network without anchors.
        input_coords: See `reconstruct`; likewise the next four.
        input_values: See `reconstruct`.
        input_mask: See `reconstruct`.
        latent: See `reconstruct`.
        context: See `reconstruct`.
        steps: Steps of the solver.

    Returns:
        Noise at the queries and at the anchors.

    Raises:
        ValueError: As `reconstruct`, and for a field that does not fit or is not finite.

    Reference:
        Song et al. (2021), arXiv 2011.13456, section 4.3: the encoding by the probability flow.
    """
    inputs = check_inputs(net, query_coords, input_coords, input_values, input_mask)
    data = Noise(query_values, anchor_values)
    check_state(net, query_coords, data)
    with torch.no_grad():
        condition = _condition(net, inputs, latent, context)
        return _carry(net, condition, query_coords, data, None, steps=steps, span=(1.0, 0.0))[0]


def _carry(
    net: FieldFlow,
    condition: Any,
    query_coords: Tensor,
    start: Noise,
    fresh: Callable[[Tensor, int], Tensor] | None,
    **options: Any,
) -> tuple[Noise, int]:
    """The state carried along the flow, and the number of evaluations.

    The anchors are integrated once, and their tokens at every stage kept; then the queries stream
    through them, chunk by chunk.
    """
    batch = len(query_coords)
    track: list[Tensor | None] = []

    def integrate(velocity: Any, x: Tensor, coords: Tensor) -> Solution:
        normals = None if fresh is None else partial(fresh, coords)
        return solve(velocity, x, fresh=normals, **options)

    def anchor_velocity(x: Tensor, t: float, stage: int) -> Tensor:
        tokens, velocity = net.anchor_flow(condition, x.new_full((batch,), t), x)
        track.append(tokens)
        return velocity

    anchors = integrate(anchor_velocity, start.anchors, _anchors(net, batch))
    parts = []
    states = _chunks(net, start.queries)
    for coords, x_q in zip(_chunks(net, query_coords), states, strict=True):
        site = net.site(condition, coords)

        def velocity(x: Tensor, t: float, stage: int, site: Any = site) -> Tensor:
            return net.query_flow(condition, site, x.new_full((batch,), t), x, track[stage])

        parts.append(integrate(velocity, x_q, coords).x)
    return Noise(torch.cat(parts, dim=1), anchors.x), anchors.evaluations


def _condition(
    net: FieldFlow, inputs: Inputs | None, latent: Tensor | None, context: Context | None
) -> Any:
    if not net.has_latent and (latent is not None or context is not None):
        raise ValueError(f"{net.kind} has no latent; leave `latent` and `context` out.")
    if context not in (None, *CONTEXTS):
        raise ValueError(f"Unknown context {context!r}; choose one of {', '.join(CONTEXTS)}.")
    if latent is not None:
        width = net.config.latent_dim  # pyright: ignore[reportAttributeAccessIssue]
        kind = next(net.parameters()).dtype
        check_tensor(
            "latent", latent, (None if inputs is None else len(inputs.coords), width), kind
        )
    if inputs is None:
        assert latent is not None
        return net.condition_on_latent(latent)
    return net.condition(
        inputs.coords, inputs.values, inputs.mask, latent=latent, context=context or "latent+points"
    )


def _anchors(net: FieldFlow, batch: int) -> Tensor:
    return net.anchors.expand(batch, -1, -1)


def _chunks(net: FieldFlow, points: Tensor) -> tuple[Tensor, ...]:
    return points.split(CHUNK if net.streams else max(1, points.shape[1]), dim=1)
