"""The trainer: one loop for every network and phase, stopped anywhere and resumed exactly."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, final

from torch import nn

from mamba_diffae.fields.atomic import standing_folder
from mamba_diffae.training.loop.checkpoint import (
    BEST,
    LAST,
    Checkpoint,
    TrainingState,
    save_checkpoint,
)
from mamba_diffae.training.loop.config import TrainingConfig
from mamba_diffae.training.loop.learner import Batches, Learner, NonFiniteLossError
from mamba_diffae.training.loop.prefetch import prefetch
from mamba_diffae.training.loop.processes import Processes
from mamba_diffae.training.loop.progress import ProgressMeter
from mamba_diffae.training.objectives.base import Objective
from mamba_diffae.training.run import Run

Validate = Callable[[nn.Module], dict[str, float]]
"""From a network in eval mode to scores by name; the first is the one whose maximum is "best"."""
_SIGNALS: dict[int, str] = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}
"""Signals that end a training once its step is made and saved: by hand, by a cluster or system."""


@final
class Phase(NamedTuple):
    """A part of a training: its name, which its folder of checkpoints has, and what is learned."""

    name: str
    objective: Objective


@final
class TrainingInterrupted(KeyboardInterrupt):
    """Training was stopped by a signal after saving; the message says how to resume.

    Attributes:
        number: Of the signal: SIGINT, which Ctrl-C sends, or SIGTERM.
    """

    def __init__(self, message: str, number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.number = number


def train(
    model: nn.Module,
    phase: Phase,
    batches: Batches,
    config: TrainingConfig,
    run: Run,
    *,
    validate: Validate | None = None,
    resume: bool = False,
    device: str = "auto",
) -> nn.Module:
    """Train one phase of a network, keeping its progress in a run folder.

    Step s learns from the batches s·a to s·a + a − 1, where a is `config.accumulation`. Checkpoints
    are RUN/<phase>/last, and RUN/<phase>/best: the averaged weights with the highest validation
    score. Started by `accelerate launch`, every process calls this with the same arguments: each
    learns from its share of every batch, and the main one validates and writes the files.

    Args:
        model: Trained in place, and moved to the device.
        phase: Its name and what is learned.
        batches: The data.
        config: How; a resumed training goes on with the settings given now.
        run: Where checkpoints, metrics and the time used go.
        validate: Called on the averaged network every so often and at the end.
        resume: Go on from RUN/<phase>/last; from the start where there is none. On one machine the
            result is that of a training never stopped (but see `TrainingConfig.minutes`).
        device: "auto" (a GPU if there is one), "cpu" or "cuda".

    Returns:
        The network with averaged weights, in eval mode, on the device.

    Raises:
        ValueError: If a checkpoint stands there without `resume`, or is damaged or of another
            architecture; if the device is not there; or if there are several processes and
            `config.batch_size` is no multiple of their number.
        NonFiniteLossError: If the loss is not finite; the last checkpoint is kept.
        DiskFullError: If a checkpoint does not fit on the disk; the last one is kept.
        TrainingInterrupted: After Ctrl-C or SIGTERM, once the step is made and saved.
    """
    processes = Processes(device)
    processes.check_batch(phase.name, config.batch_size)
    learner = Learner(model, phase.objective, config, processes)
    training = _Training(learner, phase.name, config, run)
    training.start(resume)
    progress = training.progress()
    if progress >= 1:  # a later phase reads there that, by the settings given now, this one is done
        processes.run_on_main(training.save)
    show = config.show_progress and processes.main
    meter = ProgressMeter(phase.name, config.steps, progress, show=show)
    with meter, _interrupt_deferred() as interrupted, prefetch(batches) as ready:
        while progress < 1:
            loss, fields = training.advance(ready)
            progress = training.progress()
            meter.advance(training.step, loss, fields, progress)
            done = progress >= 1
            if done or training.step % config.log_every == 0:
                processes.run_on_main(partial(training.log, loss, meter.fields_per_second))
            if validate is not None and (done or training.step % config.validate_every == 0):
                processes.run_on_main(partial(training.validate, validate))
            stop = processes.any(interrupted.number is not None)
            if done or stop or training.step % config.checkpoint_every == 0:
                processes.run_on_main(training.save)
            if stop:
                number = interrupted.number or signal.SIGINT
                raise TrainingInterrupted(training.interrupt_message(number), number)
    return training.learner.ema.module


@final
class _Training:
    """Where one phase stands, and what of it is kept in the run folder.

    `log`, `validate` and `save` are the main process's; all else every process does.
    """

    def __init__(self, learner: Learner, phase: str, config: TrainingConfig, run: Run) -> None:
        self.learner, self.phase, self.config, self.run = learner, phase, config, run
        self.processes = learner.processes
        self.folder = run.path / phase
        self.step, self.rate = 0, 0.0
        self.best_score: float | None = None
        self.clock = {"wall": time.monotonic, "processor": time.process_time}[config.clock]
        self.started = self.clock()

    def start(self, resume: bool) -> None:
        """From the last checkpoint, or from the beginning."""
        if standing_folder(self.folder / LAST) is not None:
            if not resume:
                raise ValueError(
                    f"{self.folder} already holds a checkpoint; go on from it by resume (--resume),"
                    " start the run again by overwrite (--overwrite), or give another folder."
                )
            self._restore(Checkpoint(self.folder / LAST))
        self.processes.run_on_main(lambda: self.run.forget_after(self.phase, self.step))

    def _restore(self, checkpoint: Checkpoint) -> None:
        state, learner = checkpoint.state, self.learner
        theirs, ours = (state.phase, state.config["optimizer"]), (self.phase, self.config.optimizer)
        if theirs != ours:
            raise ValueError(
                f"{checkpoint.folder} is of (phase, optimizer) {theirs}; expected {ours}. Resume "
                "with the settings of the run (run.json), or train into a new folder."
            )
        checkpoint.load_model(learner.model)
        checkpoint.load_ema(learner.ema.module)
        checkpoint.load_optimizer(learner.optimizer)
        learner.ema.n_averaged.fill_(state.step)
        self.step, self.best_score = state.step, state.best_score
        self.started -= state.seconds

    def seconds(self) -> float:
        """Time that this phase took, over all its parts, on this process's clock."""
        return self.clock() - self.started

    def progress(self) -> float:
        """Share of this phase that is done; one clock decides, or some processes would go on."""
        return self.config.progress(self.step, self.processes.broadcast(self.seconds()))

    def advance(self, batches: Batches) -> tuple[float, int]:
        """Make a step; its loss, and the fields it saw."""
        a = self.config.accumulation
        seen = [batches(i) for i in range(self.step * a, (self.step + 1) * a)]
        seconds = self.processes.broadcast(self.seconds())
        self.rate = self.config.learning_rate_at(self.step, seconds)
        try:
            loss = self.learner.learn(seen, self.rate, self.config.progress(self.step, seconds))
        except NonFiniteLossError as error:
            kept = standing_folder(self.folder / LAST)
            raise NonFiniteLossError(
                f"{error}, in step {self.step + 1} of phase {self.phase!r}. Last good checkpoint: "
                f"{kept or 'none yet'}. Look at that data, or lower learning_rate (it was "
                f"{self.rate:.2g}) or clip_norm; then resume (--resume)."
            ) from error
        self.step += 1
        return loss, sum(batch.size for batch in seen)

    def log(self, loss: float, speed: float) -> None:
        """Add a row on this step to the metrics."""
        self.run.log(
            {
                "phase": self.phase,
                "step": self.step,
                "loss": loss,
                "fields_per_second": round(speed, 2),
                "learning_rate": self.rate,
                "seconds": round(self.seconds(), 2),
            }
        )

    def validate(self, validate: Validate) -> None:
        """Score the averaged network, and keep it if it is the best so far."""
        scores = {name: float(score) for name, score in validate(self.learner.ema.module).items()}
        self.run.log({"phase": self.phase, "step": self.step, "validation": scores})
        score = next(iter(scores.values()))
        if score > (-math.inf if self.best_score is None else self.best_score):
            self.best_score = score
            save_checkpoint(self.folder / BEST, self._state(), self.learner.ema.module)

    def save(self) -> None:
        """Write the checkpoint to resume from, and the time used."""
        learner = self.learner
        save_checkpoint(
            self.folder / LAST,
            self._state(),
            learner.ema.module,
            learner.model,
            learner.optimizer.state_dict(),
        )
        elapsed = {**self.run.facts["elapsed"], self.phase: round(self.seconds(), 2)}
        self.run.update(elapsed=elapsed)

    def _state(self) -> TrainingState:
        config = self.config.model_dump()
        return TrainingState(self.phase, self.step, self.seconds(), self.best_score, config)

    def interrupt_message(self, number: int) -> str:
        """What to say after a signal."""
        command = self.run.facts.get("command")
        how = f"`{command} --resume`" if command else "the same command and --resume"
        return (
            f"Stopped by {_SIGNALS[number]} after step {self.step} of {self.config.steps} of phase "
            f"{self.phase!r}, saved in {self.folder / LAST}; go on with {how}."
        )


@final
class _Interrupt:
    """The signal that asked to stop; None until one did."""

    number: int | None = None


@contextmanager
def _interrupt_deferred() -> Iterator[_Interrupt]:
    """Let the first Ctrl-C or SIGTERM only be noted; a second one stops at once."""
    interrupted = _Interrupt()
    if threading.current_thread() is not threading.main_thread():  # only that one gets signals
        yield interrupted
        return
    former = {number: signal.getsignal(number) or signal.SIG_DFL for number in _SIGNALS}

    def note(signum: int, frame: object) -> None:
        interrupted.number = signum
        _listen(former)
        # Unlike sys.stderr, this may be used while another write is under way.
        told = f"\n{_SIGNALS[signum]}: finishing this step and saving; once more stops at once.\n"
        os.write(2, told.encode())

    _listen(dict.fromkeys(_SIGNALS, note))
    try:
        yield interrupted
    finally:
        _listen(former)


def _listen(handlers: Mapping[int, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
