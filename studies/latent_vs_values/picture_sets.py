"""Sets of pictures that a model can make: new ones, and from the latents of test pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

import numpy as np

from mamba_diffae.benchmark import Request
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import GappyPOD
from mamba_diffae.fields import FieldData, observe
from mamba_diffae.latent.sampling import sample
from studies.common.cache import cached_arrays, fields_digest, weights_digest
from studies.latent_vs_values.protocol import GenerationProtocol

NewSet = Literal["latent", "mean", "values"]
"""New pictures: a draw of each new latent; its mean; of the flow in the values."""
PictureSet = Literal["test", "train", "latent", "mean", "encoded", "values", "gaussian"]
"""Also test pictures; training pictures (the floor); from latents of test pictures; of a
Gaussian."""
SET_LABELS: Mapping[PictureSet, str] = {
    "test": "test pictures",
    "train": "training pictures (floor)",
    "latent": "flow in the latent",
    "mean": "flow in the latent, mean",
    "encoded": "latents of test pictures",
    "values": "flow in the values",
    "gaussian": "Gaussian of training pictures",
}
_ASKED: Mapping[NewSet, Mapping[str, Any]] = {
    "latent": {},
    "mean": {"mean": True},
    "values": {"flow": "values"},
}


def new_sets(model: FieldAutoencoder) -> tuple[NewSet, ...]:
    """What a model can draw; the flow in the values only if phase "flow" was trained."""
    return ("latent", "mean", "values") if "flow" in model.fitted.phases else ("latent", "mean")


def phases_needed(model: FieldAutoencoder, name: NewSet) -> tuple[str, ...]:
    """Phases of a model's training that a set rests on.

    A field is drawn from its latent by phase ensemble, if that was trained, else by the flow.
    """
    if name == "values":
        return "autoencoder", "flow"
    if name == "mean":
        return "autoencoder", "latent"
    return "autoencoder", "ensemble" if model.fitted.network.writes_draws else "flow", "latent"


def new_pictures(
    name: NewSet, protocol: GenerationProtocol, request: Request
) -> tuple[np.ndarray, float]:
    """New native pictures, and the seconds that each took; made once a folder."""
    model, seed = request.given_model, request.seed
    asked = {"seed": seed, **_ASKED[name]}

    def make() -> dict[str, np.ndarray]:
        sample(model, 1, steps=1, **asked)  # kernels are compiled
        start = time.perf_counter()
        values = sample(model, protocol.count, steps=protocol.steps, **asked).values
        each = (time.perf_counter() - start) / protocol.count
        return {"values": values.astype(np.float32), "seconds": np.array(each)}

    stored = cached_arrays(request.folder / f"drawn-{name}.npz", _key(protocol, request), make)
    return stored["values"], float(stored["seconds"])


def from_latents(real: FieldData, protocol: GenerationProtocol, request: Request) -> np.ndarray:
    """A draw from the latent of each picture, and from nothing else; made once a folder.

    They are what the decoder would draw if the flow of latents were perfect.

    Args:
        real: Pictures whose latents are encoded.
        protocol: From which share of their cells.
        request: The model, and the seed of observations and draws.

    Returns:
        Native pictures, shape (n, *shape, C).
    """
    model, seed = request.given_model, request.seed

    def make() -> dict[str, np.ndarray]:
        latents = model.encode(observe(real, protocol.fraction, seed=seed))
        drawn = model.decode(latents, n_draws=1, seed=seed, steps=protocol.steps)
        assert drawn.draws is not None
        return {"values": drawn.draws[0].astype(np.float32)}

    key = {**_key(protocol, request), "fields": fields_digest(real)}
    return cached_arrays(request.folder / "drawn-encoded.npz", key, make)["values"]


def _key(protocol: GenerationProtocol, request: Request) -> dict[str, Any]:
    """What the pictures of a model depend on."""
    model = request.given_model
    weights = weights_digest(model.fitted.network, model.latent_flow)
    return {**asdict(protocol), "seed": request.seed, "weights": weights}


def gaussian_fields(train: FieldData, count: int, components: int, seed: int) -> np.ndarray:
    """Draws of the Gaussian with the mean and the principal components of training pictures.

    Args:
        train: Fields.
        count: Draws.
        components: At most the number of fields.
        seed: Of the draws.

    Returns:
        Shape (count, *shape, C), in the units of the variables.
    """
    # With both numbers given, variances are those of the training pictures.
    pod = GappyPOD(modes=components, noise_variance=1e-3).fit(train).learned
    draws = np.random.default_rng(seed).standard_normal((count, pod.modes.shape[-1]), np.float32)
    unit = pod.mean + np.tensordot(draws, pod.modes, axes=(1, 2))
    values = pod.low + pod.span * np.clip(unit, 0, 1)
    return values.reshape(count, *train.shape, -1).astype(np.float32)
