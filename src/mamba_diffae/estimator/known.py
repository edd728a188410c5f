"""Observations and latents of the user's as batches for a network, checked and on its device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import Observations, Scaling, as_batch
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.inputs import Inputs, check_inputs

FIELDS_AT_ONCE = 16


@final
class Known(NamedTuple):
    """What is known of the fields of one batch: observations, a latent, or both.

    Attributes:
        inputs: Checked observations of B fields.
        latent: In place of the encoded one, shape (B, latent_dim).
        numbers: Which fields they are: what tells their draws apart, shape (B,), int64.
    """

    inputs: Inputs | None
    latent: Tensor | None
    numbers: Tensor


def chosen_device(name: str) -> torch.device:
    """A device by its name on the shell; a ValueError if it is not there."""
    gpu = torch.cuda.is_available()
    if name not in ("auto", "cpu", "cuda") or (name == "cuda" and not gpu):
        found = "a GPU is there" if gpu else "there is no GPU"
        raise ValueError(f"Device {name!r} was asked; choose auto, cpu or cuda ({found}).")
    return torch.device("cuda" if gpu and name != "cpu" else "cpu")


def autoencoder(net: FieldFlow) -> MambaDiffusionAutoencoder:
    """The network, if it has a latent; else a ValueError."""
    if not isinstance(net, MambaDiffusionAutoencoder):
        raise ValueError(f"The model {net.kind!r} has no latent; fit model='autoencoder'.")
    return net


def checked_inputs(
    net: FieldFlow, scaling: Scaling, observations: Observations, query: Tensor | None = None
) -> Inputs:
    """Observations for a network.

    Args:
        net: Which network.
        scaling: Of the fields it was fitted on.
        observations: In the unit of the field.
        query: Where the field will be asked, shape (1, N, D), if that is to be checked as well.

    Raises:
        ValueError: If they do not fit the network.
    """
    seen = as_batch(observations)
    theirs, ours = seen.values.shape[-1], net.config.value_dim
    if theirs != ours:
        raise ValueError(
            f"The observations have {theirs} channels, but this model was fitted on fields of "
            f"{ours}; give it such fields, or fit another model."
        )
    somewhere = torch.full((1, 1, net.config.coord_dim), 0.5)
    asked = (somewhere if query is None else query).expand(len(seen), -1, -1)
    return check_inputs(net, asked, seen.coords, scaling.scale(seen.values), seen.mask)


def checked_latents(net: FieldFlow, latents: np.ndarray) -> Tensor:
    """Latents for a network, shape (B, latent_dim); a ValueError if they do not fit it."""
    width = autoencoder(net).config.latent_dim
    given = np.asarray(latents, dtype=np.float32)
    if given.ndim != 2 or 0 in given.shape or given.shape[1] != width:
        raise ValueError(
            f"latents have shape {given.shape}; expected (fields, {width}), as from encode."
        )
    if not np.isfinite(given).all():
        raise ValueError("latents hold NaN or infinite values; give finite numbers.")
    return torch.from_numpy(given)


def batches(net: FieldFlow, inputs: Inputs | None, latents: Tensor | None) -> Iterator[Known]:
    """So many fields at a time, on the network's device.

    Args:
        net: Which network.
        inputs: From `checked_inputs`; None: the latents alone are known.
        latents: From `checked_latents`; None: they are to be encoded.

    Raises:
        ValueError: If there are other numbers of latents than of fields.
    """
    given = [*(inputs or ()), *(() if latents is None else (latents,))]
    if len({len(tensor) for tensor in given}) > 1:
        raise ValueError(
            f"{len(given[-1])} latents were given with observations of {len(given[0])} fields; "
            "give one latent for each."
        )
    device = next(net.parameters()).device
    for rows in torch.arange(len(given[0])).split(FIELDS_AT_ONCE):
        part = [tensor[rows].to(device) for tensor in given]
        seen = None if inputs is None else Inputs(*part[:3])
        yield Known(seen, None if latents is None else part[-1], rows.to(device))
