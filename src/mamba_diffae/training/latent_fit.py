"""Phase "latent": encode the fields, then learn the flow of what latents there are."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor, nn

from mamba_diffae.fields import FieldData
from mamba_diffae.flow import fold
from mamba_diffae.models.config import LatentFlowConfig
from mamba_diffae.models.latent_flow import LatentFlow
from mamba_diffae.training.data.field_snapshots import snapshots_of
from mamba_diffae.training.data.latent_batches import LatentBatch, LatentBatches
from mamba_diffae.training.data.latents import FieldEncoder, LatentCache
from mamba_diffae.training.data.snapshots import Snapshots
from mamba_diffae.training.fit import PhaseOptions
from mamba_diffae.training.loop.checkpoint import BEST, Checkpoint
from mamba_diffae.training.loop.processes import Processes
from mamba_diffae.training.loop.trainer import TrainingInterrupted, Validate, train
from mamba_diffae.training.objectives.latent_flow import LatentFlowMatching
from mamba_diffae.training.phases import LATENT
from mamba_diffae.training.run import Run

METRIC = "minus_loss"
"""Validation: the loss with its sign turned, since a highest score is best."""
ENCODING = "encoding"
"""Under which the time for it stands in `run.json`."""
_VALIDATION = 2
"""Marks the keys of validation, apart from the objective's own draws."""
_DRAWS = 16
"""Times and noises at which every validation latent is judged."""


def latent_validator(latents: Tensor) -> Validate:
    """The loss, with its sign turned, at fixed times and noises.

    Args:
        latents: Of unseen fields, shape (S, latent_dim).

    Returns:
        From a flow of latents to {"minus_loss": number}.
    """
    rows = torch.arange(len(latents)).repeat(_DRAWS)
    keys = fold(torch.tensor([_VALIDATION]), torch.arange(len(rows)))
    batch = LatentBatch(latents[rows], keys, rows)

    @torch.no_grad()
    def scores(model: nn.Module) -> dict[str, float]:
        assert isinstance(model, LatentFlow)
        loss = LatentFlowMatching().loss(model, batch.to(next(model.parameters()).device))
        return {METRIC: -float(loss)}

    return scores


def train_latent_flow(
    net: Any, data: FieldData | Snapshots, run: Run, sizes: LatentFlowConfig, options: PhaseOptions
) -> LatentFlow:
    """Encode fields once, then learn what latents there are.

    Args:
        net: A network with a latent; it stays as it is.
        data: What it was trained on, with splits: inside coordinates, scaled values.
        run: Where latents, checkpoints and metrics go.
        sizes: Of the network that learns.
        options: How; of its `data` the observed lattice, mirrored fields, and how often a field is
            encoded.

    Returns:
        The averaged network, in eval mode: as it was when it was best at validation latents, if
        there are any. Few fields would else be learned by heart.

    Raises:
        ValueError: As `train`.
        TrainingInterrupted: After Ctrl-C.
    """
    latents, unseen = _encoded(net, snapshots_of(data), run, options)
    with torch.random.fork_rng():
        torch.manual_seed(options.seed)
        model = LatentFlow(sizes)
    model.fit_gaussian(latents.flatten(0, 1))
    trained = train(
        model,
        options.phase(LATENT),
        LatentBatches(latents, seed=options.seed, batch_size=options.config.batch_size),
        options.config,
        run,
        validate=None if unseen is None else latent_validator(unseen.flatten(0, 1)),
        resume=options.resume,
        device=options.device,
    )
    assert isinstance(trained, LatentFlow)
    if unseen is not None:
        Checkpoint(run.path / LATENT / BEST).load_ema(trained)
    return trained.eval()


def _encoded(
    net: Any, data: Snapshots, run: Run, options: PhaseOptions
) -> tuple[Tensor, Tensor | None]:
    """Latents of training and of validation fields; the main process alone encodes."""
    processes = Processes(options.device)
    encoder = FieldEncoder(net.to(processes.device), data.sampling(options.data), options.seed)
    cache = LatentCache(run, encoder, data)

    def fill() -> None:
        started = time.monotonic()
        before = run.facts["elapsed"].get(ENCODING, 0.0)
        try:
            cache.fill(show=options.config.show_progress)
        except KeyboardInterrupt as stop:
            command = run.facts.get("command", "the same command")
            raise TrainingInterrupted(
                f"Stopped by Ctrl-C while encoding; what is encoded is kept in {cache.folder}: go "
                f"on with `{command} --resume`."
            ) from stop
        finally:
            spent = round(before + time.monotonic() - started, 2)
            run.update(elapsed={**run.facts["elapsed"], ENCODING: spent})

    processes.run_on_main(fill)
    latents = cache.read("train")
    assert latents is not None
    return latents, cache.read("val")
