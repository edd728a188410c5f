"""Asking a network: the posterior mean in one evaluation, or a draw by integrating the flow.

A draw carries noise to data; `invert` carries data back to its noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mamba_diffae.fields import Observations
from mamba_diffae.flow import Solution, field_keys, fold, solve
from mamba_diffae.models.base import FieldFlow, State
from mamba_diffae.models.checks import check_observations, check_state
from mamba_diffae.models.config import DecoderInputs
from mamba_diffae.models.queries import anchors_of, in_chunks, known_context
from mamba_diffae.priors import PriorPosterior

_STEP = 0x57E9
"""Marks the keys of the fresh noise of a step, apart from those of x_0."""


def reconstruct(
    net: FieldFlow,
    query_coords: Tensor,
    observations: Observations,
    *,
    latent: Tensor | None = None,
    decoder_inputs: DecoderInputs | None = None,
    posterior: PriorPosterior | None = None,
) -> Tensor:
    """The posterior mean of the field, in one evaluation of the network and without randomness.

    >>> from mamba_diffae import FieldAutoencoder, observe, open_field
    >>> model = FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
    >>> data = open_field("emoji").split("test").take([0])
    >>> seen = model.fitted.scaler.observations(observe(data, fraction=0.2))
    >>> reconstruct(model.fitted.network, torch.rand(1, 5, 2), seen).shape
    torch.Size([1, 5, 3])

    Args:
        net: A trained network.
        query_coords: Where to know the field, shape (B, N, D), inside coordinates.
        observations: Of B fields: inside coordinates, values scaled to about [-1, 1].
        latent: Decode this latent in place of the encoded one, shape (B, latent_dim).
        decoder_inputs: "latent+points" (default) also reads the nearest observations; "latent"
            does not; "none" reads nothing: what any field may be.
        posterior: What the prior makes of the observations, if that is known already.

    Returns:
        Shape (B, N, C), scaled.

    Raises:
        ValueError: If shapes or kinds disagree with each other or the network, coordinates leave
            the region, values are not finite, or a field has no observation.
    """
    checked = check_observations(net, query_coords, observations)
    return posterior_mean(net, query_coords, checked, latent, decoder_inputs, posterior)


def posterior_mean(
    net: FieldFlow,
    query_coords: Tensor,
    observations: Observations | None,
    latent: Tensor | None,
    decoder_inputs: DecoderInputs | None,
    posterior: PriorPosterior | None = None,
) -> Tensor:
    """`reconstruct` on checked observations, or from a latent alone where there are none.

    A draw of the flow is not gated as this mean is: `invert` would have to undo that.

    Args:
        net: See `reconstruct`; likewise the next four.
        query_coords: See `reconstruct`.
        observations: See `reconstruct`.
        latent: See `reconstruct`.
        decoder_inputs: See `reconstruct`.
        posterior: What the prior makes of the observations, if that is known already.
    """
    with torch.no_grad():
        context = known_context(net, observations, latent, decoder_inputs, posterior)
        return mean_at(net, context, query_coords)


def mean_at(net: FieldFlow, context: Any, query_coords: Tensor) -> Tensor:
    """`posterior_mean` of fields whose context is known already, without gradients."""
    with torch.no_grad():
        means = _means(net, context, query_coords)
        return torch.cat([net.gated_mean(context, *part) for part in means], dim=1)


def prior_and_network_mean(
    net: FieldFlow, query_coords: Tensor, observations: Observations, posterior: PriorPosterior
) -> tuple[Tensor, Tensor]:
    """The prior's mean and the network's own, not gated, each (B, N, C); see `posterior_mean`."""
    with torch.no_grad():
        context = known_context(net, observations, None, None, posterior)
        means = list(_means(net, context, query_coords))
        base = [net.base_mean(context, coords) for coords, _ in means]
    return torch.cat(base, dim=1), torch.cat([mean for _, mean in means], dim=1)


def _means(net: FieldFlow, context: Any, query_coords: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Queries, chunk by chunk, and the network's mean there."""
    at = network_mean(net, context, len(query_coords))
    for coords in in_chunks(net, query_coords):
        yield coords, at(coords)


def network_mean(net: FieldFlow, context: Any, batch: int) -> Callable[[Tensor], Tensor]:
    """The own mean of a network, not gated: from queries (B, N, D) to values (B, N, C), scaled."""
    anchors = anchors_of(net, batch)
    t = anchors.new_zeros(batch)
    # One key for all: the place of a field in the batch must not matter to its mean.
    keys = field_keys(0, 1, anchors.device).expand(batch)
    at_anchors = net.mean_initial_state(anchors, keys)
    output, _ = net.anchor_flow(context, t, at_anchors)

    def at(coords: Tensor) -> Tensor:
        x_0 = net.mean_initial_state(coords, keys)
        features = net.query_features(context, coords)
        return x_0 + net.query_flow(context, features, t, x_0, output)

    return at


def prior_std_at(net: FieldFlow, context: Any, query_coords: Tensor) -> Tensor:
    """The deviation that a network's prior states, (B, N, 1), scaled; see `mean_at`."""
    with torch.no_grad():
        return torch.cat([net.prior_std(context, c) for c in in_chunks(net, query_coords)], dim=1)


def sample_flow(
    net: FieldFlow,
    query_coords: Tensor,
    observations: Observations,
    *,
    latent: Tensor | None = None,
    decoder_inputs: DecoderInputs | None = None,
    seed: int | Tensor | State = 0,
    solver: str = "heun",
    steps: int = 20,
    temperature: float = 1.0,
) -> Tensor:
    """One draw of the field from the flow. The same seed is the same field, on whatever grid.

    >>> from mamba_diffae import FieldAutoencoder, observe, open_field
    >>> model = FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
    >>> data = open_field("emoji").split("test").take([0])
    >>> seen = model.fitted.scaler.observations(observe(data, fraction=0.2))
    >>> sample_flow(model.fitted.network, torch.rand(1, 5, 2), seen, steps=2).shape
    torch.Size([1, 5, 3])

    Args:
        net: A trained network.
        query_coords: See `reconstruct`; likewise the next three.
        observations: See `reconstruct`.
        latent: See `reconstruct`.
        decoder_inputs: See `reconstruct`.
        seed: An int s gives field b the key (s, b); int64 of shape (B,) are the keys themselves; or
            the noise to begin with, from `invert`.
        solver: "heun", "euler" or "stochastic".
        steps: Steps of the solver.
        temperature: Of the stochastic solver.

    Returns:
        Shape (B, N, C), scaled.

    Raises:
        ValueError: As `reconstruct`, and for an unknown solver or a bad number of steps.
    """
    checked = check_observations(net, query_coords, observations)
    options = {"solver": solver, "steps": steps, "temperature": temperature}
    with torch.no_grad():
        context = known_context(net, checked, latent, decoder_inputs)
    return solve_flow(net, context, query_coords, seed, **options).x


def solve_flow(
    net: FieldFlow,
    context: Any,
    query_coords: Tensor,
    seed: int | Tensor | State,
    **options: Any,
) -> Solution:
    """`sample_flow` of fields whose context is known, from observations or from latents alone.

    It also tells the number of network evaluations.
    """
    batch = len(query_coords)
    given = isinstance(seed, State)
    keys = field_keys(0 if given else seed, batch, query_coords.device)

    def at(coords: Tensor, keys: Tensor) -> Tensor:
        return torch.cat([net.noise(c, keys) for c in in_chunks(net, coords)], dim=1)

    def fresh(coords: Tensor, step: int) -> Tensor:
        return at(coords, fold(fold(keys, _STEP), step))

    if given:
        check_state(net, query_coords, seed)
        start = seed
    else:
        start = State(at(query_coords, keys), at(anchors_of(net, batch), keys))
    with torch.no_grad():
        end, evaluations = _carry(net, context, query_coords, start, fresh, **options)
    return Solution(end.queries, evaluations)


def invert(
    net: FieldFlow,
    query_coords: Tensor,
    state: State,
    observations: Observations,
    *,
    latent: Tensor | None = None,
    decoder_inputs: DecoderInputs | None = None,
    steps: int = 20,
) -> State:
    """The noise from which the flow draws a given field: `sample_flow` with it draws it again.

    The solver is Heun's, from t = 1 to t = 0; both ways err by O(1 / steps²). A query's noise
    depends on no other query.

    Args:
        net: A trained network.
        query_coords: Where the field is known, shape (B, N, D), inside coordinates.
        state: The field there (B, N, C), and averaged around every anchor (B, A, C), scaled; A = 0
            for a network without anchors.
        observations: See `reconstruct`; likewise the next two.
        latent: See `reconstruct`.
        decoder_inputs: See `reconstruct`.
        steps: Steps of the solver.

    Returns:
        Noise at the queries and at the anchors.

    Raises:
        ValueError: As `reconstruct`, and for a field that does not fit or is not finite.

    Reference:
        Song et al. (2021), arXiv 2011.13456, section 4.3: the encoding by the probability flow.
    """
    checked = check_observations(net, query_coords, observations)
    check_state(net, query_coords, state)
    with torch.no_grad():
        context = known_context(net, checked, latent, decoder_inputs)
        return _carry(net, context, query_coords, state, None, steps=steps, span=(1.0, 0.0))[0]


def _carry(
    net: FieldFlow,
    context: Any,
    query_coords: Tensor,
    start: State,
    fresh: Callable[[Tensor, int], Tensor] | None,
    **options: Any,
) -> tuple[State, int]:
    """The state carried along the flow, and the number of evaluations.

    The anchors are integrated once, and their output at every stage kept; then the queries stream
    through them, chunk by chunk.
    """
    batch = len(query_coords)
    outputs: list[Any] = []

    def integrate(velocity: Any, x: Tensor, coords: Tensor) -> Solution:
        normals = None if fresh is None else partial(fresh, coords)
        return solve(velocity, x, fresh=normals, **options)

    def anchor_velocity(x: Tensor, t: float, stage: int) -> Tensor:
        output, velocity = net.anchor_flow(context, x.new_full((batch,), t), x)
        outputs.append(output)
        return velocity

    anchors = integrate(anchor_velocity, start.anchors, anchors_of(net, batch))
    parts = []
    states = in_chunks(net, start.queries)
    for coords, x_q in zip(in_chunks(net, query_coords), states, strict=True):
        features = net.query_features(context, coords)

        def velocity(x: Tensor, t: float, stage: int, features: Any = features) -> Tensor:
            return net.query_flow(context, features, x.new_full((batch,), t), x, outputs[stage])

        parts.append(integrate(velocity, x_q, coords).x)
    return State(torch.cat(parts, dim=1), anchors.x), anchors.evaluations
