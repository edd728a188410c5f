"""Directions in the latent space along which attributes change, learned from training fields."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation.probes import STRENGTH
from mamba_diffae.fields import FieldData
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.fields.checksums import arrays_checksum
from mamba_diffae.latent.attributes import HAS, LEAST, UNKNOWN, contrasts, learnable, resolve
from mamba_diffae.models.presets import build_config
from mamba_diffae.models.serialization import DIRECTIONS
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.latents import FieldEncoder

_AT_ONCE, _CHECKSUM = 128, "sha256"


@final
@dataclass(frozen=True, eq=False)
class Directions:
    """What a straight line through latents says of attributes, and how to go along it.

    Attributes:
        counts: How many training fields have each of K attributes, by name.
        weights: Logistic probes on latents, shape (K, latent_dim).
        offsets: Of the probes, shape (K,).
        moves: What amount 1 adds to a latent, shape (K, latent_dim): of all moves that take the
            probe as far as the means of the two classes lie apart, the likeliest under the
            Gaussian of the latents.
    """

    counts: Mapping[str, int]
    weights: np.ndarray
    offsets: np.ndarray
    moves: np.ndarray

    def scores(self, latents: np.ndarray) -> np.ndarray:
        """Log odds of every attribute, shape (S, K), of latents, shape (S, latent_dim)."""
        return latents @ self.weights.T + self.offsets

    def move(self, name: str) -> np.ndarray:
        """What amount 1 of an attribute adds, shape (latent_dim,).

        Args:
            name: Such as "beard", "gender=female" or "skin_tone".

        Raises:
            ValueError: If there is none of that name.
        """
        return self.moves[list(self.counts).index(self.resolve(name))]

    def resolve(self, name: str) -> str:
        """The name of the attribute that is meant; a ValueError lists all."""
        return resolve(name, self.counts)


def fit_directions(latents: np.ndarray, labels: Mapping[str, np.ndarray]) -> Directions:
    """Class-balanced logistic regression of every attribute on standardised latents.

    A probe's own weights w are no direction to go: they weigh coordinates of small variance against
    those of large, and a field that is moved along them gets rough. With S the covariance of the
    latents, S w is the likeliest move that changes the probe.

    Args:
        latents: Shape (S, latent_dim).
        labels: From `contrasts`, each with fields on both sides.

    Reference:
        Haufe et al. (2014), On the interpretation of weight vectors of linear models in
        multivariate neuroimaging, NeuroImage 87: patterns in place of filters.
    """
    from sklearn.linear_model import LogisticRegression

    mean, deviation = latents.mean(axis=0), latents.std(axis=0)
    deviation = np.where(deviation > 1e-6 * max(deviation.max(), 1e-12), deviation, np.inf)
    standard = (latents - mean) / deviation
    scale = np.where(np.isfinite(deviation), deviation, 0)
    weights, offsets, moves = [], [], []
    for label in labels.values():
        z, y = standard[label != UNKNOWN], label[label != UNKNOWN] == HAS
        probe = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=500).fit(z, y)
        w = probe.coef_[0]
        pattern = standard.T @ (standard @ w) / len(standard)
        apart = (z[y].mean(axis=0) - z[~y].mean(axis=0)) @ w
        weights.append(w / deviation)
        offsets.append(probe.intercept_[0] - w @ (mean / deviation))
        moves.append(apart / max(float(w @ pattern), 1e-12) * pattern * scale)
    counts = {name: int((label == HAS).sum()) for name, label in labels.items()}
    return Directions(counts, *(np.array(part, np.float32) for part in (weights, offsets, moves)))


def learn_directions(
    model: FieldAutoencoder,
    data: FieldData,
    run: Path | None = None,
    *,
    shipped: Path | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, count: None,
) -> Directions:
    """The directions of a model, from the training fields and their attributes.

    Each is encoded from 60 to 100 % of its cells, its own exemplars hidden from the prior: else
    the directions would be those of fields that are known by heart.

    Args:
        model: Fitted.
        data: The fields that it was fitted on, with attributes.
        run: Its folder, where the directions are kept and found again; None: nowhere.
        shipped: A folder where they may be found as well, and which is left as it is.
        seed: Of the cells.
        on_progress: Called with (fields encoded, fields in all).

    Raises:
        ValueError: If the model is not fitted or has no latent, or the fields are not its training
            fields or have no attributes to learn from.
    """
    train = data.split("train")
    labels = learnable(contrasts(train.attributes))
    _check(model, train, labels)
    net, inside = model.fitted.autoencoder, model.fitted.scaler.data(train)
    shape = net.config.observed_shape
    sampling = {"observed_shape": shape, "mirrored": model.mirrored}
    encoder = FieldEncoder(net, build_config(DataConfig, sampling, "data"), seed)
    key = _key(encoder, train)
    for folder in (run, shipped):
        standing = None if folder is None else _read(folder / DIRECTIONS, key)
        if standing is not None:
            return standing
    latents = []
    for i in range(0, len(train), _AT_ONCE):
        fields = inside.take(slice(i, i + _AT_ONCE))
        latents.append(encoder.encode(fields, number=i).numpy())
        on_progress(i + len(fields), len(train))
    directions = fit_directions(np.concatenate(latents), labels)
    if run is not None:
        _write(run / DIRECTIONS, key, directions)
    return directions


def _check(model: FieldAutoencoder, train: FieldData, labels: Mapping[str, np.ndarray]) -> None:
    groups = model.fitted.autoencoder.prior.groups.cpu().numpy()
    known = np.isin(groups, train.groups)
    if train.grid.axes != model.grid.axes or not known.all():
        raise ValueError(
            f"{len(train)} training fields on {train.grid.describe_shape()} cells were given, but "
            f"the model was fitted on {model.grid.describe_shape()} cells and keeps {len(groups)} "
            f"fields, of which {int(known.sum())} are of groups that were given; give those that "
            "it was fitted on."
        )
    if not labels:
        raise ValueError(
            f"The training fields have {len(train.attributes)} attributes, none of which at least "
            f"{LEAST} fields have and {LEAST} have not; give a source with attributes, such as "
            "emoji or cifar10:DIR."
        )


def _key(encoder: FieldEncoder, train: FieldData) -> str:
    total = hashlib.sha256(encoder.digest().encode())
    total.update(np.ascontiguousarray(train.values).tobytes())
    for name, column in sorted(train.attributes.items()):
        total.update(json.dumps([name, column.tolist()]).encode())
    return total.hexdigest()


def _write(path: Path, key: str, directions: Directions) -> None:
    from safetensors.numpy import save_file

    arrays = {name: getattr(directions, name) for name in ("weights", "offsets", "moves")}
    about = {"key": key, "counts": json.dumps(directions.counts)}
    about[_CHECKSUM] = arrays_checksum(arrays, about)
    with atomic_file(path) as temporary:
        save_file(arrays, temporary, metadata=about)


def _read(path: Path, key: str) -> Directions | None:
    """Those of the same key, or None if they are not there, of another one or damaged.

    Earlier versions wrote no checksum.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as kept:
            about = kept.metadata() or {}
            if about.get("key") != key:
                return None
            arrays = {name: kept.get_tensor(name) for name in ("weights", "offsets", "moves")}
        expected = about.pop(_CHECKSUM, None)
        if expected is not None and arrays_checksum(arrays, about) != expected:
            return None
        return Directions(json.loads(about["counts"]), **arrays)
    except (OSError, SafetensorError, KeyError, ValueError):
        return None
