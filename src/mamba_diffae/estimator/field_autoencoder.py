"""The face of the library: a network, the unit of its fields, and how both are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, final

import numpy as np
import torch

from mamba_diffae.estimator.asked import Asked, asked_of
from mamba_diffae.estimator.drawing import Drawing, quantile_levels
from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.fitting import begin_session, fitted_phases
from mamba_diffae.estimator.inputs import batches, checked_latents, chosen_device
from mamba_diffae.estimator.observed import Seen, observed
from mamba_diffae.estimator.parts import Parts, checked_objectives, part_settings
from mamba_diffae.estimator.rendering import OnProgress, Rendering
from mamba_diffae.estimator.training_input import Prepared, TrainingInput, opened_input
from mamba_diffae.estimator.windowed import window_latents
from mamba_diffae.fields import Grid, NotFittedError, Variable, under_own_defaults
from mamba_diffae.fields.given import check_seed
from mamba_diffae.fields.windows import WindowShape
from mamba_diffae.models.config import DecoderInputs
from mamba_diffae.models.latent_flow import LatentFlow
from mamba_diffae.models.registry import ARCHITECTURES
from mamba_diffae.models.serialization import weights_folder
from mamba_diffae.training.objectives import Objective
from mamba_diffae.training.resume import network_folder
from mamba_diffae.training.session import TrainingSession
from mamba_diffae.training.settings import Changes, Settings


@final
@under_own_defaults
class FieldAutoencoder:
    """Scattered observations to a latent and to the whole field, at any resolution.

    >>> from mamba_diffae import observe, open_field
    >>> model = FieldAutoencoder.from_pretrained("emoji-96", device="cpu")
    >>> obs = observe(open_field("emoji").split("test").take([0]), fraction=0.2)
    >>> model.predict(obs, targets=32).mean.shape, model.encode(obs).shape
    ((1, 32, 32, 3), (1, 512))

    Args:
        preset: "small", "base", "tiny" or "paper".
        architecture: "autoencoder", or a baseline: "mamba-diffusion", "minimal-latent".
        parts: Parts of one's own, or registered ones by name: "encoder", "decoder", "prior".
        objectives: Losses of one's own, by the phase in which they are lowered.
        seed: Same seed, same result.
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        changes: Settings other than the preset's, such as {"model": {"d_model": 64}}.

    Raises:
        ValueError: If architecture, part or device is unknown, or the seed out of range.
    """

    def __init__(
        self,
        preset: str = "small",
        *,
        architecture: str = "autoencoder",
        parts: Parts | None = None,
        objectives: Mapping[str, Objective] | None = None,
        seed: int = 0,
        device: str = "auto",
        changes: Changes | None = None,
    ) -> None:
        check_seed(seed)
        self.preset, self.seed, self.device = preset, seed, device
        self.changes = part_settings(parts or {}, changes or {})
        self.objectives = checked_objectives(objectives or {})
        self.architecture = ARCHITECTURES.get(architecture)
        chosen_device(device)
        self._fitted: FittedModel | None = None

    def fit(
        self,
        data: TrainingInput,
        *,
        grid: Grid | None = None,
        variables: Sequence[str | Variable] | None = None,
        window: WindowShape | None = None,
        layout: np.ndarray | Sequence[Sequence[float]] | None = None,
        run: str | Path | None = None,
        phases: Sequence[str] | None = None,
        resume: bool = False,
        overwrite: bool = False,
        facts: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Self:
        """Train on fields, with gaps or without, or on scattered observations alone.

        Args:
            data: From `open_field`, or what it opens; or observations, one snapshot a field, also
                as a table: a DataFrame, the path of a CSV or Parquet file.
            grid: Over the region of observations; None: a lattice over their bounding box.
            variables: Of observations: names, or variables; None: those of a table, or v0, v1, ...
            window: Cells of windows, to learn on and answer by, such as {"lat": 32, "lon": 32}.
            layout: Places (M, D) of sensors, in the units of the axes, where alone whole fields are
                observed, some of them missing at times; None: anywhere.
            run: Folder for checkpoints and metrics; None: a temporary one, deleted afterwards.
            phases: Names of phases; None: all but optional ones, such as "flow". A run that has
                finished phase 1 goes on with phase 2.
            resume: Go on with a run that was stopped; it is then never overwritten.
            overwrite: Start anew where a run stands.
            facts: What else to note in `run.json`, such as the command.
            options: Of `open_field`, such as variable="sst"; of a table those of
                `Observations.from_table`, such as time="date", values=["sst"].

        Raises:
            ValueError: If a setting is unknown, a phase is missing or stands already, the folder
                holds something else, or the fields are none to learn from.
        """
        data = opened_input(data, options)
        about = {"grid": grid, "variables": variables, "window": window, "layout": layout}
        given = *self._session(data, **about), run, phases, facts
        again = resume and run is not None
        for self._fitted in fitted_phases(*given, resume=again, overwrite=overwrite):
            pass
        return self

    def settings(self, data: TrainingInput, **about: Any) -> Settings:
        """What `fit` would train on data (and `grid`, `variables`, options), what it inferred."""
        return self._session(data, **about)[0].settings

    def _session(self, data: TrainingInput, **about: Any) -> tuple[TrainingSession, Prepared]:
        chosen = self.architecture, self.preset, self.seed, self.device
        return begin_session(chosen, self.changes, self.objectives, data, **about)

    def predict(
        self,
        observations: Seen,
        targets: Asked = None,
        n_draws: int = 0,
        *,
        quantiles: Sequence[float] = (),
        latents: np.ndarray | None = None,
        decoder_inputs: DecoderInputs | None = None,
        seed: int = 0,
        solver: str | None = None,
        steps: int | None = None,
        on_progress: OnProgress | None = None,
    ) -> Any:
        """The field at the targets: a Prediction; a Dataset for an xarray object, a table for one.

        Args:
            observations: What was seen, in the units of the fields; also a table of one field, with
                columns that have the names of the model's axes and variables.
            targets: A grid, fields on one, a shape, or cells along the longest axis: the area
                average of the native prediction, or at a finer grid the decoder asked there
                directly. Places, shape (N, D), or a table of them, whose rows and index the answer
                keeps: asked directly. None: the native grid.
            n_draws: Draws from the posterior.
            quantiles: Ascending probabilities, such as (0.05, 0.5, 0.95), of at least 40 draws.
            latents: In place of the encoded ones, shape (B, latent_dim); the points are read all
                the same, unless the decoder's input is "latent".
            decoder_inputs: "latent+points" (default); "latent" alone; or "none": neither.
            seed: Of the draws; draw s has the key seed + s.
            solver: Of the flow, if the model has learned phase "flow": "heun", "euler" or
                "stochastic"; None: each draw in one evaluation, where the model has learned that.
            steps: Steps of the solver; None: 20.
            on_progress: Called with (fields done, fields in all).

        Raises:
            ValueError: If the model is not fitted, or what is given does not fit it or is none.
        """
        drawing = Drawing(n_draws, seed, solver, steps, quantile_levels(quantiles))
        model = self.fitted
        known = observed(observations, model.scaler, targets)
        asked, answer = asked_of(targets, model.scaler, known.labels)
        rendering = Rendering(asked, drawing, decoder_inputs, on_progress)
        seen = model.scaler.observations(known)
        given = None if latents is None else checked_latents(self.latent_dim, latents)
        told = rendering.predict_fields(model, batches(model.network, seen, given), len(seen))
        drawing.warn_of_prior(model)
        return answer(told)

    def decode(
        self,
        latents: np.ndarray,
        targets: Asked = None,
        n_draws: int = 0,
        *,
        seed: int = 0,
        solver: str | None = None,
        steps: int | None = None,
        on_progress: OnProgress | None = None,
    ) -> Any:
        """The field from its latent alone, as `predict` gives it with decoder inputs "latent".

        Args:
            latents: From `encode`, or others, shape (B, latent_dim); zeros say nothing.
            targets: See `predict`; likewise the rest.
            n_draws: See `predict`.
            seed: See `predict`.
            solver: See `predict`.
            steps: See `predict`.
            on_progress: See `predict`.

        Raises:
            ValueError: If the model is not fitted or has no latent, or the latents do not fit it.
        """
        drawing = Drawing(n_draws, seed, solver, steps)
        asked, answer = asked_of(targets, self.fitted.scaler)
        rendering = Rendering(asked, drawing, None, on_progress)
        given = checked_latents(self.latent_dim, latents)
        known = batches(self.fitted.network, None, given)
        return answer(rendering.predict_fields(self.fitted, known, len(given)))

    def encode(self, observations: Seen) -> np.ndarray:
        """The latent of each field.

        Args:
            observations: What was seen, in the units of the fields.

        Returns:
            Shape (B, latent_dim); of a model of windows (B, W, latent_dim).

        Raises:
            ValueError: If the model is not fitted or has no latent, or they do not fit it.
        """
        net, scaler = self.fitted.autoencoder, self.fitted.scaler
        seen = scaler.observations(observed(observations, scaler))
        if self.fitted.window is not None:
            return window_latents(self.fitted, seen).numpy()
        parts = (batch.observations for batch in batches(net, seen, None))
        with torch.no_grad():
            return torch.cat([net.encode(part).cpu() for part in parts if part]).numpy()

    def save_pretrained(self, folder: str | Path, *, half: bool = False) -> None:
        """Write config and weights; `from_pretrained` reads them.

        Args:
            folder: A new or empty folder, or that of a saved model, which is replaced.
            half: Whether to write the weights in half precision: half the size.

        Raises:
            ValueError: If the model is not fitted, or something else stands there.
        """
        self.fitted.save(Path(folder).expanduser(), half=half)

    @classmethod
    def from_pretrained(cls, folder: str | Path, *, device: str = "auto") -> Self:
        """Read what `save_pretrained` wrote.

        Args:
            folder: The folder, a run with a finished phase, or the name of a model that comes with
                the package: "emoji-96", "weather-96".
            device: "auto", "cpu" or "cuda".

        Raises:
            ValueError: If the folder holds no such thing, or it is damaged or of another version.
        """
        fitted = FittedModel.load(network_folder(weights_folder(folder)))
        model = cls(fitted.preset, architecture=fitted.network.kind, device=device)
        model._fitted = fitted.to(chosen_device(device))
        return model

    @property
    def fitted(self) -> FittedModel:
        """Network and scaling.

        Raises:
            NotFittedError: If the model is not fitted.
        """
        if self._fitted is None:
            raise NotFittedError("This model is not fitted; call fit or from_pretrained first.")
        return self._fitted

    @property
    def grid(self) -> Grid:
        """The native grid of the fields it was fitted on."""
        return self.fitted.scaler.grid

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Those of the fields it was fitted on."""
        return self.fitted.scaler.variables

    @property
    def mirrored(self) -> bool:
        """Whether it was taught that mirrored fields are as good."""
        return self.fitted.mirrored

    @property
    def latent_dim(self) -> int:
        """Numbers in a latent; a ValueError if the model has none."""
        return self.fitted.autoencoder.config.latent_dim

    @property
    def latent_parts(self) -> dict[str, slice]:
        """Where in a latent stand the parts that are known in closed form, by name."""
        return self.fitted.autoencoder.latent_parts

    @property
    def latent_flow(self) -> LatentFlow:
        """What latents there are, as phase "latent" learned it; a ValueError if it did not."""
        return self.fitted.learned_latent_flow
