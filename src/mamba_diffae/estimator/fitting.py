"""A training from its beginning to its end: phase after phase in a run folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, final

import torch

from mamba_diffae.estimator.known import autoencoder
from mamba_diffae.fields import GridField
from mamba_diffae.models import pretrained
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.latent_prior import LatentPrior
from mamba_diffae.training.continuation import begin, begin_run, outdated
from mamba_diffae.training.fit import train_phase
from mamba_diffae.training.latent_phase import NAME as LATENT
from mamba_diffae.training.latent_phase import train_latent_diffusion
from mamba_diffae.training.processes import Processes
from mamba_diffae.training.run import Run
from mamba_diffae.training.settings import Settings


class Fitted(NamedTuple):
    """What a phase left.

    Attributes:
        net: The network, in eval mode.
        latent_prior: Of its latents, if the phase was that.
        run: Where it was trained.
        newest: Whether no later phase stands there already.
    """

    net: FieldFlow
    latent_prior: LatentPrior | None
    run: Run
    newest: bool


@final
@dataclass(frozen=True)
class Fitting:
    """What is trained, and on what; see `FieldAutoencoder` and its `fit`."""

    model: type[FieldFlow]
    preset: str
    seed: int
    device: str
    settings: Settings
    truth: GridField

    def phases(
        self,
        folder: Path,
        phases: Sequence[str] | None,
        facts: Mapping[str, Any],
        *,
        resume: bool,
        overwrite: bool,
    ) -> Iterator[Fitted]:
        """Train the phases one after the other; errors as `FieldAutoencoder.fit`."""
        processes, settings = Processes(self.device), self.settings.to_dict()
        known = {"model": self.model.kind, "preset": self.preset, "seed": self.seed, **facts}
        known |= {"settings": settings, "processes": processes.count}
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            net = pretrained.build_network(self.model, settings["model"])
        # What can be refused has been by now: `begin_run` may delete a former run.
        options = {"resume": resume, "overwrite": overwrite}
        run, order = begin_run(folder, known, self.truth, processes, self.model, phases, **options)
        for phase in order:
            begin(phase, net, run)
            trained = self._train(phase, net, run, resume)
            yield Fitted(*trained, run, newest=not outdated(phase, net, run))

    def _train(
        self, phase: str, net: FieldFlow, run: Run, resume: bool
    ) -> tuple[FieldFlow, LatentPrior | None]:
        options = {
            "config": self.settings.training[phase],
            "data": self.settings.data,
            "seed": self.seed,
            "resume": resume,
            "device": self.device,
        }
        if phase != LATENT:
            return train_phase(net, phase, self.truth, run, **options), None
        sizes = self.settings.latent_prior
        assert sizes is not None
        prior = train_latent_diffusion(autoencoder(net), self.truth, run, prior=sizes, **options)
        return net.eval(), prior
