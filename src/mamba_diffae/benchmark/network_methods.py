"""A model as methods: what it reads, and whether it is asked natively or at the scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, final

import numpy as np

from mamba_diffae.benchmark.study import OnProgress
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import Method, Predictor
from mamba_diffae.fields import FieldBatch, area_average, pixel_centres
from mamba_diffae.models.config import Context

Reading = Literal["points", "latent+points", "latent", "at-scale"]
"""What a network reads: points alone (it has no latent), both, or the latent alone.

"at-scale" reads all it can, at the centres of the scale's own pixels in place of averaging.
"""
_LABELS: Mapping[Reading, str] = {
    "points": "",
    "latent+points": ", latent+points",
    "latent": ", latent",
    "at-scale": ", asked at the scale",
}


@final
@dataclass(frozen=True)
class NetworkName:
    """What a network is called.

    Attributes:
        key: Tells it from all others of a table.
        label: As tables name it.
        has_latent: Whether it has a latent.
    """

    key: str
    label: str
    has_latent: bool

    def method(self, reading: Reading | None = None) -> Method:
        """The network as a method.

        Args:
            reading: What it reads; None: all that it can.
        """
        reading = reading or ("latent+points" if self.has_latent else "points")
        return Method(f"{self.key}/{reading}", f"{self.label}{_LABELS[reading]}", "network")

    @property
    def contexts(self) -> dict[Method, Context | None]:
        """What its decoder reads, by method."""
        if not self.has_latent:
            return {self.method("points"): None}
        both: tuple[Context, ...] = ("latent+points", "latent")
        return {self.method(context): context for context in both}


def name_of(model: FieldAutoencoder) -> NetworkName:
    """A model by the kind of its network."""
    kind = model.model.kind
    return NetworkName(kind, kind, model.model.has_latent)


def network_predictors(
    model: FieldAutoencoder,
    name: NetworkName,
    observations: FieldBatch,
    on_progress: OnProgress,
    *,
    native_only: bool = False,
) -> dict[Method, Predictor]:
    """A model on fixed observations: asked natively and averaged, and asked at the scale.

    Args:
        model: Fitted.
        name: What it is called.
        observations: What was seen.
        on_progress: Told how many fields are done.
        native_only: Leave out the decoder asked at the scale.
    """
    found: dict[Method, Predictor] = {}
    for method, context in name.contexts.items():

        def tell(done: int, count: int, method: Method = method) -> None:
            on_progress(f"{method}: {done} of {count} fields")

        mean = model.predict(observations, context=context, on_progress=tell).mean
        found[method] = partial(_averaged, mean)
        if method == name.method() and not native_only:
            found[name.method("at-scale")] = partial(_asked, model, mean)
    return found


def rendering_predictors(model: FieldAutoencoder, name: NetworkName) -> dict[Method, Predictor]:
    """A model in each of its contexts, for any observations and at any scale."""
    return {method: partial(_rendered, model, context) for method, context in name.contexts.items()}


def _averaged(native: np.ndarray, observations: FieldBatch, scale: int) -> np.ndarray:
    return native if scale == native.shape[1] else area_average(native, scale)


def _asked(
    model: FieldAutoencoder, native: np.ndarray, observations: FieldBatch, scale: int
) -> np.ndarray:
    """The decoder asked at the centres of the scale's own pixels."""
    if scale == native.shape[1]:
        return native
    values = model.predict(observations, pixel_centres(scale)).mean
    return values.reshape(len(values), scale, scale, -1)


def _rendered(
    model: FieldAutoencoder, context: Context | None, observations: FieldBatch, scale: int
) -> np.ndarray:
    return model.predict(observations, scale, context=context).mean
