"""Parts of a study that are made once, and found again when it is resumed."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mamba_diffae.fields import FieldData
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.fields.plain_json import plain_json

DIGITS = 12
"""Of a digest of fields."""


def cached_json(path: Path, key: Mapping[str, Any], make: Callable[[], Any]) -> Any:
    """What was made for the same key before; else it is made, and stored.

    Args:
        path: A JSON file.
        key: All that the content depends on, JSON values.
        make: Makes the content, JSON values; what is no number becomes None.
    """
    known = json.loads(plain_json(key))
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["key"] == known:
            return found["content"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there, or not ours: it is made anew
    text = plain_json({"key": known, "content": make()})
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return json.loads(text)["content"]


def cached_arrays(
    path: Path, key: Mapping[str, Any], make: Callable[[], Mapping[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """The same for arrays by name, in an .npz file; nothing is unpickled."""
    known = json.dumps(key, sort_keys=True)
    try:
        with np.load(path, allow_pickle=False) as found:
            if str(found["key"]) == known:
                return {name: found[name] for name in found.files if name != "key"}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        pass  # not there, or not ours: it is made anew
    content = dict(make())
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, key=np.array(known), **content)  # pyright: ignore[reportArgumentType]
    return content


def weights_digest(*networks: nn.Module) -> str:
    """What tells these weights from all others."""
    digest = hashlib.sha256()
    for network in networks:
        for name, tensor in sorted(network.state_dict().items()):
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def fields_digest(data: FieldData) -> str:
    """What tells one stack of fields from another."""
    digest = hashlib.sha256()
    valid = b"" if data.valid is None else np.packbits(data.valid).tobytes()
    for content in (data.values.tobytes(), data.groups.tobytes(), valid):
        digest.update(content)
    about = {
        "shape": data.values.shape,
        "variables": [variable.to_dict() for variable in data.variables],
        "grid": data.grid.to_dict(),
        "names": [*data.names],
        "splits": data.splits.tolist(),
    }
    digest.update(json.dumps(about).encode())
    return digest.hexdigest()[:DIGITS]
