"""Fields with attributes that their values tell, and a tiny model of them."""

import warnings
from dataclasses import replace

import numpy as np

from mamba_diffae import FieldAutoencoder, FieldData

FEW = {"steps": 3, "batch_size": 4, "show_progress": False}
PHASES = ("autoencoder", "ensemble", "flow", "latent")
CHANGES = {"model": {"d_model": 16}, **dict.fromkeys(PHASES, FEW)}


def attributed(fields: FieldData) -> FieldData:
    """Fields of which each has a copy, in noise, that says the same as it: their groups.

    The first variables of bright and of red fields lie higher.
    """
    count = len(fields) // 2
    rng = np.random.default_rng(0)
    bright, red = rng.random((2, count)) < 0.5
    values = fields.values[:count] / 3
    values[..., 0] += np.where(bright, 1, -1)[:, None, None]
    values[..., 1] += np.where(red, 1, -1)[:, None, None]
    copied = np.concatenate([values, values + rng.normal(0, 0.1, values.shape)])
    twice = np.arange(2 * count) % count
    return replace(
        fields.take(twice),
        values=copied.astype(np.float32),
        groups=twice,
        attributes={"bright": bright[twice], "colour": np.where(red, "red", "blue")[twice]},
    )


def tiny_model(truth: FieldData, *phases: str) -> FieldAutoencoder:
    """Trained for a few steps in some phases; none named: in all, the optional one as well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # after so few steps no latent is heard
        return FieldAutoencoder("tiny", changes=CHANGES).fit(truth, phases=phases or PHASES)
