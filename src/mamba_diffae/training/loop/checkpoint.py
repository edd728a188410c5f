"""Checkpoints: folders that are whole or not there, and that say when they do not fit."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import safetensors.torch
import torch
from torch import Tensor, nn

from mamba_diffae.fields.atomic import atomic_folder, named_full_disk, standing_folder
from mamba_diffae.fields.checksums import content_checksum

FORMAT = 1
LAST, BEST = "last", "best"
_STATE, _OPTIMIZER = "state.json", "optimizer.pt"
_MODEL, _EMA = "model.safetensors", "ema.safetensors"
_CHECKSUM = "checksum"


@final
@dataclass(frozen=True)
class TrainingState:
    """Where a phase of training stands.

    Attributes:
        phase: Name of the phase.
        step: Updates made.
        seconds: Wall-clock time used.
        best_score: Highest validation score so far, or None.
        config: The `TrainingConfig` as a dictionary.
    """

    phase: str
    step: int
    seconds: float
    best_score: float | None
    config: dict[str, Any]


def save_checkpoint(
    folder: str | Path,
    state: TrainingState,
    ema: nn.Module,
    model: nn.Module | None = None,
    optimizer: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint, in the place of the one that stands there, whole or not at all.

    Args:
        folder: Where, such as RUN/autoencoder/last.
        state: Goes to `state.json`, with names and shapes of all tensors, and a digest of each file
            and of what it says itself.
        ema: The averaged network, to `ema.safetensors`.
        model: The network as the optimiser left it, to `model.safetensors`; for resuming.
        optimizer: Its state dictionary, to `optimizer.pt`; for resuming.

    Raises:
        DiskFullError: If it does not fit on the disk; the former checkpoint is kept.
    """
    files = {_EMA: _weights(ema)}
    if model is not None:
        files[_MODEL] = _weights(model)
    if optimizer is not None:
        buffer = io.BytesIO()
        torch.save(dict(optimizer), buffer)
        files[_OPTIMIZER] = buffer.getvalue()
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    about = {"format": FORMAT, **asdict(state), "tensors": _shapes(ema), "files": digests}
    files[_STATE] = _sealed(about)
    needed = sum(map(len, files.values()))
    with (
        named_full_disk(Path(folder), needed, "continue with resume (--resume)"),
        atomic_folder(folder) as temporary,
    ):
        for name, content in files.items():
            (temporary / name).write_bytes(content)


def replace_average(folder: str | Path, ema: nn.Module) -> None:
    """Put another averaged network into a checkpoint; all else in it stays, to be resumed from.

    Args:
        folder: Where one stands.
        ema: Of the same architecture.

    Raises:
        ValueError: If none stands there.
        DiskFullError: If it does not fit on the disk; the former checkpoint is kept.
    """
    with atomic_folder(folder) as temporary:
        former = Checkpoint(folder).folder
        for file in former.iterdir():
            shutil.copyfile(file, temporary / file.name)
        content, about = _weights(ema), json.loads((former / _STATE).read_bytes())
        about["files"][_EMA] = hashlib.sha256(content).hexdigest()
        (temporary / _EMA).write_bytes(content)
        (temporary / _STATE).write_bytes(_sealed(about))


@final
class Checkpoint:
    """A checkpoint on disk; files are checked against their digests as they are read.

    Args:
        folder: Such as RUN/autoencoder/best.

    Raises:
        ValueError: If there is none, or its state is damaged or of another format.
    """

    def __init__(self, folder: str | Path) -> None:
        standing = standing_folder(folder)
        if standing is None:
            raise ValueError(
                f"There is no checkpoint {folder}; train first, or give the folder of a run that "
                "has one."
            )
        self.folder = standing
        file = self.folder / _STATE
        about = _about(file)
        try:
            self._tensors = {name: tuple(shape) for name, shape in about.pop("tensors").items()}
            self._files: dict[str, str] = about.pop("files")
            self.state = TrainingState(**about)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _damaged(file, str(error)) from error

    def load_ema(self, model: nn.Module) -> None:
        """Copy the averaged weights into a network of the same architecture.

        Raises:
            ValueError: If the architecture is another, or the file is damaged.
        """
        self._load(_EMA, model)

    def load_model(self, model: nn.Module) -> None:
        """Copy the weights as the optimiser left them; errors as in `load_ema`."""
        self._load(_MODEL, model)

    def load_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Put the optimiser back as it was; errors as in `load_ema`, and if others learn now."""
        content = io.BytesIO(self._read(_OPTIMIZER))
        try:
            state = torch.load(content, map_location="cpu", weights_only=True)
        except Exception as error:  # what is no state of an optimiser is refused in many ways
            raise _damaged(self.folder / _OPTIMIZER, str(error).splitlines()[0]) from error
        try:
            optimizer.load_state_dict(state)
        except ValueError as error:
            raise ValueError(
                f"In {self.folder} other weights learned than would learn now ({error}); resume "
                "with the objective of the run, or train again into a new folder."
            ) from error

    def _load(self, name: str, model: nn.Module) -> None:
        self._check_architecture(model)
        model.load_state_dict(safetensors.torch.load(self._read(name)))

    def _read(self, name: str) -> bytes:
        file = self.folder / name
        try:
            content = file.read_bytes()
        except OSError as error:
            raise _damaged(file, str(error)) from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != self._files.get(name):
            raise _damaged(file, f"{len(content):,} bytes whose SHA-256 is not the one in {_STATE}")
        return content

    def _check_architecture(self, model: nn.Module) -> None:
        theirs, ours = self._tensors, _shapes(model)
        names = [name for name in {**theirs, **ours} if theirs.get(name) != ours.get(name)]
        if not names:
            return
        examples = "; ".join(
            f"{name} is {theirs.get(name, 'absent')} in the checkpoint, "
            f"{ours.get(name, 'absent')} in the model"
            for name in names[:3]
        )
        raise ValueError(
            f"{self.folder} is a checkpoint of another architecture: {len(names)} of {len(ours)} "
            f"tensors differ ({examples}). Build the model with the preset and settings of the run "
            "(run.json), or train again into a new folder."
        )


def _sealed(about: Mapping[str, Any]) -> bytes:
    """The content of a state file, with its own checksum."""
    content = {name: fact for name, fact in about.items() if name != _CHECKSUM}
    return json.dumps({**content, _CHECKSUM: content_checksum(content)}).encode()


def _about(file: Path) -> dict[str, Any]:
    """What a state file says; of its format first, since another may hold other things."""
    try:
        about = json.loads(file.read_bytes())
        expected = about.pop(_CHECKSUM, None)  # earlier versions wrote none
        intact = expected is None or content_checksum(about) == expected
        written = about.pop("format")
    except (
        *(OSError, ValueError, KeyError),
        *(TypeError, AttributeError, RecursionError),
    ) as error:
        raise _damaged(file, str(error)) from error
    if not intact:
        raise _damaged(file, "its content is not what its checksum says")
    if written != FORMAT:
        raise ValueError(
            f"{file} is of format {written!r}; expected {FORMAT}: use the version of the package "
            "that wrote it, or train again into a new folder."
        )
    return about


def _damaged(file: Path, why: str) -> ValueError:
    return ValueError(
        f"{file} is damaged: {why}; expected the file as it was written. Restore this checkpoint "
        f"from a copy, or delete the folder {file.parent}: resuming then starts this phase again."
    )


def _weights(model: nn.Module) -> bytes:
    """All tensors of a network, in the safetensors format; shared ones once for each name."""
    copies = {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in model.state_dict().items()
    }
    return safetensors.torch.save(copies)


def _shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    tensors: dict[str, Tensor] = model.state_dict()
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
