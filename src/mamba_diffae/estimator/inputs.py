"""Observations and latents of a user's as batches for a network, checked and on its device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import Observations, ShapeError, ValuesError
from mamba_diffae.fields.given import float_array
from mamba_diffae.models.base import FieldFlow

FIELDS_AT_ONCE = 16


@final
class ConditioningBatch(NamedTuple):
    """What is known of the fields of one batch: observations, a latent, or both.

    Attributes:
        observations: Checked ones of B fields: inside coordinates, scaled values.
        latent: In place of the encoded one, shape (B, latent_dim).
        numbers: Which fields they are: what tells their draws apart, shape (B,), int64.
    """

    observations: Observations | None
    latent: Tensor | None
    numbers: Tensor


def chosen_device(name: str) -> torch.device:
    """A device by its name on the shell; a ValueError if it is not there."""
    gpu = torch.cuda.is_available()
    if name not in ("auto", "cpu", "cuda") or (name == "cuda" and not gpu):
        found = "a GPU is there" if gpu else "there is no GPU"
        raise ValueError(f"Device {name!r} was asked; choose auto, cpu or cuda ({found}).")
    return torch.device("cuda" if gpu and name != "cpu" else "cpu")


def checked_latents(latent_dim: int, latents: np.ndarray) -> Tensor:
    """Latents for a network, shape (B, latent_dim); a ValueError if they do not fit it."""
    with np.errstate(over="ignore"):  # what is beyond single precision is refused as infinite
        given = float_array(latents, "latents").astype(np.float32)
    if given.ndim != 2 or 0 in given.shape or given.shape[1] != latent_dim:
        raise ShapeError(
            f"latents have shape {given.shape}; expected (fields, {latent_dim}), as from encode."
        )
    if not np.isfinite(given).all():
        raise ValuesError("latents hold NaN or infinite values; give finite numbers.")
    return torch.from_numpy(given)


def batches(
    net: FieldFlow, observations: Observations | None, latents: Tensor | None
) -> Iterator[ConditioningBatch]:
    """So many fields at a time, on the network's device.

    Args:
        net: Which network.
        observations: Inside coordinates, scaled; None: the latents alone are known.
        latents: From `checked_latents`; None: they are to be encoded.

    Raises:
        ValueError: If there are other numbers of latents than of fields, or neither.
    """
    counts = [len(part) for part in (observations, latents) if part is not None]
    if not counts:
        raise ShapeError("Neither observations nor latents were given; give one of them, or both.")
    if len(set(counts)) > 1:
        raise ShapeError(
            f"{counts[-1]} latents were given with observations of {counts[0]} fields; give one "
            "latent for each."
        )
    device = next(net.parameters()).device
    for rows in torch.arange(counts[0]).split(FIELDS_AT_ONCE):
        seen = None if observations is None else observations[rows].to(device)
        z = None if latents is None else latents[rows].to(device)
        yield ConditioningBatch(seen, z, rows.to(device))
