"""From one field to another through the latent, and beside it the blend of their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import (
    FieldData,
    Observations,
    Query,
    ShapeError,
    Targets,
    as_observations,
    own_defaults,
)
from mamba_diffae.latent.inversion import invert, require_flow, sample_from
from mamba_diffae.models import State
from mamba_diffae.registry import unknown

NoiseKind = Literal["mean", "seeded", "inverted"]
NOISES: tuple[NoiseKind, ...] = ("mean", "seeded", "inverted")


@final
@dataclass(frozen=True, eq=False)
class Interpolation:
    """A path of fields from one to another.

    Attributes:
        alphas: How far along, 0 to 1, shape (K,).
        latents: What each was decoded from, shape (K, latent_dim).
        values: Shape (K, *shape, C), in the units of the fields.
    """

    alphas: np.ndarray
    latents: np.ndarray
    values: np.ndarray


@own_defaults()
def interpolate(
    model: FieldAutoencoder,
    a: Observations,
    b: Observations,
    n_steps: int = 6,
    *,
    targets: Targets = None,
    noise: NoiseKind = "mean",
    complete: Sequence[FieldData] | None = None,
    seed: int = 0,
    steps: int = 20,
    on_progress: Callable[[int, int], None] | None = None,
) -> Interpolation:
    """Fields between two observed ones: latents on the straight line, each decoded alone.

    The points themselves are not read, since those of two fields cannot be blended.

    >>> from mamba_diffae import FieldAutoencoder, observe, open_field
    >>> model = FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
    >>> obs = observe(open_field("emoji").split("test").take([0, 9]), fraction=0.2)
    >>> interpolate(model, obs[0], obs[1], n_steps=3, targets=8).values.shape
    (3, 8, 8, 3)

    Args:
        model: Fitted.
        a: What was observed of the first field.
        b: What was observed of the second.
        n_steps: Fields on the path, with both ends.
        targets: See `FieldAutoencoder.predict`; None: the native grid.
        noise: "mean" decodes the mean; "seeded" draws every field with one key; "inverted" draws
            from the noises of the two complete fields, with the arc between them, by the flow.
        complete: Both fields, one each and on the native grid, for "inverted".
        seed: Of the draws.
        steps: Steps of Heun's solver, where the flow draws.
        on_progress: Called with (fields done, fields in all).

    Raises:
        ValueError: If the model is not fitted or has no latent; if `a` or `b` is not one field;
            there are fewer than two steps; or the noise is unknown, or lacks complete fields or
            a flow.

    Reference:
        Preechakul et al. (2022), Diffusion Autoencoders, arXiv 2111.15640, section 4.1.
    """
    model.fitted.check_whole("Latents are interpolated")
    _check(model, n_steps, targets, noise, complete)
    ends = np.concatenate([model.encode(_one(field)) for field in (a, b)])
    alphas = np.linspace(0, 1, n_steps)
    latents = lerp(ends[0], ends[1], alphas).astype(np.float32)
    tell = on_progress or (lambda done, count: None)
    if noise == "mean":
        return Interpolation(alphas, latents, model.decode(latents, targets, on_progress=tell).mean)
    between = None
    if complete is not None and noise == "inverted":
        between = _arc(_inverted(model, complete, [a, b], ends, steps), alphas)
    frames = []
    for i, z in enumerate(latents[:, None]):
        if between is None:  # each alone, so that it has the number 0 and with it the one key
            frames.append(model.decode(z, targets, 1, seed=seed, steps=steps).draws[0])
        else:
            start = State(*(part[i : i + 1] for part in between))
            drawn = sample_from(model, start, None, latents=z, steps=steps)
            query = Query.of(targets, model.grid)
            frames.append(query.finish(drawn.reshape(1, -1, drawn.shape[-1])))
        tell(i + 1, n_steps)
    return Interpolation(alphas, latents, np.concatenate(frames))


def lerp(a: np.ndarray, b: np.ndarray, alphas: np.ndarray) -> np.ndarray:
    """Points on the straight line from `a` to `b`, shape (K, *a.shape); the ends are exact.

    Args:
        a: Any shape.
        b: The same.
        alphas: 0 to 1, shape (K,).
    """
    alpha = np.asarray(alphas).reshape(-1, *[1] * np.ndim(a))
    return (1 - alpha) * a + alpha * b


def slerp_weights(a: Tensor, b: Tensor, alphas: np.ndarray) -> Tensor:
    """Weights of two vectors on the arc between them; beside it straight, where there is none.

    Args:
        a: Shape (N,).
        b: Shape (N,).
        alphas: 0 to 1, shape (K,).

    Returns:
        Shape (K, 2), in double precision: of vectors of one length all combinations have that
        length, and equal steps are equal angles. Vectors that are parallel or opposite have no one
        arc; theirs is the straight line.

    Reference:
        Shoemake (1985), Animating Rotation with Quaternion Curves.
    """
    alpha = torch.as_tensor(np.asarray(alphas), dtype=torch.float64)
    weights = torch.stack([1 - alpha, alpha], dim=1)
    u, v = (x.double() / x.double().norm().clamp(min=1e-300) for x in (a, b))
    # Of sums and differences: the arc cosine of nearly 1 would lose half of the digits.
    angle = 2 * torch.atan2((u - v).norm(), (u + v).norm())
    if torch.sin(angle) < 1e-6:
        return weights
    return torch.sin(weights * angle) / torch.sin(angle)


def _inverted(
    model: FieldAutoencoder,
    complete: Sequence[FieldData],
    observed: Sequence[Observations],
    ends: np.ndarray,
    steps: int,
) -> list[State]:
    """The noise of both complete fields beside their latents, each of one field."""
    return [
        invert(
            model,
            field,
            observations,
            latents=end[None],
            decoder_inputs="latent",
            steps=steps,
        )
        for field, observations, end in zip(complete, observed, ends, strict=True)
    ]


def _arc(ends: list[State], alphas: np.ndarray) -> State:
    """The noise along the arc: pixels and anchors are parts of one vector, and turn together."""
    first, second = (torch.cat([part.flatten() for part in end]) for end in ends)
    weights = slerp_weights(first, second, alphas).float()
    return State(
        *(
            torch.einsum("ke,enc->knc", weights, torch.cat(parts))
            for parts in zip(*ends, strict=True)
        )
    )


def _one(observations: Observations) -> Observations:
    count = len(as_observations(observations))
    if count != 1:
        raise ShapeError(f"One field was expected at each end, and {count} were given.")
    return observations


def _check(
    model: FieldAutoencoder,
    n_steps: int,
    targets: Targets,
    noise: str,
    complete: Sequence[FieldData] | None,
) -> None:
    if n_steps < 2:
        raise ValueError(f"n_steps is {n_steps}; a path has two fields, its ends, or more.")
    if noise not in NOISES:
        raise unknown("noise", noise, NOISES)
    if noise != "inverted":
        return
    require_flow(model, "Noise 'inverted'")
    if complete is None or [len(field) for field in complete] != [1, 1]:
        raise ValueError(
            "Noise 'inverted' needs the two complete fields, as `complete`; with observations "
            "alone draw with noise 'seeded'."
        )
    if not _native_or_coarser(model, targets):
        raise ShapeError(
            f"Inverted noise is known at the native {model.grid.describe_shape()} cells, and finer "
            "targets were asked; ask for those or coarser ones, or draw with noise 'seeded'."
        )


def _native_or_coarser(model: FieldAutoencoder, targets: Targets) -> bool:
    asked = Query.of(targets, model.grid).asked
    return asked is not None and asked.shape == model.grid.shape
