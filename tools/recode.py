"""Carry a run whose network has format 3 over to format 4, without training.

    python tools/recode.py runs/former runs/emoji-96

In format 3 all numbers of a latent were principal coordinates; in format 4 the last quarter is a
palette, which no weight reads. The layout keeps the axes of greatest variance. The two weights that
make and read a latent are turned to its coordinates, so from latent and points the network answers
as before, up to what the layers read of the axes left out; the latent alone holds less. Phase
"latent" can begin from the new run, the phases before it cannot be trained further.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from mamba_diffae.models import MambaDiffusionAutoencoder
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.pretrained import FORMAT, save_network
from mamba_diffae.training import Run
from mamba_diffae.training.checkpoint import LAST, Checkpoint, save_checkpoint
from mamba_diffae.training.continuation import EXPORT

MADE = ("encoder.to_latent.weight", "encoder.to_latent.bias")
READ = "stage.latent.weight"
CODE = ("principal.axes", "principal.unit", "palette.")


def recoded(config: AutoencoderConfig, former: dict[str, Tensor]) -> MambaDiffusionAutoencoder:
    """A network of format 4 with the weights of one of format 3, which had an `exemplars` prior."""
    net = MambaDiffusionAutoencoder(config)
    assert net.prior is not None
    new = net.state_dict()
    kept = {n: w for n, w in former.items() if n not in (*MADE, READ) and not n.startswith(CODE)}
    net.load_state_dict(new | kept)
    exemplars = net.prior.exemplars / 127
    net.remember(exemplars.unflatten(1, (-1, config.value_dim)))
    assert net.principal is not None
    turn = net.principal._axes() @ (former["principal.axes"] * former["principal.unit"]).T
    with torch.no_grad():
        net.stage.latent.weight.copy_(former[READ].float() @ turn.T)
        for name, target in zip(MADE, net.encoder.to_latent.parameters(), strict=True):
            target.zero_()[: config.layout] = turn @ former[name].float()
    return net


def carry(former: Path, out: Path) -> None:
    """Write the new run.

    Raises:
        ValueError: If the former one is no such run, or something stands at its new place.
    """
    config = json.loads((former / EXPORT / "config.json").read_text())
    if config["format"] != 3 or not config["config"].get("exemplars"):
        raise ValueError(f"{former} holds no network of format 3 with a prior.")
    weights = load_file(former / EXPORT / "model.safetensors")
    net = recoded(AutoencoderConfig(**config["config"]), weights)
    theirs = Run.open(former).facts
    run = Run.create(out, {**theirs, "command": f"python tools/recode.py {former} {out}"})
    commands = [*theirs.get("earlier_commands", []), theirs["command"]]
    run.update(earlier_commands=commands, elapsed=theirs["elapsed"], hardware=theirs["hardware"])
    save_checkpoint(out / "diffusion" / LAST, Checkpoint(former / "diffusion" / LAST).state, net)
    kept = {name: config[name] for name in ("scaling", "size", "preset")}
    save_network(net, out / EXPORT, kept)


def main() -> None:
    """Carry the run that the shell names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("former", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    carry(options.former, options.out)
    print(f"{options.out}: format {FORMAT}")


if __name__ == "__main__":
    main()
