"""Carry a saved network of format 4 (square pictures) over to today's (fields on any grid).

Command:  python tools/convert_weights.py OLD_FOLDER NEW_FOLDER

The numbers that a network computes stay as they are. What changes: columns of coordinates come in
the order of the grid's axes (y, x), where they were (x, y); an observation's features have room for
missing variables, support and noise, whose weights are 0; parts have their new names; and the prior
knows the group of each exemplar, so that the training fields must be given by their source.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from mamba_diffae.fields import FieldData, Frame
from mamba_diffae.models.registry import ARCHITECTURES, build_network
from mamba_diffae.models.serialization import FORMAT, load_weights, write_config
from mamba_diffae.priors.exemplars import choose
from mamba_diffae.sources import open_field

RENAMES = {
    "principal.": "codes.codes.pca.",
    "palette.": "codes.codes.histogram.",
    "decoder.sharpen.": "decoder.lattice.correct.",
}


def convert(old: Path, new: Path, data: FieldData) -> None:
    """Write the folder of a converted network.

    Args:
        old: A folder of format 4.
        new: Where the converted one goes.
        data: The fields it was trained on.
    """
    facts = json.loads((old / "config.json").read_text())
    config = _config(facts["config"], data)
    net = build_network(ARCHITECTURES.get(facts["model"]), config)
    weights = {_renamed(name): w for name, w in load_file(old / "model.safetensors").items()}
    weights = {name: _turned(name, w, net.state_dict()[name]) for name, w in weights.items()}
    train = data.split("train")
    weights["prior.groups"] = torch.as_tensor(train.groups[choose(len(train), config["exemplars"])])
    new.mkdir(parents=True, exist_ok=True)
    save_file({n: w.contiguous() for n, w in weights.items()}, new / "model.safetensors")
    load_weights(net, new / "model.safetensors")
    said = {
        "preset": facts["preset"],
        "mirrored": facts["config"]["mirrored"],
        "residual_std": [0.0],
        "variables": [variable.to_dict() for variable in data.variables],
        "grid": data.grid.to_dict(),
        "frame": Frame.of(data).to_dict(),
    }
    saved = {
        "format": FORMAT,
        "architecture": facts["model"],
        "config": net.config.model_dump(mode="json"),
    }
    for other in ("README.md", "directions.safetensors"):
        if (old / other).is_file() and old != new:
            shutil.copy(old / other, new / other)
    write_config(new, {**saved, **said})


def _config(old: dict, data: FieldData) -> dict:
    """The fields of a config of today."""
    kept = [
        *("value_dim", "sigma", "fourier_features", "d_model", "latent_dim", "d_state"),
        *("encoder_blocks", "decoder_blocks", "directions", "step", "velocity", "pooling"),
        *("decoder", "tokens", "patch", "exemplars", "mirrored", "neighbours", "message", "head"),
    ]
    n = round(2 * old["band"])
    return {
        **{name: old[name] for name in kept},
        "geometry": Frame.of(data).geometry(data.grid).model_dump(),
        "native_shape": (n, n),
        "observed_shape": (round(1 / old["gap"]),) * 2,
        "max_frequency": (old["band"],) * 2,
        "noise_shapes": [(cells, cells) for cells in old["noise_cells"]],
        "length_scale": old["gap"],
        "prior": "analogue" if old["exemplars"] else "none",
        "prior_shape": (old["prior_cells"],) * 2,
        "codes": ("pca", "histogram") if old["exemplars"] else (),
    }


def _renamed(name: str) -> str:
    for before, after in RENAMES.items():
        if name.startswith(before):
            return after + name.removeprefix(before)
    return name


def _turned(name: str, weight: Tensor, like: Tensor) -> Tensor:
    """Columns of coordinates in the new order, zeros for new inputs, in the kind it is kept as."""
    if name.endswith("features.waves"):
        return weight.flip(-1)
    if name.endswith("local.offset.weight"):
        return weight[:, [1, 0, 3, 2, 4]]
    if name == "encoder.embed.0.weight":
        more = like.shape[1] - weight.shape[1]
        return torch.cat([weight, weight.new_zeros(len(weight), more)], dim=1)
    return weight


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]), open_field("emoji"))
