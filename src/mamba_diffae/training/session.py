"""A training from its beginning to its end: phase after phase in a run folder."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, final

import torch

from mamba_diffae.fields import FieldData
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.latent_flow import LatentFlow
from mamba_diffae.models.registry import build_network
from mamba_diffae.training.data.field_snapshots import snapshots_of
from mamba_diffae.training.data.snapshots import Snapshots
from mamba_diffae.training.fit import PhaseOptions, train_phase
from mamba_diffae.training.latent_fit import train_latent_flow
from mamba_diffae.training.loop.processes import Processes
from mamba_diffae.training.objectives import Objective
from mamba_diffae.training.phases import LATENT, chosen_phases, phase_name
from mamba_diffae.training.resume import (
    begin,
    begin_run,
    only_training,
    outdated,
    standing_latent_flow,
)
from mamba_diffae.training.run import Run
from mamba_diffae.training.settings import Settings


@final
class PhaseResult(NamedTuple):
    """What a phase left.

    Attributes:
        phase: Its name.
        net: The network, in eval mode.
        latent_flow: Of its latents, if the phase was that, or stands already.
        run: Where it was trained.
        newest: Whether no phase stands there that began from its result.
    """

    phase: str
    net: FieldFlow
    latent_flow: LatentFlow | None
    run: Run
    newest: bool


@final
@dataclass(frozen=True)
class TrainingSession:
    """What is trained, and on what.

    Attributes:
        architecture: Class of the network.
        preset: Name of the preset, for `run.json`.
        seed: Same seed, same result.
        device: "auto", "cpu" or "cuda".
        settings: Of network, data and phases; see `settings_for`.
        data: Snapshots with splits: inside coordinates, scaled values.
        objectives: In place of the phases' own ones, by phase.
    """

    architecture: type[FieldFlow]
    preset: str
    seed: int
    device: str
    settings: Settings
    data: FieldData | Snapshots
    objectives: Mapping[str, Objective] = field(default_factory=dict)

    def train(
        self,
        folder: Path,
        phases: Sequence[str] | None = None,
        facts: Mapping[str, Any] | None = None,
        *,
        resume: bool = False,
        overwrite: bool = False,
    ) -> Generator[PhaseResult, None, None]:
        """Train the phases one after the other.

        Args:
            folder: Of the run.
            phases: Names of phases; None: all but optional ones.
            facts: What else to note in `run.json`, such as the command.
            resume: Go on with a run that was stopped; it is then never overwritten.
            overwrite: Start anew where a run stands.

        Raises:
            ValueError: If a phase is unknown, is missing or stands already, the folder holds
                something else, or another training writes there.
        """
        chosen_phases(self.architecture, self.objectives)
        processes, settings = Processes(self.device), self.settings.to_dict()
        known = {"architecture": self.architecture.kind, "preset": self.preset, "seed": self.seed}
        known |= {**(facts or {}), "settings": settings, "processes": processes.count}
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            net = build_network(self.architecture, settings["model"])
        for phase in chosen_phases(self.architecture, phases):
            self._options(phase, resume).phase(phase).objective.check(net)
        # What can be refused has been by now: `begin_run` may delete a former run.
        given = folder, known, snapshots_of(self.data), processes, self.architecture, phases
        with only_training(folder, processes):
            run, order = begin_run(*given, resume=resume, overwrite=overwrite)
            for phase in order:
                begin(phase, net, run)
                trained, latent_flow = self._train(phase, net, run, resume)
                if phase != LATENT:
                    latent_flow = processes.run_on_main(lambda: standing_latent_flow(run))
                newest = not outdated(phase, net, run)
                yield PhaseResult(phase, trained, latent_flow, run, newest)

    def _train(
        self, phase: str, net: FieldFlow, run: Run, resume: bool
    ) -> tuple[FieldFlow, LatentFlow | None]:
        options = self._options(phase, resume)
        if phase != LATENT:
            return train_phase(net, phase, self.data, run, options), None
        sizes = self.settings.latent_flow
        assert sizes is not None
        latent_flow = train_latent_flow(net, self.data, run, sizes, options)
        return net.eval(), latent_flow

    def _options(self, phase: str, resume: bool) -> PhaseOptions:
        """How a phase is trained."""
        config, data = self.settings.training[phase], self.settings.data
        objective = {phase_name(name): o for name, o in self.objectives.items()}.get(phase)
        return PhaseOptions(config, data, self.seed, resume, self.device, objective)
