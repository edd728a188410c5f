"""One phase of training on complete fields: the proposal's verbs over the trainer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import FieldBatch, GridField, observe, pixel_centres
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.inference import reconstruct
from mamba_diffae.training.batches import DataConfig, FieldBatches, exemplar_values
from mamba_diffae.training.config import TrainingConfig
from mamba_diffae.training.latent_use import METRIC, latent_use, warn_if_ignored
from mamba_diffae.training.phases import PHASES
from mamba_diffae.training.processes import Processes
from mamba_diffae.training.run import Run
from mamba_diffae.training.trainer import train

VALIDATION_FIELDS, VALIDATION_PIXELS = 48, 1024


def train_phase(
    net: FieldFlow,
    phase: str,
    truth: GridField,
    run: Run,
    *,
    config: TrainingConfig,
    data: DataConfig,
    seed: int = 0,
    resume: bool = False,
    device: str = "auto",
) -> FieldFlow:
    """Train one phase on the training split, validating on the validation split.

    Args:
        net: Network to start from; phase 2 of an autoencoder wants the result of its phase 1.
        phase: "autoencoder" or "diffusion".
        truth: Complete fields with splits.
        run: Where checkpoints and metrics go.
        config: Length and rates.
        data: What a step observes and asks.
        seed: Same seed, same result.
        resume: Whether to go on from the run's last checkpoint.
        device: "auto", "cpu" or "cuda".

    Returns:
        The averaged network, in eval mode.

    Raises:
        ValueError: If the network has no such phase; else as `train`.
    """
    own = [name for name in net.phases if name in PHASES]
    if phase not in own:
        raise ValueError(
            f"The network {net.kind!r} has no phase {phase!r}; it has {', '.join(own)} (in phase "
            "'latent' another network learns: see train_latent_diffusion)."
        )
    anchors = round(len(net.anchors) ** (1 / net.config.coord_dim))
    train_fields = truth.split("train")
    if net.prior is not None and not net.prior.exemplars.any():
        net.remember(exemplar_values(net.prior, train_fields))
    if phase == "diffusion" and net.phases.index(phase) > 0:
        net.learn_noise(residual(net, truth))
    batches = FieldBatches(
        train_fields,
        data,
        # The phases of one run must not see the same draws.
        seed=seed * len(PHASES) + list(PHASES).index(phase),
        batch_size=config.batch_size,
        anchors=anchors,
        # The network's own moves to the device with it; batches are made on the CPU.
        prior=None if net.prior is None else copy.deepcopy(net.prior).cpu(),
        views=config.views,
    )
    validate = validator(truth) if (truth.splits == "val").any() else None
    trained = train(
        net,
        PHASES[phase],
        batches,
        config,
        run,
        validate=validate,
        resume=resume,
        device=device,
    )
    assert isinstance(trained, FieldFlow)
    Processes(device).once(lambda: warn_if_ignored(run, phase))
    return trained.eval()


def train_autoencoder(net: FieldFlow, truth: GridField, run: Run, **options: Any) -> FieldFlow:
    """Phase 1, reconstruction: `train_phase` by the proposal's name."""
    return train_phase(net, "autoencoder", truth, run, **options)


def train_diffusion(net: FieldFlow, truth: GridField, run: Run, **options: Any) -> FieldFlow:
    """Phase 2, flow matching with the encoder frozen: `train_phase` by the proposal's name."""
    return train_phase(net, "diffusion", truth, run, **options)


def validator(truth: GridField) -> Callable[[torch.nn.Module], dict[str, float]]:
    """How good the posterior mean is at a fixed random choice of pixels of validation fields.

    Args:
        truth: Complete fields; those of the split "val" are used, one of a group, at most 48.

    Returns:
        From a network to {"psnr": dB}: 20 % of the cells observed, latent and points read; of an
        autoencoder also `latent_use`.
    """
    chosen = truth.split("val").distinct(VALIDATION_FIELDS)
    pixels = np.random.default_rng(0).permutation(chosen.size**2)[:VALIDATION_PIXELS]
    native = chosen.values.reshape(len(chosen), -1, chosen.channels)[:, pixels]
    target = torch.from_numpy(chosen.scaling.scale(native.astype(np.float32)))
    coords = torch.from_numpy(pixel_centres(chosen.size)[pixels])
    inputs = _seen(chosen)

    def scores(net: torch.nn.Module) -> dict[str, float]:
        assert isinstance(net, FieldFlow)
        mean = _mean(net, inputs, coords)
        error = (mean.clamp(-1, 1) - target).square() / 4  # on the scale [0, 1]
        psnr = -10 * torch.log10(error.mean(dim=(1, 2)).clamp(min=1e-10)).mean()
        found = {"psnr": float(psnr)}
        if isinstance(net, MambaDiffusionAutoencoder) and len(chosen) > 1:
            found[METRIC] = latent_use(net, inputs, coords, mean, target)
        return found

    return scores


def residual(net: FieldFlow, truth: GridField) -> Tensor:
    """What the mean leaves open, of fields that were not trained on if there are any.

    Args:
        net: A network that has learned the mean.
        truth: Complete fields; the split "val", or "train" if that is empty, at most 48 groups.

    Returns:
        Truth minus mean from 20 % of the cells, scaled, shape (S, n, n, C).
    """
    unseen = truth.split("val") if (truth.splits == "val").any() else truth.split("train")
    chosen = unseen.distinct(VALIDATION_FIELDS)
    coords = torch.from_numpy(pixel_centres(chosen.size))
    mean = _mean(net.eval(), _seen(chosen), coords)
    exact = torch.from_numpy(chosen.scaling.scale(chosen.at(chosen.size)))
    return exact - mean.reshape(exact.shape)


def _seen(chosen: GridField) -> FieldBatch:
    """The observations that networks are judged by in training, scaled."""
    observed = observe(chosen, seed=0)
    return observed.with_values(chosen.scaling.scale(observed.values))


def _mean(net: FieldFlow, inputs: FieldBatch, coords: Tensor) -> Tensor:
    """The posterior mean at coordinates (N, D), some fields at a time, on the CPU."""
    device = next(net.parameters()).device

    def ask(part: FieldBatch) -> Tensor:
        query = coords.expand(len(part), -1, -1)
        asked, seen, values, mask = (
            tensor.to(device) for tensor in (query, part.coords, part.values, part.mask)
        )
        return reconstruct(net, asked, seen, values, mask).cpu()

    return torch.cat([ask(inputs[i : i + 16]) for i in range(0, len(inputs), 16)])
