"""Put a trained run into the package: half-precision weights, and a model card with its scores.

Beside them go the directions of the attributes, which `mamba-diffae edit` would learn in a minute;
the flow of latents does not: with it the weights would be larger than a package should hold.

    python tools/release.py --run runs/emoji-96 --name emoji-96 --scores runs/emoji-96/scores-*.json

The scores are what `mamba-diffae evaluate --run RUN --fraction F --json FILE` wrote.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from readme import table as score_table

from mamba_diffae import FieldAutoencoder, open_field
from mamba_diffae.evaluation import Score
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.latent import learn_directions
from mamba_diffae.models.serialization import WEIGHTS
from mamba_diffae.training import Run

LARGEST = 12_000_000
"""Bytes that the weights of a model may take in the package."""


def card(name: str, run: Run, scores: Sequence[Mapping[str, Any]], size: int) -> str:
    """The model card."""
    facts = run.facts
    spent = ", ".join(f"{phase} {float(s) / 60:.0f} min" for phase, s in facts["elapsed"].items())
    hardware = ", ".join(f"{key} {value}" for key, value in facts["hardware"].items() if value)
    commands = [*facts.get("earlier_commands", []), facts["command"]]
    recipe = ", then ".join(f"`{command}`" for command in commands)
    tables = "\n\n".join(table(numbers) for numbers in scores)
    return f"""# {name}

`FieldAutoencoder.from_pretrained("{name}")`: a semantic latent of 512 numbers and the whole 96 × 96
picture, from scattered averages over 32 × 32 cells.

- **Data**: 2,520 training pictures of the embedded set, renderings of Fluent Emoji (MIT, Microsoft
  Corporation). The weights hold them as exemplars, averaged to 32 × 32 and in 8 bits.
- **Licence**: MIT, as the package.
- **Recipe**: {recipe}; preset {facts["preset"]}, seed {facts["seed"]}.
- **Hardware and time**: {hardware}; {spent}.
- **Size**: {size / 1e6:.1f} MB, half precision.
- **Meant for** pictures like these. Of others it knows nothing: train your own.

## Scores on the 310 test pictures

PSNR in dB and SSIM, posterior mean, every method from the same observations.

{tables}
"""


def table(numbers: Mapping[str, Any]) -> str:
    """One table for one share of observed cells."""
    scores = [Score.from_dict(score) for score in numbers["scores"]]
    return f"**{numbers['facts']['scored on']}**\n\n{score_table(scores)}"


def main() -> None:
    """Write weights and card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--name", required=True, help="what from_pretrained is to be given")
    parser.add_argument("--scores", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    folder = WEIGHTS / options.name
    fitted = FieldAutoencoder.from_pretrained(options.run, device="cpu").fitted
    replace(fitted, latent_flow=None).save(folder, half=True)
    learn_directions(FieldAutoencoder.from_pretrained(folder), open_field("emoji"), folder)
    size = sum(file.stat().st_size for file in folder.iterdir())
    if size > LARGEST:
        raise SystemExit(f"{folder} takes {size} bytes, above {LARGEST}.")
    scores = [json.loads(path.read_text()) for path in options.scores]
    with atomic_file(folder / "README.md") as temporary:
        temporary.write_text(card(options.name, Run.open(options.run), scores, size))
    print(f"{folder}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
