"""The face of the library: a network, the unit of its fields, and how both are kept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.estimator.fitting import Fitting
from mamba_diffae.estimator.known import (
    autoencoder,
    batches,
    checked_inputs,
    checked_latents,
    chosen_device,
)
from mamba_diffae.estimator.rendering import OnProgress, Rendering
from mamba_diffae.fields import (
    GridField,
    Observations,
    Prediction,
    Scaling,
    Targets,
)
from mamba_diffae.models import pretrained
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import AutoencoderConfig, Context
from mamba_diffae.models.inputs import Inputs
from mamba_diffae.models.latent_prior import LatentPrior
from mamba_diffae.sources import open_field
from mamba_diffae.training.continuation import EXPORT, network_folder
from mamba_diffae.training.processes import Processes
from mamba_diffae.training.settings import Changes, settings_for


@final
class FieldAutoencoder:
    """Scattered observations to a latent and to the whole field, at any resolution.

    Args:
        preset: "small", "base", "tiny" or "paper".
        model: "autoencoder", or a baseline: "mamba-diffusion", "minimal-latent".
        seed: Same seed, same result.
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        changes: Settings other than the preset's, such as {"model": {"d_model": 64}}.

    Raises:
        ValueError: If the model or the device is unknown, or the seed is negative.
    """

    def __init__(
        self,
        preset: str = "small",
        *,
        model: str = "autoencoder",
        seed: int = 0,
        device: str = "auto",
        changes: Changes | None = None,
    ) -> None:
        if seed < 0:
            raise ValueError(f"The seed is {seed}; give 0 or a positive whole number.")
        self.preset, self.seed, self.changes = preset, seed, changes or {}
        self.model = pretrained.model_class(model)
        self.device = device
        chosen_device(device)
        self._net: FieldFlow | None = None
        self._scaling: Scaling | None = None
        self._size = 0
        self._latent_prior: LatentPrior | None = None

    def fit(
        self,
        truth: GridField | np.ndarray | str | Path,
        *,
        run: str | Path | None = None,
        phases: Sequence[str] | None = None,
        resume: bool = False,
        overwrite: bool = False,
        facts: Mapping[str, Any] | None = None,
    ) -> Self:
        """Train on complete fields.

        Args:
            truth: From `open_field`, or what it opens.
            run: Folder for checkpoints and metrics; None: a temporary one, deleted afterwards.
            phases: Names of phases; None: all that the model has. A run that has finished phase 1
                goes on with phase 2.
            resume: Go on with a run that was stopped; it is then never overwritten.
            overwrite: Start anew where a run stands.
            facts: What else to note in `run.json`, such as the command.

        Raises:
            ValueError: If a setting is unknown, a phase is missing or stands already, or the folder
                holds something else.
        """
        truth = open_field(truth)
        settings = settings_for(self.model, truth, self.preset, self.changes)
        fitting = Fitting(self.model, self.preset, self.seed, self.device, settings, truth)
        with tempfile.TemporaryDirectory() as nowhere:
            folder = Path(nowhere) / "run" if run is None else Path(run)
            options = {"resume": resume and run is not None, "overwrite": overwrite}
            for fitted in fitting.phases(folder, phases, facts or {}, **options):
                self._net, self._latent_prior = fitted.net, fitted.latent_prior
                self._scaling, self._size = truth.scaling, truth.size
                if fitted.newest:
                    save = partial(self.save_pretrained, fitted.run.path / EXPORT)
                    Processes(self.device).once(save)
        return self

    def predict(
        self,
        observations: Observations,
        targets: Targets = None,
        n_samples: int = 0,
        *,
        latents: np.ndarray | None = None,
        context: Context | None = None,
        seed: int = 0,
        solver: str = "heun",
        steps: int = 20,
        on_progress: OnProgress | None = None,
    ) -> Prediction:
        """The field at the targets: its posterior mean, and draws.

        Args:
            observations: What was seen, in the unit of the field.
            targets: A side length in pixels, or a `GridField` for its size: the area average of the
                native prediction, or at a finer size the decoder asked there directly. Coordinates,
                shape (N, 2): asked directly. None: the native size.
            n_samples: Draws.
            latents: In place of the encoded ones, shape (B, latent_dim); the points are read all
                the same, unless the context is "latent".
            context: "latent+points" (default); "latent" alone; or "none": neither.
            seed: Of the draws; draw s has the key seed + s.
            solver: "heun", "euler" or "stochastic".
            steps: Steps of the solver.
            on_progress: Called with (fields done, fields in all).

        Raises:
            ValueError: If the model is not fitted, or observations or latents do not fit it.
        """
        rendering = Rendering(targets, n_samples, context, seed, solver, steps, on_progress)
        net, scaling = self._fitted()
        inputs = checked_inputs(net, scaling, observations)
        given = None if latents is None else checked_latents(net, latents)
        known = batches(net, inputs, given)
        return rendering.of(net, scaling, self._size, known, len(inputs.coords))

    def decode(
        self,
        latents: np.ndarray,
        targets: Targets = None,
        n_samples: int = 0,
        *,
        seed: int = 0,
        solver: str = "heun",
        steps: int = 20,
        on_progress: OnProgress | None = None,
    ) -> Prediction:
        """The field from its latent alone, as `predict` gives it with context "latent".

        Args:
            latents: From `encode`, or others, shape (B, latent_dim); zeros say nothing: the flow in
                the values.
            targets: See `predict`; likewise the rest.
            n_samples: See `predict`.
            seed: See `predict`.
            solver: See `predict`.
            steps: See `predict`.
            on_progress: See `predict`.

        Raises:
            ValueError: If the model is not fitted or has no latent, or the latents do not fit it.
        """
        rendering = Rendering(targets, n_samples, None, seed, solver, steps, on_progress)
        net, scaling = self._fitted()
        known = batches(net, None, checked_latents(net, latents))
        return rendering.of(net, scaling, self._size, known, len(latents))

    def encode(self, observations: Observations) -> np.ndarray:
        """The latent of each field.

        Args:
            observations: What was seen, in the unit of the field.

        Returns:
            Shape (B, latent_dim).

        Raises:
            ValueError: If the model is not fitted or has no latent, or the observations do not fit
                it.
        """
        net = autoencoder(self._fitted()[0])
        inputs = checked_inputs(*self._fitted(), observations)
        with torch.no_grad():
            latents = [net.encode(*seen).cpu() for seen in self._parts(inputs)]
        return torch.cat(latents).numpy()

    def save_pretrained(self, folder: str | Path, *, half: bool = False) -> None:
        """Write config and weights; `from_pretrained` reads them.

        Args:
            folder: A new or empty folder, or that of a saved model, which is replaced.
            half: Whether to write the weights in half precision: half the size.

        Raises:
            ValueError: If the model is not fitted, or something else stands there.
        """
        net, scaling = self._fitted()
        facts = {"scaling": [scaling.low, scaling.high], "size": self._size, "preset": self.preset}
        path, prior = Path(folder), self._latent_prior
        pretrained.save_network(net, path, facts, half=half, latent_prior=prior)

    @classmethod
    def from_pretrained(cls, folder: str | Path, *, device: str = "auto") -> Self:
        """Read what `save_pretrained` wrote.

        Args:
            folder: The folder, a run with a finished phase, or the name of a model that comes with
                the package: "emoji-96".
            device: "auto", "cpu" or "cuda".

        Raises:
            ValueError: If the folder holds no such thing, or it is damaged or of another version.
        """
        folder = network_folder(pretrained.weights_folder(folder))
        net, facts = pretrained.load_network(folder)
        if missing := {"preset", "scaling", "size"} - set(facts):
            raise ValueError(
                f"{folder} holds a bare network: its config.json lacks {', '.join(sorted(missing))}"
                "; save it with FieldAutoencoder.save_pretrained."
            )
        model = cls(facts["preset"], model=net.kind, device=device)
        model._net = net.to(chosen_device(device))
        model._scaling, model._size = Scaling(*facts["scaling"]), facts["size"]
        prior = pretrained.load_latent_prior(folder)
        model._latent_prior = None if prior is None else prior.to(chosen_device(device))
        return model

    @property
    def size(self) -> int:
        """Native pixels a side."""
        return self._size

    @property
    def latent_dim(self) -> int:
        """Numbers in a latent; a ValueError if the model has none."""
        return autoencoder(self._fitted()[0]).config.latent_dim

    @property
    def latent_parts(self) -> dict[str, slice]:
        """Where in a latent its layout stands, and where its palette; empty without a prior."""
        return autoencoder(self._fitted()[0]).latent_parts

    @property
    def mirrored(self) -> bool:
        """Whether it was taught that mirror images are as good as the fields themselves."""
        config = self._fitted()[0].config
        return isinstance(config, AutoencoderConfig) and config.mirrored

    @property
    def scaling(self) -> Scaling:
        """The limits of the values it was fitted on."""
        return self._fitted()[1]

    @property
    def latent_prior(self) -> LatentPrior:
        """What latents there are, as phase "latent" learned it.

        Raises:
            ValueError: If the model has no latent, or that phase was not trained.
        """
        autoencoder(self._fitted()[0])
        if self._latent_prior is None:
            raise ValueError(
                "This model has no flow of latents yet; train it in its run folder: fit with "
                "phases=['latent'], on the shell mamba-diffae fit SOURCE --phase latent --run DIR."
            )
        return self._latent_prior

    def _fitted(self) -> tuple[FieldFlow, Scaling]:
        if self._net is None or self._scaling is None:
            raise ValueError("This model is not fitted; call fit or from_pretrained first.")
        return self._net, self._scaling

    def _inputs(self, observations: Observations, query: Tensor) -> Inputs:
        """Observations for the network, checked beside what is asked, shape (1, N, D)."""
        return checked_inputs(*self._fitted(), observations, query)

    def _parts(self, inputs: Inputs) -> Iterator[Inputs]:
        """So many fields at a time, on the device."""
        for known in batches(self._fitted()[0], inputs, None):
            assert known.inputs is not None
            yield known.inputs
