"""A fitted model: the network, the scaling of its fields, and the flow of its latents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, cast, final

import torch

from mamba_diffae.estimator.calibration import Calibration
from mamba_diffae.estimator.scaling import FieldScaler
from mamba_diffae.estimator.windowing import Windowing
from mamba_diffae.fields import FieldError, Shape
from mamba_diffae.fields.atomic import read_folder
from mamba_diffae.models import serialization
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.latent_flow import LatentFlow
from mamba_diffae.training.resume import finished
from mamba_diffae.training.session import PhaseResult, TrainingSession
from mamba_diffae.training.validation import residual_std

_FORMER = ("autoencoder", "flow", "latent")
"""Phases of a model that was saved before they were noted."""
_NEEDED = {"preset", "mirrored", "residual_std", "variables", "grid", "frame"}


@final
@dataclass(frozen=True, eq=False)
class FittedModel:
    """What `FieldAutoencoder.fit` leaves, and `save_pretrained` keeps.

    Attributes:
        network: In eval mode.
        scaler: Between the user's fields and the network's.
        preset: The sizes that it began with.
        mirrored: Whether it was taught that mirrored fields are as good.
        latent_flow: What latents there are, or None if that phase was not trained.
        residual_std: Of the scaled variables: what the mean leaves open on unseen fields.
        phases: That were trained.
        calibration: Of the draws, or None: there was nothing to fit it on.
        window: The scaling of a window, if it learned on windows of larger fields; those are what
            `scaler` is of.
    """

    network: FieldFlow
    scaler: FieldScaler
    preset: str
    mirrored: bool
    latent_flow: LatentFlow | None
    residual_std: tuple[float, ...]
    phases: tuple[str, ...]
    calibration: Calibration | None = None
    window: FieldScaler | None = None

    @classmethod
    def of_phase(cls, result: PhaseResult, session: TrainingSession, scaler: FieldScaler) -> Self:
        """What one phase of a training leaves, of the fields that it learned on."""
        left = residual_std(result.net, session.data) if scaler.curved else (0.0,)
        return cls(
            network=result.net,
            scaler=scaler,
            preset=session.preset,
            mirrored=bool(session.settings.data.mirrored),
            latent_flow=result.latent_flow,
            residual_std=left,
            phases=tuple(p for p in result.net.phases if finished(result.run, p)),
        )

    @cached_property
    def windowing(self) -> Windowing | None:
        """Windows on the grid of the fields, or None: they are as large as the network's."""
        if self.window is None:
            return None
        config = self.autoencoder.config
        return Windowing(self.scaler, self.window, config.token_shape)

    def check_whole(self, what: str) -> None:
        """Refuse what is of models of whole fields alone.

        Args:
            what: Is asked for, in words that "of a model of whole fields" continues.

        Raises:
            FieldError: If this one learned on windows.
        """
        if self.window is not None:
            raise FieldError(
                f"{what} of a model of whole fields, and this one learned on windows; fit one "
                "without window=, on coarser cells (open_field(..., size=64)) if the grid is large."
            )

    @property
    def observed_shape(self) -> Shape:
        """Of the lattice that was observed in training, over the grid of the fields."""
        config, shape = self.network.config, self.scaler.inside_grid.shape
        ratio = zip(shape, config.native_shape, config.observed_shape, strict=True)
        inside = [max(1, round(n * seen / native)) for n, native, seen in ratio]
        return tuple(inside[self.scaler.order.index(d)] for d in range(len(inside)))

    @property
    def autoencoder(self) -> MambaDiffusionAutoencoder:
        """The network, if it has a latent; else a ValueError."""
        if not self.network.has_latent:
            raise ValueError(
                f"The architecture {self.network.kind!r} has no latent; fit "
                "architecture='autoencoder'."
            )
        return cast(MambaDiffusionAutoencoder, self.network)

    @property
    def learned_latent_flow(self) -> LatentFlow:
        """What latents there are; a ValueError if there are none, or phase "latent" is missing."""
        _ = self.autoencoder
        if self.latent_flow is None:
            raise ValueError(
                "This model has no flow of latents yet; train it in its run folder: fit with "
                "phases=['latent'], on the shell mamba-diffae fit SOURCE --phase latent --run DIR."
            )
        return self.latent_flow

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def save(self, folder: Path, *, half: bool = False) -> None:
        """Write config and weights; see `FieldAutoencoder.save_pretrained`."""
        facts: dict[str, Any] = {
            "preset": self.preset,
            "mirrored": self.mirrored,
            "residual_std": list(self.residual_std),
            "phases": list(self.phases),
            "calibration": None if self.calibration is None else self.calibration.to_dict(),
            "window": None if self.window is None else self.window.to_dict(),
            **self.scaler.to_dict(),
        }
        serialization.save_network(
            self.network, folder, facts, half=half, latent_flow=self.latent_flow
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote, on the CPU.

        Raises:
            ValueError: If the folder holds no such thing, or it is damaged or of another version.
        """
        return read_folder(folder, cls._load)

    @classmethod
    def _load(cls, folder: Path) -> Self:
        network, facts = serialization.load_network(folder)
        if missing := _NEEDED - set(facts):
            raise ValueError(
                f"{folder} holds a bare network: its config.json lacks {', '.join(sorted(missing))}"
                "; save it with FieldAutoencoder.save_pretrained."
            )
        return cls(
            network,
            FieldScaler.from_dict(facts),
            facts["preset"],
            facts["mirrored"],
            serialization.load_latent_flow(folder),
            tuple(facts["residual_std"]),
            tuple(facts.get("phases", _FORMER)),
            _calibration(facts.get("calibration")),
            None if facts.get("window") is None else FieldScaler.from_dict(facts["window"]),
        )

    def to(self, device: torch.device) -> FittedModel:
        """The same on a device."""
        flow = None if self.latent_flow is None else self.latent_flow.to(device)
        return replace(self, network=self.network.to(device), latent_flow=flow)


def _calibration(stored: dict[str, Any] | None) -> Calibration | None:
    return None if stored is None else Calibration.from_dict(stored)
