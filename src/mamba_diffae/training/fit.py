"""One phase of training on fields, over the trainer."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from mamba_diffae.fields import FieldData, Shape
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.priors import Prior
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.field_snapshots import snapshots_of
from mamba_diffae.training.data.skill_cases import SkillCase
from mamba_diffae.training.data.snapshots import BatchOptions, Snapshots
from mamba_diffae.training.draw_validation import draw_validator
from mamba_diffae.training.gate_fit import fit_gate, open_gate
from mamba_diffae.training.loop.checkpoint import LAST, replace_average
from mamba_diffae.training.loop.config import TrainingConfig
from mamba_diffae.training.loop.processes import Processes
from mamba_diffae.training.loop.trainer import Phase, Validate, train
from mamba_diffae.training.objectives import Objective, phase_objective
from mamba_diffae.training.phases import LATENT, phase_name, phase_seed
from mamba_diffae.training.run import Run
from mamba_diffae.training.sensitivity import warn_if_ignored
from mamba_diffae.training.validation import residual, validator


@final
@dataclass(frozen=True)
class PhaseOptions:
    """How a phase is trained.

    Attributes:
        config: Length and rates.
        data: What a step observes and asks.
        seed: Same seed, same result.
        resume: Whether to go on from the run's last checkpoint.
        device: "auto", "cpu" or "cuda".
        objective: In place of the phase's own one, and of `config.objective`.
    """

    config: TrainingConfig
    data: DataConfig
    seed: int = 0
    resume: bool = False
    device: str = "auto"
    objective: Objective | None = None

    def phase(self, name: str) -> Phase:
        """A phase with the objective that these options give it."""
        config = self.config
        made = self.objective or phase_objective(name, config.objective, **config.objective_options)
        return Phase(name, made)


def train_phase(
    net: FieldFlow, phase: str, data: FieldData | Snapshots, run: Run, options: PhaseOptions
) -> FieldFlow:
    """Train one phase on the training split, validating on the validation split.

    Args:
        net: Network to start from; phases "ensemble" and "flow" of an autoencoder want the result
            of its phase "autoencoder".
        phase: "autoencoder", "ensemble" or "flow" (also called "diffusion"), or another phase of
            the network.
        data: Fields, or other snapshots, with splits: inside coordinates, scaled values.
        run: Where checkpoints and metrics go.
        options: How.

    Returns:
        The averaged network, in eval mode, its gate fitted where the prior knows familiarity.

    Raises:
        ValueError: If the network has no such phase; else as `train`.
    """
    phase = _own_phase(net, phase)
    data = snapshots_of(data)
    learned = data.split("train")
    sampling = data.sampling(options.data)
    if not net.prior.fitted:
        other = data.split("val").for_prior() if (data.splits == "val").any() else None
        net.fit_prior(learned.for_prior(), other)
    open_gate(net)
    if phase == "flow" and net.phases.index(phase) > 0:
        net.fit_noise(*residual(net, data, sampling.observed_shape))
    chosen = options.phase(phase)
    how = BatchOptions(
        sampling,
        phase_seed(phase, net.phases, options.seed),
        options.config.batch_size,
        net.anchor_shape,
        options.config.views,
        chosen.objective.draws,
    )
    # The network's own prior moves to the device with it; batches are made on the CPU.
    prior = copy.deepcopy(net.prior).cpu()
    batches = learned.batches(prior, how)
    trained = train(
        net,
        chosen,
        batches,
        options.config,
        run,
        validate=_validator(chosen, data, sampling.observed_shape),
        resume=options.resume,
        device=options.device,
    )
    assert isinstance(trained, FieldFlow)
    cases = data.skill_cases(sampling, prior.config.geometry, options.seed)
    _finish(trained.eval(), prior, cases, phase, run, options)
    return trained


def _finish(
    trained: FieldFlow,
    prior: Prior,
    cases: Iterable[SkillCase],
    phase: str,
    run: Run,
    options: PhaseOptions,
) -> None:
    """Fit the gate, and keep it for phases that begin from this network."""
    processes = Processes(options.device)
    if fit_gate(trained, prior, cases):
        processes.run_on_main(lambda: replace_average(run.path / phase / LAST, trained))
    processes.run_on_main(lambda: warn_if_ignored(run, phase))


def _validator(phase: Phase, data: Snapshots, observed_shape: Shape | None) -> Validate | None:
    """How good the phase's result is: its draws if it learns them, else its mean."""
    measure = draw_validator if phase.objective.draws else validator
    return measure(data, observed_shape)


def _own_phase(net: FieldFlow, name: str) -> str:
    own = [phase for phase in net.phases if phase != LATENT]
    if phase_name(name) not in own:
        raise ValueError(
            f"The network {net.kind!r} has no phase {name!r}; it has {', '.join(own)} (in phase "
            f"{LATENT!r} another network learns: see train_latent_flow)."
        )
    return phase_name(name)
