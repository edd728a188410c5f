"""Put a trained run into the package: half-precision weights, and a model card with its scores.

Beside them go the directions of the attributes, which `mamba-diffae edit` would learn in a minute;
the flow of latents does not: with it the weights would be larger than a package should hold.

    python tools/release.py --run runs/emoji-96 --name emoji-96 --scores runs/emoji-96/scores-*.json

The scores are what `mamba-diffae evaluate --run RUN --fraction F --json FILE` wrote. What stands in
the card below the line "<!-- kept -->" is kept: sections of other commands.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from readme import table as score_table

from mamba_diffae import FieldAutoencoder, open_field
from mamba_diffae.benchmark.assessed import AssessedMethod
from mamba_diffae.evaluation import Score
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.latent import learn_directions
from mamba_diffae.models.serialization import WEIGHTS, load_network, write_config
from mamba_diffae.training import Run

KEPT = "<!-- kept -->"
LARGEST = 12_000_000
"""Bytes that the weights of a model may take in the package."""


def card(name: str, run: Run, scores: Sequence[Mapping[str, Any]], size: int) -> str:
    """The model card."""
    facts = run.facts
    spent = ", ".join(f"{phase} {float(s) / 60:.0f} min" for phase, s in facts["elapsed"].items())
    hardware = ", ".join(f"{key} {value}" for key, value in facts["hardware"].items() if value)
    # Where the run lay is of no interest.
    given = [*facts.get("earlier_commands", []), facts["command"]]
    commands = [re.sub(r"--run \S*/(runs/\S+)", r"--run \1", command) for command in given]
    recipe = ", then ".join(f"`{command}`" for command in commands)
    tables = "\n\n".join(table(numbers) for numbers in scores)
    draws = "\n".join(draws_rows(numbers) for numbers in scores)
    return f"""# {name}

`FieldAutoencoder.from_pretrained("{name}")`: a semantic latent of 512 numbers and the whole 96 × 96
picture, from scattered averages over 32 × 32 cells.

- **Data**: 2,520 training pictures of the embedded set, renderings of Fluent Emoji (MIT, Microsoft
  Corporation). The weights hold them as exemplars, averaged to 32 × 32 and in 8 bits.
- **Licence**: MIT, as the package.
- **Recipe**: {recipe}; preset {facts["preset"]}, seed {facts["seed"]}.
- **Hardware and time**: {hardware}; {spent}.
- **Size**: {size / 1e6:.1f} MB, half precision.
- **Meant for** pictures like these. Of others it knows what kriging knows, and warns: train your
  own.
- **Directions** of its attributes come with it, for `mamba-diffae edit`; a flow of latents does
  not, so `sample` needs a model of your own.

## Scores on the 310 test pictures

PSNR in dB and SSIM, posterior mean, every method from the same observations; at a share of 20 %:
`mamba-diffae evaluate --model {name} --fraction 0.2`.

{tables}

## How honest the uncertainty is

By the same commands: 16 draws of each of 24 test pictures, each in one evaluation, on native cells
that no observation touched, beside the Gaussian that kriging states. CRPS on [0, 1], lower is
better. Coverage is by randomised ranks. A draw's squared error over that of the mean is 2 if draws
are right. Bands are the energy of draws over the truth's, from the finest to the coarsest.

| observed | method | CRPS | in 50 % | in 90 % | error of a draw | bands |
| --- | --- | --- | --- | --- | --- | --- |
{draws}

{KEPT}
"""


def draws_rows(numbers: Mapping[str, Any]) -> str:
    """How honest the uncertainty is at one share of observed cells, a line for each method."""
    _, share, *_ = numbers["facts"]["scored on"].split(", ")  # "24 fields, 20% of the cells, ..."
    rows = []
    for found in map(AssessedMethod.from_dict, numbers["uncertainty"]):
        own = found.uncertainty
        covered = dict(zip(own.levels, own.coverage, strict=True))
        inside = (f"{100 * covered[level].mean:.0f} %" for level in (0.5, 0.9))
        known = [band for band in own.bands or () if band is not None]
        bands = " ".join(f"{band:.2f}" for band in known)
        error = "" if own.draw_error is None else f"{own.draw_error:.2f}"
        cells = [
            share.partition(" ")[0],
            found.method,
            f"{own.mean_crps.mean:.4f}",
            *inside,
            error,
            bands,
        ]
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def kept(file: Path) -> str:
    """What other commands wrote into a card."""
    _, _, rest = (file.read_text() if file.is_file() else "").partition(KEPT)
    return rest.lstrip("\n")


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
    rest = kept(folder / "README.md")
    replace(fitted, latent_flow=None).save(folder, half=True)
    learn_directions(FieldAutoencoder.from_pretrained(folder), open_field("emoji"), folder)
    write_config(folder, load_network(folder)[1])  # now with the checksum of the directions
    size = sum(file.stat().st_size for file in folder.iterdir())
    if size > LARGEST:
        raise SystemExit(f"{folder} takes {size} bytes, above {LARGEST}.")
    scores = [json.loads(path.read_text()) for path in options.scores]
    with atomic_file(folder / "README.md") as temporary:
        text = card(options.name, Run.open(options.run), scores, size)
        temporary.write_text(f"{text}\n{rest}" if rest else text)
    print(f"{folder}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
