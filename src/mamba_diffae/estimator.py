"""FieldAutoencoder: fit, predict, encode, in the unit of the field."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import (
    GridField,
    Observations,
    Prediction,
    Scaling,
    Targets,
    as_batch,
    queries,
)
from mamba_diffae.flow import fold
from mamba_diffae.models import pretrained
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import Context
from mamba_diffae.models.inference import Inputs, check_inputs, draw, reconstruct
from mamba_diffae.sources import open_field
from mamba_diffae.training.continuation import EXPORT, begin, begin_run, network_folder
from mamba_diffae.training.fit import train_phase
from mamba_diffae.training.processes import Processes
from mamba_diffae.training.settings import Changes, Settings, settings_for

_FIELDS_AT_ONCE = 16

OnProgress = Callable[[int, int], None]
"""Fields done, fields in all."""


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
        _device(device)
        self._net: FieldFlow | None = None
        self._scaling: Scaling | None = None
        self._size = 0

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
        if run is not None:
            return self._fit(truth, settings, Path(run), phases, resume, overwrite, facts or {})
        with tempfile.TemporaryDirectory() as folder:
            return self._fit(truth, settings, Path(folder) / "run", phases, False, False, {})

    def _fit(
        self,
        truth: GridField,
        settings: Settings,
        folder: Path,
        phases: Sequence[str] | None,
        resume: bool,
        overwrite: bool,
        facts: Mapping[str, Any],
    ) -> Self:
        processes = Processes(self.device)
        known = {"model": self.model.kind, "preset": self.preset, "seed": self.seed, **facts}
        known |= {"settings": settings.to_dict(), "processes": processes.count}
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            net = pretrained.build_network(self.model, known["settings"]["model"])
        # What can be refused has been by now: `begin_run` may delete a former run.
        run, order = begin_run(
            folder, known, truth, processes, self.model, phases, resume=resume, overwrite=overwrite
        )
        for phase in order:
            begin(phase, net, run)
            trained = train_phase(
                net,
                phase,
                truth,
                run,
                config=settings.training[phase],
                data=settings.data,
                seed=self.seed,
                resume=resume,
                device=self.device,
            )
            self._net, self._scaling, self._size = trained, truth.scaling, truth.size
            processes.once(lambda: self.save_pretrained(run.path / EXPORT))
        return self

    def predict(
        self,
        observations: Observations,
        targets: Targets = None,
        n_samples: int = 0,
        *,
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
            context: "latent+points" (default), or "latent" alone.
            seed: Of the draws; draw s has the key seed + s.
            solver: "heun", "euler" or "stochastic".
            steps: Steps of the solver.
            on_progress: Called with (fields done, fields in all).

        Raises:
            ValueError: If the model is not fitted, or the observations do not fit it.
        """
        if n_samples < 0:
            raise ValueError(f"n_samples is {n_samples}; give the number of draws, 0 or more.")
        net, scaling = self._fitted()
        places, finish = queries(targets, self._size)
        query = torch.from_numpy(places)[None]
        inputs = self._inputs(observations, query)
        means, draws, evaluations, done, count = [], [], 0, 0, len(inputs.coords)
        for seen in self._parts(inputs):
            index = torch.arange(done, done + len(seen.coords), device=seen.coords.device)
            done += len(index)
            asked = query.to(index.device).expand(len(index), -1, -1)
            means.append(reconstruct(net, asked, *seen, context=context).cpu())
            several = [torch.zeros(0, *means[-1].shape)]
            for s in range(n_samples):
                # The keys (seed, b) of fields b, whatever batch they come in.
                keys = fold(torch.full_like(index, seed + s), index)
                solution = draw(net, asked, seen, None, context, keys, solver=solver, steps=steps)
                several.append(solution.x.cpu()[None])
                evaluations = solution.evaluations
            draws.append(torch.cat(several))
            if on_progress is not None:
                on_progress(done, count)
        mean = finish(scaling.unscale(torch.cat(means)).numpy())
        sample = [finish(x) for x in scaling.unscale(torch.cat(draws, dim=1)).numpy()]
        return Prediction(mean, np.array(sample).reshape(-1, *mean.shape), evaluations)

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
        net, _ = self._fitted()
        if not isinstance(net, MambaDiffusionAutoencoder):
            raise ValueError(f"The model {net.kind!r} has no latent; fit model='autoencoder'.")
        inputs = self._inputs(observations, torch.full((1, 1, net.config.coord_dim), 0.5))
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
        pretrained.save_network(net, Path(folder), facts, half=half)

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
        model._net = net.to(_device(device))
        model._scaling, model._size = Scaling(*facts["scaling"]), facts["size"]
        return model

    @property
    def size(self) -> int:
        """Native pixels a side."""
        return self._size

    @property
    def scaling(self) -> Scaling:
        """The limits of the values it was fitted on."""
        return self._fitted()[1]

    def _fitted(self) -> tuple[FieldFlow, Scaling]:
        if self._net is None or self._scaling is None:
            raise ValueError("This model is not fitted; call fit or from_pretrained first.")
        return self._net, self._scaling

    def _inputs(self, observations: Observations, query: Tensor) -> Inputs:
        """Observations for the network, checked beside what is asked, shape (1, N, D)."""
        net, scaling = self._fitted()
        seen = as_batch(observations)
        theirs, ours = seen.values.shape[-1], net.config.value_dim
        if theirs != ours:
            raise ValueError(
                f"The observations have {theirs} channels, but this model was fitted on fields of "
                f"{ours}; give it such fields, or fit another model."
            )
        asked = query.expand(len(seen), -1, -1)
        return check_inputs(net, asked, seen.coords, scaling.scale(seen.values), seen.mask)

    def _parts(self, inputs: Inputs) -> Iterator[Inputs]:
        """So many fields at a time, on the device."""
        device = next(self._fitted()[0].parameters()).device
        for part in zip(*(tensor.split(_FIELDS_AT_ONCE) for tensor in inputs), strict=True):
            yield Inputs(*(tensor.to(device) for tensor in part))


def _device(name: str) -> torch.device:
    gpu = torch.cuda.is_available()
    if name not in ("auto", "cpu", "cuda") or (name == "cuda" and not gpu):
        found = "a GPU is there" if gpu else "there is no GPU"
        raise ValueError(f"Device {name!r} was asked; choose auto, cpu or cuda ({found}).")
    return torch.device("cuda" if gpu and name != "cpu" else "cpu")
