"""What is disturbed: trainings, the caching of latents, renders; and how their results are told."""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, final

import numpy as np
import xarray

from mamba_diffae import FieldAutoencoder, observe, open_field, render
from mamba_diffae.fields import FieldError
from mamba_diffae.fields.atomic import standing_folder
from mamba_diffae.training import Checkpoint, Run

PHASES = ("autoencoder", "ensemble", "flow", "latent")
_SHORT = {"steps": 4, "batch_size": 2, "log_every": 1, "checkpoint_every": 2, "validate_every": 2}
_SIZES = {"d_model": 8, "prior": "analogue"}
_LEFT = (".tmp-", ".old-", ".lock-", ".partial-")
"""How the names begin of what is there only while something is written."""


def estimator(encodings: int = 1) -> FieldAutoencoder:
    """A model that is trained in a second or two."""
    phases = {phase: {**_SHORT, "show_progress": False} for phase in PHASES}
    changes: dict[str, Any] = {"model": _SIZES, "data": {"encodings": encodings}, **phases}
    return FieldAutoencoder("tiny", changes=changes, device="cpu")


def fields() -> np.ndarray:
    """Waves: 20 snapshots of 12 × 16 cells."""
    x, y = np.linspace(0, 9, 16), np.linspace(0, 6, 12)[:, None]
    return np.stack([np.sin(x + y + t) + 0.1 * t for t in range(20)]).astype(np.float32)


class Task(ABC):
    """Something that is begun, killed, and gone on with until it is done."""

    name: str

    def begin(self, place: Path) -> None:
        """Make what it begins from, in a new folder."""
        place.mkdir(parents=True)

    @abstractmethod
    def go_on(self, place: Path) -> None:
        """Begin, or go on where it was stopped, to the end."""

    @abstractmethod
    def reached(self, place: Path) -> dict[str, int]:
        """How far it is, by part; a ValueError if something under a final name is not whole."""

    @abstractmethod
    def result(self, place: Path) -> str:
        """What tells the finished result from any other."""

    def left(self, place: Path) -> list[str]:
        """What should have gone once all is done."""
        return [path.name for path in place.rglob(".*") if path.name.startswith(_LEFT)]


@final
class Training(Task):
    """All phases of a training, or phase "latent" alone, whose latents are cached first.

    Args:
        first: A run with the first phase, for phase "latent" alone.
    """

    def __init__(self, first: Path | None = None) -> None:
        self.first, self.phases = first, list(PHASES if first is None else PHASES[-1:])
        self.name = "fit, all phases" if first is None else "caching of latents"
        self.model = estimator(1 if first is None else 12)

    def begin(self, place: Path) -> None:
        """A new folder, with a run that has the first phase, if it goes on from there."""
        super().begin(place)
        if self.first is not None:
            shutil.copytree(self.first, place / "run")

    def go_on(self, place: Path) -> None:
        """Train, or resume."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model.fit(fields(), run=place / "run", phases=self.phases, resume=True)

    def reached(self, place: Path) -> dict[str, int]:
        """Steps of all checkpoints, all of whose files are whole; whether there are metrics."""
        run = place / "run"
        found = {}
        for phase in PHASES:
            for name in ("last", "best"):
                if standing_folder(run / phase / name) is not None:
                    found[f"{phase}/{name}"] = _whole_checkpoint(run / phase / name)
        if standing_folder(run / "model") is not None:
            FieldAutoencoder.from_pretrained(run)
        if (run / "run.json").is_file():
            found["rows"] = int(bool(Run.open(run).metrics()))
        found["latents"] = len(list((run / "latents").glob("[!.]*.safetensors")))
        return found

    def result(self, place: Path) -> str:
        """Losses by phase and step; digests of weights and latents."""
        rows = Run.open(place / "run").metrics()
        losses = [(r["phase"], r["step"], r["loss"]) for r in rows if "loss" in r]
        kept = [place / "run/model" / f"{name}.safetensors" for name in ("model", "latent_flow")]
        kept += sorted((place / "run/latents").glob("*.safetensors"))
        digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in kept]
        return json.dumps([losses, digests])


def _whole_checkpoint(folder: Path) -> int:
    """Its step, all its files being what its state says."""
    step = Checkpoint(folder).state.step
    kept = standing_folder(folder) or folder
    for name, digest in json.loads((kept / "state.json").read_bytes())["files"].items():
        if hashlib.sha256((kept / name).read_bytes()).hexdigest() != digest:
            raise ValueError(f"{kept / name} is not whole.")
    return step


@final
class Rendering(Task):
    """A field at a high resolution, written region by region.

    Args:
        model: A saved model.
        ending: ".zarr" or ".nc".
    """

    def __init__(self, model: Path, ending: str) -> None:
        self.model, self.ending, self.name = model, ending, f"render to {ending}"

    def go_on(self, place: Path) -> None:
        """Render, or go on with it."""
        model = FieldAutoencoder.from_pretrained(self.model, device="cpu")
        seen = observe(open_field(fields()).take(slice(0, 1)), 0.3, seed=0)
        size, out = {"y": 36, "x": 48}, place / f"field{self.ending}"
        done = out.exists()
        try:
            render(model, seen, tuple(size.values()), out, 2, values=1000, show_progress=False)
        except FieldError:  # it stands there already
            if not done:
                raise

    def reached(self, place: Path) -> dict[str, int]:
        """Regions that are done; what stands under the final name is whole."""
        done = place / f".partial-field{self.ending}" / "done.txt"
        rows = done.read_text().count("\n") if done.is_file() else 0
        if (place / f"field{self.ending}").exists():
            self.result(place)
            rows = 10**6
        return {"regions": rows}

    def result(self, place: Path) -> str:
        """Names, shapes and digests of all arrays."""
        path = place / f"field{self.ending}"
        opened = xarray.open_zarr(path) if self.ending == ".zarr" else xarray.open_dataset(path)
        with opened as found:
            arrays = {str(name): found[name].values for name in sorted(map(str, found.variables))}
        if any(np.isnan(values).any() for values in arrays.values() if values.dtype.kind == "f"):
            raise ValueError(f"{path} has gaps.")
        return " ".join(
            f"{name} {values.shape} {hashlib.sha256(values.tobytes()).hexdigest()}"
            for name, values in arrays.items()
        )
