"""Trained models as candidates of the suite: each asked about its own family, or about others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from mamba_diffae.benchmark.suite.cache import SCORING, code_version
from mamba_diffae.benchmark.suite.candidates import Candidate
from mamba_diffae.benchmark.suite.foreign import ForeignMethod, Home
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import Predictor
from mamba_diffae.fields import FieldData
from mamba_diffae.fields.atomic import standing_folder
from mamba_diffae.models.serialization import weights_folder
from mamba_diffae.training.resume import network_folder

_CODE = (
    *("fields", "priors", "scan", "nn", "flow", "models", "estimator"),
    *("benchmark/suite/foreign.py", *SCORING),
)
"""What the errors of a network depend on, beside weights and fields."""


def own_candidate(
    key: str, folder_for: Callable[[FieldData], str | Path | None], *, device: str = "auto"
) -> Candidate:
    """A model for each family, trained on its fields.

    Args:
        key: Tells it from all others of the table.
        folder_for: From fields of a family, the splits train and val, to the folder of the model
            that was trained on them; None: there is none.
        device: "auto", "cpu" or "cuda".
    """

    def fit(data: FieldData) -> Predictor | None:
        folder = folder_for(data)
        return None if folder is None else FieldAutoencoder.from_pretrained(folder, device=device)

    def version(data: FieldData) -> str | None:
        folder = folder_for(data)
        return None if folder is None else model_version(folder)

    return Candidate(key, fit, "own", version)


def foreign_candidate(
    key: str, folder: str | Path, known_families: Iterable[str] = (), *, device: str = "auto"
) -> Candidate:
    """A model asked about fields that it has not learned from; see `ForeignMethod`.

    It is asked about families of as many variables as it has, or of one.

    Args:
        key: Tells it from all others of the table.
        folder: Of the model, or the name of one that comes with the package.
        known_families: Names of families that it has learned from.
        device: "auto", "cpu" or "cuda".
    """

    def fit(data: FieldData) -> Predictor | None:
        model = FieldAutoencoder.from_pretrained(folder, device=device)
        return ForeignMethod.of(model, Home(model.grid, model.variables), data)

    def version(data: FieldData) -> str:
        return model_version(folder)

    return Candidate(key, fit, "foreign", version, frozenset(known_families))


def model_version(folder: str | Path) -> str:
    """What tells a model, and the code that reads it, from others.

    Args:
        folder: Of the model, or the name of one that comes with the package.

    Raises:
        ValueError: If there is no model in it.
    """
    path = network_folder(weights_folder(folder))
    digest = hashlib.sha256(code_version(*_CODE).encode())
    for file in sorted((standing_folder(path) or path).iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()
