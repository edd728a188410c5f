"""Fields with more or less of an attribute, and what else changes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData, Observations, Targets, observe, own_defaults
from mamba_diffae.latent.directions import Directions

VISIBLE = 0.05
"""A cell has changed if a channel changed by more than this share of the range of values."""


@final
@dataclass(frozen=True)
class AttributeChange:
    """How far an edit took the log odds of one attribute.

    Attributes:
        name: Of the attribute.
        before: Log odds that the unedited rendering has it, once it is encoded again.
        after: The same of the edited rendering.
        asked: How far the edit moved the latent itself along this probe.
    """

    name: str
    before: float
    after: float
    asked: float

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before


@own_defaults()
def edit(
    model: FieldAutoencoder,
    observations: Observations,
    move: np.ndarray,
    amount: float,
    *,
    condition_on_points: bool = True,
    targets: Targets = None,
) -> np.ndarray:
    """The mean of fields whose latents are moved along a direction.

    >>> from mamba_diffae import FieldAutoencoder, observe, open_field
    >>> model = FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
    >>> obs = observe(open_field("emoji").split("test").take([0]), fraction=0.2)
    >>> edit(model, obs, np.zeros(model.latent_dim), amount=1.0, targets=8).shape
    (1, 8, 8, 3)

    Args:
        model: Fitted.
        observations: What was seen.
        move: What amount 1 adds to a latent, from `Directions.move`, shape (latent_dim,).
        amount: How far; 1 is the distance between the classes' means, negative is less of it.
        condition_on_points: Whether the points are read beside the edited latent, so that the
            observed values stay. Else the field is decoded from the latent alone.
        targets: See `FieldAutoencoder.predict`; None: the native grid.

    Returns:
        Shape (B, *shape, C), in the units of the fields.

    Raises:
        ValueError: If the model is not fitted or has no latent, the observations or the move do not
            fit it, or the amount is not finite.

    Reference:
        Preechakul et al. (2022), Diffusion Autoencoders, arXiv 2111.15640, section 4.2.
    """
    model.fitted.check_whole("A latent is edited")
    if np.shape(move) != (model.latent_dim,):
        raise ValueError(
            f"The move has shape {np.shape(move)}; expected ({model.latent_dim},), as from "
            "Directions.move."
        )
    if not np.isfinite(amount):
        raise ValueError(f"The amount is {amount}; give a finite number, such as 1.5.")
    latents = model.encode(observations) + np.float32(amount) * move
    if condition_on_points:
        return model.predict(observations, targets, latents=latents).mean
    return model.decode(latents, targets).mean


def changed_fraction(before: np.ndarray, after: np.ndarray) -> float:
    """Share of cells that visibly changed.

    Args:
        before: On the scale [0, 1], shape (..., C).
        after: The same.
    """
    return float((np.abs(after - before).max(axis=-1) > VISIBLE).mean())


def attribute_changes(
    model: FieldAutoencoder,
    directions: Directions,
    before: np.ndarray,
    after: np.ndarray,
    move: np.ndarray,
) -> list[AttributeChange]:
    """Every attribute before and after an edit, in the order of the directions.

    Both fields are encoded again from all their cells: what a probe then says was really drawn,
    while the move of the latent is only what was asked.

    Args:
        model: Fitted.
        directions: Its own.
        before: The field without the edit, shape (*shape, C), native, in the units of the field.
        after: The edited field, likewise.
        move: What was added to the latent, shape (latent_dim,).
    """
    both = FieldData(model.variables, model.grid, np.stack([before, after]))
    told = directions.scores(model.encode(observe(both, 1.0)))
    columns = zip(directions.counts, *told, directions.weights @ move, strict=True)
    return [AttributeChange(name, *map(float, numbers)) for name, *numbers in columns]
