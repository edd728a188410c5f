"""Networks as a folder: `config.json` beside `model.safetensors`."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from mamba_diffae.fields.atomic import atomic_file, atomic_folder, read_folder
from mamba_diffae.fields.checksums import content_checksum, file_checksum
from mamba_diffae.fields.clutter import entries
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.config import LatentFlowConfig
from mamba_diffae.models.latent_flow import LatentFlow
from mamba_diffae.models.presets import build_config
from mamba_diffae.models.registry import ARCHITECTURES, build_network

FORMAT = 6
LATENT_FLOW = "latent_flow"
DIRECTIONS = "directions.safetensors"
_CONFIG, _WEIGHTS, _LATENT_WEIGHTS = (
    "config.json",
    "model.safetensors",
    f"{LATENT_FLOW}.safetensors",
)
_DATA = (_WEIGHTS, _LATENT_WEIGHTS, DIRECTIONS)
FILES = {_CONFIG, *_DATA, "README.md"}
_CHECKSUMS = "checksums"
LATER = ("gate.", "prior.usual_beside")
"""Beginnings of names of buffers that older files lack: they stay as built, and say nothing."""
WEIGHTS = Path(__file__).parent / "weights"
"""Networks that come with the package, a folder each."""


def weights_folder(name: str | Path) -> Path:
    """The folder of a network that comes with the package, unless a path of that name stands.

    Args:
        name: Such as "emoji-96", or a path.

    Raises:
        ValueError: If there is neither; it names the nearest.
    """
    if not isinstance(name, str | os.PathLike):
        raise ValueError(f"A model is named {name!r}; give its name, or the path of its folder.")
    path, known = Path(name).expanduser(), WEIGHTS / name
    if path.is_file():
        raise ValueError(f"{path} is a file; give the folder of the model (unpack an archive).")
    if path.exists() or known.is_dir():
        return path if path.exists() else known
    packaged = _packaged()
    near = difflib.get_close_matches(str(name), packaged, n=1)
    hint = f"; did you mean {near[0]!r}? " if near else ". "
    raise ValueError(
        f"There is no model {str(name)!r}{hint}Give a run folder, a folder that save_pretrained "
        f"wrote, or a model that comes with the package: {', '.join(packaged)}."
    )


def _packaged() -> list[str]:
    """Names of the networks that come with the package."""
    return sorted(folder.name for folder in WEIGHTS.iterdir() if folder.is_dir())


def save_network(
    net: FieldFlow,
    folder: Path,
    facts: Mapping[str, Any] | None = None,
    *,
    half: bool = False,
    latent_flow: LatentFlow | None = None,
) -> None:
    """Write a network's config and weights; the folder appears complete or not at all.

    Args:
        net: The network.
        folder: A new or empty folder, or that of a saved network, which is replaced.
        facts: What else to keep in `config.json`, such as the variables.
        half: Whether to write the weights in half precision: half the size.
        latent_flow: Of the network's latents, to be kept beside it.

    Raises:
        ValueError: If something else stands there.
    """
    if folder.exists() and not (folder.is_dir() and {f.name for f in entries(folder)} <= FILES):
        raise ValueError(
            f"{folder} holds something else than a saved network, so it is left alone; give a new "
            "or empty folder."
        )
    config = {
        "format": FORMAT,
        "architecture": net.kind,
        "config": net.config.model_dump(mode="json"),
        **(facts or {}),
    }
    if latent_flow is not None:
        config[LATENT_FLOW] = latent_flow.config.model_dump(mode="json")
    with atomic_folder(folder) as temporary:
        # Not by `save_file`, whose files none but their owner may read.
        (temporary / _WEIGHTS).write_bytes(save(_weights(net, half)))
        if latent_flow is not None:
            (temporary / _LATENT_WEIGHTS).write_bytes(save(_weights(latent_flow, half)))
        write_config(temporary, config)


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write config.json, with the checksums of its content and of all that is read beside it.

    Args:
        folder: With the other files.
        config: What `save_network` or `load_network` has of it.
    """
    files = {name: file_checksum(folder / name) for name in _DATA if (folder / name).is_file()}
    content = {**config, _CHECKSUMS: files}
    content[_CHECKSUMS] = {_CONFIG: content_checksum(content), **files}
    with atomic_file(folder / _CONFIG) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")


def _weights(net: torch.nn.Module, half: bool) -> dict[str, Tensor]:
    weights = {name: w.detach().cpu().contiguous() for name, w in net.state_dict().items()}
    if half:
        # Buffers are small or whole numbers, and a noise law must keep its unit variance.
        learned = dict(net.named_parameters())
        weights = {n: w.half() if n in learned else w for n, w in weights.items()}
    return weights


def load_network(folder: Path) -> tuple[FieldFlow, dict[str, Any]]:
    """Read what `save_network` wrote.

    Returns:
        The network, in eval mode on the CPU, and the whole of `config.json`.

    Raises:
        ValueError: If a file is missing, damaged or of another architecture or version.
    """
    return read_folder(folder, _load_network)


def _load_network(folder: Path) -> tuple[FieldFlow, dict[str, Any]]:
    check_links(folder)
    facts = _read_config(folder)
    _check_files(folder, facts)
    try:
        net = build_network(ARCHITECTURES.get(facts["architecture"]), facts["config"])
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise ValueError(
            f"The network that {folder / 'config.json'} describes does not fit into memory "
            f"({error}); is the file as it was written?"
        ) from error
    load_weights(net, folder / _WEIGHTS)
    return net.eval(), facts


def _check_files(folder: Path, facts: Mapping[str, Any]) -> None:
    """Refuse files that are not as they were written; one that is missing its reader names.

    A network that an earlier version saved has no checksums: all may pass.
    """
    for name, expected in facts.get(_CHECKSUMS, {}).items():
        file = folder / name
        if name in _DATA and file.is_file() and file_checksum(file) != expected:
            raise ValueError(
                f"{file} is damaged: its SHA-256 is not the one that {_CONFIG} says; copy it again "
                "from where it came, or save the model again."
            )


def check_links(folder: Path) -> None:
    """Refuse a folder whose files lie elsewhere: a model from others could name any file by a link.

    Raises:
        ValueError: If a file of a saved network is a link that leads out of its folder.
    """
    for name in sorted(FILES):
        file = folder / name
        if file.is_symlink() and file.resolve().parent != folder.resolve():
            raise ValueError(
                f"{file} is a link that leads out of its folder, to {file.resolve()}; put the file "
                "itself in its place if you trust it: cp -L copies what links lead to."
            )


def load_latent_flow(folder: Path) -> LatentFlow | None:
    """Read the flow of a saved network's latents, in eval mode on the CPU, if there is one.

    Raises:
        ValueError: As `load_network`.
    """
    return read_folder(folder, _load_latent_flow)


def _load_latent_flow(folder: Path) -> LatentFlow | None:
    facts = _read_config(folder)
    fields = facts.get(LATENT_FLOW)
    if fields is None:
        return None
    flow = LatentFlow(build_config(LatentFlowConfig, fields, "latent flow"))
    _check_files(folder, facts)
    load_weights(flow, folder / _LATENT_WEIGHTS)
    return flow.eval()


def load_weights(net: torch.nn.Module, path: Path) -> None:
    """Read a safetensors file into a network.

    Raises:
        ValueError: If the file is missing, truncated, or of another architecture.
    """
    try:
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ValueError(
            f"{path} cannot be read as safetensors ({error}); it is missing or cut short: copy it "
            f"again."
        ) from error
    standing = net.state_dict()
    weights |= {n: w for n, w in standing.items() if n.startswith(LATER) and n not in weights}
    own = {name: tuple(w.shape) for name, w in standing.items()}
    given = {name: tuple(w.shape) for name, w in weights.items()}
    if own != given:
        name = sorted(set(own.items()) ^ set(given.items()))[0][0]
        raise ValueError(
            f"{path} belongs to another architecture: {name!r} is {given.get(name, 'missing')} "
            f"there and "
            f"{own.get(name, 'missing')} here; load it with the config it was saved with."
        )
    net.load_state_dict(weights)


def _check_content(path: Path, facts: Mapping[str, Any]) -> None:
    """Refuse a config.json whose content is not as it was written."""
    checksums = facts.get(_CHECKSUMS)
    if not isinstance(checksums, dict):
        # Those of earlier versions have none; those under another name have lost theirs by damage.
        lost = any(isinstance(fact, dict) and _CONFIG in fact for fact in facts.values())
        if checksums is None and not lost:
            return
        checksums = {}
    others = {name: digest for name, digest in checksums.items() if name != _CONFIG}
    if content_checksum({**facts, _CHECKSUMS: others}) != checksums.get(_CONFIG):
        raise ValueError(
            f"{path} is damaged: its content is not what its checksum says; copy it again from "
            "where it came, or save the model again. If it was edited on purpose, take its entry "
            f"{_CHECKSUMS!r} out."
        )


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / _CONFIG
    try:
        facts = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:  # not JSON, or not even text
        inside = sorted(folder.glob(f"*/{_CONFIG}"))
        hint = f"; {inside[0].parent} holds one: give that; or" if inside else ";"
        raise ValueError(
            f"{path} cannot be read ({error}){hint} expected a folder with config.json and "
            "model.safetensors, as save_pretrained writes it (copy them again if they are "
            "damaged), or the name of a model that comes with the package: "
            f"{', '.join(_packaged())}."
        ) from error
    if isinstance(facts, dict):
        _check_content(path, facts)
    said = facts.get("format") if isinstance(facts, dict) else None
    if said in range(1, FORMAT):
        raise ValueError(
            f"{path} is of format {said}, made by an earlier version of the package, whose "
            "networks were built otherwise; train it again with this one."
        )
    complete = said == FORMAT and isinstance(facts.get("architecture"), str)
    if not complete or not isinstance(facts.get("config"), dict):
        raise ValueError(
            f"{path} is not a network of format {FORMAT} of this package (format: {said}); read it "
            "with the version that wrote it, or train it again with this one."
        )
    return facts
