"""A model as methods: what it reads, and whether it is asked natively or at the scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, final

import numpy as np

from mamba_diffae.benchmark.study import OnProgress
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import Method, Predictor
from mamba_diffae.fields import Grid, Observations, Prediction, Query
from mamba_diffae.models.config import DecoderInputs

Reading = Literal["points", "latent+points", "latent", "at-scale"]
"""What a network reads: points alone (it has no latent), both, or the latent alone.

"at-scale" reads all it can, at the centres of the scale's own cells in place of averaging.
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
        has_latent: Whether it has a latent of whole fields.
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
    def drawing(self) -> Method:
        """The network as what draws."""
        return Method(self.key, self.label, "network")

    @property
    def decoder_inputs(self) -> dict[Method, DecoderInputs | None]:
        """What its decoder reads, by method."""
        if not self.has_latent:
            return {self.method("points"): None}
        return {
            self.method("latent+points"): "latent+points",
            self.method("latent"): "latent",
        }


def name_of(model: FieldAutoencoder) -> NetworkName:
    """A model by the kind of its network."""
    kind = model.architecture.kind
    return NetworkName(kind, kind, model.architecture.has_latent and model.fitted.window is None)


def network_predictors(
    model: FieldAutoencoder,
    name: NetworkName,
    observations: Observations,
    on_progress: OnProgress,
    *,
    native_only: bool = False,
) -> dict[Method, Predictor]:
    """A model on fixed observations: asked natively and averaged, and asked at the scale.

    What it says natively is predicted once, when it is first asked for.

    Args:
        model: Fitted.
        name: What it is called.
        observations: What was seen; the predictors refuse any other.
        on_progress: Told how many fields are done.
        native_only: Leave out the decoder asked at the scale.
    """
    found: dict[Method, Predictor] = {}
    for method, inputs in name.decoder_inputs.items():

        def tell(done: int, count: int, method: Method = method) -> None:
            on_progress(f"{method}: {done} of {count} fields")

        found[method] = averaged = Averaged(model, observations, inputs, tell)
        if method == name.method() and not native_only:
            found[name.method("at-scale")] = AskedAtScale(averaged)
    return found


def rendering_predictors(model: FieldAutoencoder, name: NetworkName) -> dict[Method, Predictor]:
    """A model with each of its decoder inputs, for any observations and at any scale."""
    return {m: Rendered(model, inputs) for m, inputs in name.decoder_inputs.items()}


@final
@dataclass(frozen=True, eq=False)
class Averaged:
    """A model on fixed observations, asked natively and averaged.

    Attributes:
        model: Fitted.
        observations: What was seen.
        decoder_inputs: What its decoder reads.
        on_progress: Called with (fields done, fields in all).
        native: What it said, by the grid that was asked.
    """

    model: FieldAutoencoder
    observations: Observations
    decoder_inputs: DecoderInputs | None
    on_progress: Callable[[int, int], None]
    native: dict[Grid, Prediction] = field(default_factory=dict)

    def predict(self, observations: Observations, targets: Grid) -> Prediction:
        """See `Predictor.predict`."""
        if observations is not self.observations:
            raise ValueError("This predictor has one set of observations, and was given another.")
        query = Query.of(targets, self.model.grid)
        asked = targets if query.asked is None else query.asked
        if asked not in self.native:
            self.native[asked] = self.model.predict(
                observations,
                asked,
                decoder_inputs=self.decoder_inputs,
                on_progress=self.on_progress,
            )
        values = self.native[asked].mean
        flat = values.reshape(len(values), -1, values.shape[-1])[:, query.exists]
        return Prediction.of_mean(query.finish(flat), grid=targets)


@final
@dataclass(frozen=True, eq=False)
class AskedAtScale:
    """The same model asked at the centres of the targets' own cells; natively it is the same.

    Attributes:
        averaged: Asked natively.
    """

    averaged: Averaged

    def predict(self, observations: Observations, targets: Grid) -> Prediction:
        """See `Predictor.predict`."""
        model = self.averaged.model
        if targets.axes == model.grid.axes:
            return self.averaged.predict(observations, targets)
        asked = model.predict(
            observations, targets.centres(), decoder_inputs=self.averaged.decoder_inputs
        ).mean
        averaged = self.averaged.predict(observations, targets).mean
        asked = asked.reshape(averaged.shape)
        # A coarse cell whose centre does not exist may have parts that do.
        return Prediction.of_mean(np.where(np.isfinite(asked), asked, averaged), grid=targets)


@final
@dataclass(frozen=True, eq=False)
class Rendered:
    """A model on any observations, at any targets.

    Attributes:
        model: Fitted.
        decoder_inputs: What its decoder reads.
    """

    model: FieldAutoencoder
    decoder_inputs: DecoderInputs | None

    def predict(self, observations: Observations, targets: Grid) -> Prediction:
        """See `Predictor.predict`."""
        return self.model.predict(observations, targets, decoder_inputs=self.decoder_inputs)
