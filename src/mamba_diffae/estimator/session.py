"""A training from its beginning to its end: phase after phase in a run folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, final

import torch

from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.fields import FieldData
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.latent_flow import LatentFlow
from mamba_diffae.models.registry import build_network
from mamba_diffae.training.fit import residual, train_phase
from mamba_diffae.training.loop.processes import Processes
from mamba_diffae.training.objectives import Objective
from mamba_diffae.training.resume import begin, begin_run, outdated
from mamba_diffae.training.run import Run
from mamba_diffae.training.settings import Settings


class PhaseResult(NamedTuple):
    """What a phase left.

    Attributes:
        fitted: Network, scaling and the flow of latents.
        run: Where it was trained.
        newest: Whether no later phase stands there already.
    """

    fitted: FittedModel
    run: Run
    newest: bool


@final
@dataclass(frozen=True, eq=False)
class TrainingSession:
    """What is trained, and on what; see `FieldAutoencoder` and its `fit`."""

    architecture: type[FieldFlow]
    preset: str
    seed: int
    device: str
    settings: Settings
    scaler: FieldScaler
    data: FieldData
    objectives: Mapping[str, Objective]

    def phases(
        self,
        folder: Path,
        phases: Sequence[str] | None,
        facts: Mapping[str, Any],
        *,
        resume: bool,
        overwrite: bool,
    ) -> Iterator[PhaseResult]:
        """Train the phases one after the other; errors as `FieldAutoencoder.fit`."""
        processes, settings = Processes(self.device), self.settings.to_dict()
        known = {
            "architecture": self.architecture.kind,
            "preset": self.preset,
            "seed": self.seed,
            **facts,
            "settings": settings,
            "scaling": self.scaler.to_dict(),
            "processes": processes.count,
        }
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            net = build_network(self.architecture, settings["model"])
        # What can be refused has been by now: `begin_run` may delete a former run.
        options = {"resume": resume, "overwrite": overwrite}
        run, order = begin_run(
            folder, known, self.data, processes, self.architecture, phases, **options
        )
        for phase in order:
            begin(phase, net, run)
            flow = self._train(phase, net, run, resume)
            newest = not outdated(phase, net, run)
            yield PhaseResult(self._fitted(net, flow), run, newest)

    def _fitted(self, net: FieldFlow, flow: LatentFlow | None) -> FittedModel:
        std = (0.0,)
        if self.scaler.curved:
            left, weight = residual(net, self.data)
            dims = tuple(range(left.ndim - 1))
            mean = (left.square() * weight).sum(dims) / weight.sum(dims).clamp(min=1e-12)
            std = tuple(mean.sqrt().tolist())
        mirrored = bool(self.settings.data.mirrored)
        return FittedModel(net, self.scaler, self.preset, mirrored, flow, std)

    def _train(self, phase: str, net: FieldFlow, run: Run, resume: bool) -> LatentFlow | None:
        options = {
            "config": self.settings.training[phase],
            "data": self.settings.data,
            "seed": self.seed,
            "resume": resume,
            "device": self.device,
        }
        if phase == "latent":
            return self._train_latent_flow(net, run, options)
        train_phase(net, phase, self.data, run, objective=self.objectives.get(phase), **options)
        net.eval()
        return None

    def _train_latent_flow(
        self, net: FieldFlow, run: Run, options: Mapping[str, Any]
    ) -> LatentFlow:
        from mamba_diffae.training.latent_flow import train_latent_flow

        sizes = self.settings.latent_flow
        flow = train_latent_flow(net, self.data, run, sizes=sizes, **options)
        net.eval()
        return flow
