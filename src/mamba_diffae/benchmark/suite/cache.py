"""Errors of methods on disk: kriging of a hundred cells takes minutes, a new prior should not."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, final

import numpy as np

from mamba_diffae.benchmark.suite.errors import FieldErrors
from mamba_diffae.fields import FieldData
from mamba_diffae.fields.atomic import atomic_file

_DIGITS = 16
_PARTS = ("squared", "crps", "weight")
SCORING = ("evaluation", "benchmark/suite/errors.py", "benchmark/suite/cells.py")
"""What the errors of any method depend on: which cells are scored, and how."""
_CLASSICAL = ("fields", "priors/kriging", *SCORING)
"""What the errors of the classical methods depend on, beside the fields."""


@final
@dataclass(frozen=True)
class ErrorCache:
    """Errors by family, cell, split and method, in a folder.

    Attributes:
        folder: Made when something is stored.
        any_version: Whether to take errors that another version of the code made.
    """

    folder: Path
    any_version: bool = False

    def load(self, name: str, about: dict[str, Any], version: str) -> FieldErrors | None:
        """What was stored under a name for the same fields and code; None: nothing.

        Args:
            name: Of the file, without its ending.
            about: All that the errors depend on, beside the code; JSON values.
            version: Of the code.
        """
        try:
            with np.load(self._path(name, about), allow_pickle=False) as found:
                if not self.any_version and str(found["version"]) != version:
                    return None
                return FieldErrors(*(found[part] for part in _PARTS))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None  # not there, or not ours: it is made anew

    def store(self, name: str, about: dict[str, Any], version: str, errors: FieldErrors) -> None:
        """Put errors under a name, in place of earlier ones."""
        self.folder.mkdir(parents=True, exist_ok=True)
        arrays = {part: getattr(errors, part) for part in _PARTS}
        path = self._path(name, about)
        with atomic_file(path) as temporary, temporary.open("wb") as file:
            np.savez(file, version=np.array(version), **arrays)

    def _path(self, name: str, about: dict[str, Any]) -> Path:
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:_DIGITS]
        plain = "".join(c if c.isalnum() else "-" for c in name)
        return self.folder / f"{plain}-{digest}.npz"


def classical_version() -> str:
    """A digest of the code of the classical methods, and of what they stand on."""
    return code_version(*_CLASSICAL)


@lru_cache(maxsize=8)
def code_version(*parts: str) -> str:
    """A digest of code.

    Args:
        parts: Files and folders of the package.
    """
    digest, root = hashlib.sha256(), Path(str(files("mamba_diffae")))
    for part in parts:
        path = root / part
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:_DIGITS]


def data_digest(data: FieldData) -> str:
    """What tells these fields, their splits, grid and variables from all others."""
    digest = hashlib.sha256(np.ascontiguousarray(data.values).tobytes())
    digest.update(np.packbits(data.valid_mask()).tobytes())
    about = {
        "grid": data.grid.to_dict(),
        "variables": [variable.to_dict() for variable in data.variables],
        "splits": data.splits.tolist(),
        "groups": data.groups.tolist(),
    }
    digest.update(json.dumps(about, sort_keys=True).encode())
    return digest.hexdigest()[:_DIGITS]
