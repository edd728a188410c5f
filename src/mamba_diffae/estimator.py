"""FieldAutoencoder: fit, predict, encode, in the unit of the field."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import (
    FieldBatch,
    GridField,
    Prediction,
    Scaling,
    SparseField,
    area_average,
    collate,
    pixel_centres,
)
from mamba_diffae.flow import fold
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import Context
from mamba_diffae.models.inference import check_inputs, draw, reconstruct
from mamba_diffae.models.pretrained import build_network, load_network, model_class, save_network
from mamba_diffae.sources import open_field
from mamba_diffae.training import Run
from mamba_diffae.training.continuation import begin, reopen, wanted
from mamba_diffae.training.fit import train_phase
from mamba_diffae.training.settings import Changes, Settings, settings_for

EXPORT = "model"
"""Folder of a run that holds the network as `save_pretrained` writes it."""
_FIELDS_AT_ONCE = 16

Targets = GridField | int | np.ndarray | None
OnProgress = Callable[[int, int], None]
"""Fields done, fields in all."""


@final
class FieldAutoencoder:
    """Scattered observations to a latent and to the whole field, at any resolution.

    Args:
        preset: "small", "tiny" or "paper".
        model: "autoencoder", or a baseline: "mamba-diffusion", "minimal-latent".
        seed: Same seed, same result.
        device: "auto" (a GPU if there is one), "cpu" or "cuda".
        changes: Settings other than the preset's, such as {"model": {"d_model": 64}}.

    Raises:
        ValueError: If the model is unknown.
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
        self.preset, self.seed, self.changes = preset, seed, changes or {}
        self.model = model_class(model)
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
            resume: Go on with a run that was stopped.
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
        known = {"model": self.model.kind, "preset": self.preset, "seed": self.seed, **facts}
        known["settings"] = settings.to_dict()
        stands = (folder / "run.json").is_file() and not overwrite
        run = reopen(folder, known) if stands else Run.create(folder, known, overwrite=overwrite)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            net = build_network(self.model, known["settings"]["model"])
        self._scaling, self._size = truth.scaling, truth.size
        for phase in wanted(self.model, phases):
            begin(phase, net, run)
            self._net = train_phase(
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
            self.save_pretrained(run.path / EXPORT)
        return self

    def predict(
        self,
        observations: FieldBatch | SparseField | Sequence[SparseField],
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
        net, scaling = self._fitted()
        seen = _as_batch(observations)
        query, finish = self._queries(targets)
        inputs = seen.with_values(scaling.scale(seen.values))
        means, draws, evaluations = [], [], 0
        for start in range(0, len(seen), _FIELDS_AT_ONCE):
            part = inputs[slice(start, start + _FIELDS_AT_ONCE)]
            asked = query.expand(len(part), -1, -1)
            moved = self._moved(asked, part.coords, part.values, part.mask)
            means.append(reconstruct(net, *moved, context=context).cpu())
            keys = torch.arange(start, start + len(part), device=moved[0].device)
            several = []
            for s in range(n_samples):
                solution = draw(
                    net,
                    moved[0],
                    check_inputs(net, *moved),
                    None,
                    context,
                    _keys(seed + s, keys),
                    solver=solver,
                    steps=steps,
                )
                several.append(solution.x.cpu())
                evaluations = solution.evaluations
            draws.append(torch.stack(several) if several else torch.zeros(0, *means[-1].shape))
            if on_progress is not None:
                on_progress(start + len(part), len(seen))
        mean = finish(scaling.unscale(torch.cat(means)).numpy())
        sample = [finish(x) for x in scaling.unscale(torch.cat(draws, dim=1)).numpy()]
        return Prediction(mean, np.array(sample).reshape(-1, *mean.shape), evaluations)

    def encode(self, observations: FieldBatch | SparseField | Sequence[SparseField]) -> np.ndarray:
        """The latent of each field.

        Args:
            observations: What was seen, in the unit of the field.

        Returns:
            Shape (B, latent_dim).

        Raises:
            ValueError: If the model is not fitted or has no latent, or the observations do not fit
                it.
        """
        net, scaling = self._fitted()
        if not net.has_latent:
            raise ValueError(f"The model {net.kind!r} has no latent; fit model='autoencoder'.")
        seen = _as_batch(observations)
        coords, values, mask = self._moved(seen.coords, scaling.scale(seen.values), seen.mask)
        inputs = check_inputs(net, coords, coords, values, mask)
        with torch.no_grad():
            return net.encode(*inputs).cpu().numpy()  # pyright: ignore[reportCallIssue]

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config and weights; `from_pretrained` reads them.

        Args:
            folder: Where; replaced if it exists.

        Raises:
            ValueError: If the model is not fitted.
        """
        net, scaling = self._fitted()
        facts = {"scaling": [scaling.low, scaling.high], "size": self._size, "preset": self.preset}
        save_network(net, Path(folder), facts)

    @classmethod
    def from_pretrained(cls, folder: str | Path, *, device: str = "auto") -> Self:
        """Read what `save_pretrained` wrote.

        Args:
            folder: The folder, or a finished run.
            device: "auto", "cpu" or "cuda".

        Raises:
            ValueError: If the folder holds no such thing, or it is damaged or of another version.
        """
        folder = Path(folder)
        if (folder / "run.json").is_file():
            folder = folder / EXPORT
        net, facts = load_network(folder)
        model = cls(facts["preset"], model=net.kind, device=device)
        model._net = net.to(_device(device))
        model._scaling, model._size = Scaling(*facts["scaling"]), facts["size"]
        return model

    @property
    def size(self) -> int:
        """Native pixels a side."""
        return self._size

    def _fitted(self) -> tuple[FieldFlow, Scaling]:
        if self._net is None or self._scaling is None:
            raise ValueError(
                "This model is not fitted; call fit(truth) or from_pretrained(folder)."
            )
        return self._net, self._scaling

    def _queries(self, targets: Targets) -> tuple[Tensor, Callable[[np.ndarray], np.ndarray]]:
        """Where to ask, shape (1, N, D), and what to do with the answers, shape (B, N, C)."""
        if isinstance(targets, np.ndarray):
            return torch.as_tensor(targets, dtype=torch.float32)[None], lambda values: values
        size = targets.size if isinstance(targets, GridField) else targets or self._size
        asked = max(size, self._size)

        def finish(values: np.ndarray) -> np.ndarray:
            grid = values.reshape(len(values), asked, asked, values.shape[-1])
            return grid if asked == size else area_average(grid, size)

        return torch.from_numpy(pixel_centres(asked))[None], finish

    def _moved(self, *tensors: Tensor) -> list[Tensor]:
        net, _ = self._fitted()
        device = next(net.parameters()).device
        return [tensor.to(device) for tensor in tensors]


def _as_batch(observations: FieldBatch | SparseField | Sequence[SparseField]) -> FieldBatch:
    if isinstance(observations, FieldBatch):
        return observations
    return collate([observations] if isinstance(observations, SparseField) else observations)


def _keys(seed: int, index: Tensor) -> Tensor:
    """The keys (seed, b) of fields b, whatever batch they come in."""
    return fold(torch.full_like(index, seed), index)


def _device(name: str) -> torch.device:
    gpu = torch.cuda.is_available()
    if name not in ("auto", "cpu", "cuda") or (name == "cuda" and not gpu):
        found = "a GPU is there" if gpu else "there is no GPU"
        raise ValueError(f"Device {name!r} was asked; choose auto, cpu or cuda ({found}).")
    return torch.device("cuda" if gpu and name != "cpu" else "cpu")
