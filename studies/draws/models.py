"""Draws of fitted models on the same test fields, beside kriging; the last one is the reference.

python -m studies.draws.models --model emoji-96 --model FOLDER --run runs/draws-of-models
mamba-diffae report --run runs/draws-of-models --overwrite

What was stopped goes on when the same is asked again.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path

from mamba_diffae.benchmark import save_page
from mamba_diffae.fields import FieldError
from mamba_diffae.sources import open_field
from mamba_diffae.training import Run
from studies.draws.given_models import open_models
from studies.draws.models_report import page
from studies.draws.models_study import ModelsProtocol, ModelsStudy

_NAME = "draws-of-models"


def main() -> None:
    """Score the draws and write the page into the folder of the study."""
    given = _parser().parse_args()
    protocol = ModelsProtocol(
        given.count, given.draws, given.fractions, given.quarter_fields, given.seed
    )
    models = open_models(given.model, given.steps, given.device)
    fields = open_field(given.source, size=models[0].model.grid.shape)
    command = shlex.join(["python", "-m", "studies.draws.models", *sys.argv[1:]])
    asked = {"models": given.model, "source": given.source, "steps": given.steps}
    run = _begun(given.run, {"command": command, **asked, **asdict(protocol)})
    result = ModelsStudy(models, fields, protocol, run.path, _tell).result()
    about = {"this page": command, "fields": f"{given.source}, seed {given.seed}"}
    save_page(page(replace(result, facts={**about, **result.facts})), run.path)


def _parser() -> argparse.ArgumentParser:
    """What can be asked."""
    raw, usual = argparse.RawTextHelpFormatter, ModelsProtocol()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    add = parser.add_argument
    add("--model", action="append", required=True, help="a folder, or emoji-96; again for more")
    add("--run", type=Path, required=True, help="folder of the study")
    add("--source", default="emoji", help="of the fields")
    add("--count", type=int, default=usual.count, help="test fields, at most")
    add("--draws", type=int, default=usual.n_draws, help="of each field")
    add("--fractions", type=_fractions, default=usual.fractions, help="such as 0.05,0.2,0.6")
    add("--steps", type=int, default=10, help="of Heun's solver, for models that draw by a flow")
    add("--quarter-fields", type=int, help="for means over quarters; default: all")
    add("--seed", type=int, default=usual.seed, help="of observations and draws")
    add("--device", default="auto", help="auto, cpu or cuda")
    return parser


def _fractions(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def _begun(folder: Path, facts: dict[str, object]) -> Run:
    """The folder of the study, a new one or one that stands.

    Raises:
        FieldError: If another study stands there.
    """
    if not (folder / "run.json").is_file():
        return Run.create(folder, {"experiment": _NAME, **facts})
    run = Run.open(folder)
    if (other := run.facts.get("experiment")) != _NAME:
        raise FieldError(
            f"{folder} holds a run of {other or 'a training'}, not of {_NAME}; give another folder."
        )
    run.update(**facts)
    return run


def _tell(done: str) -> None:
    sys.stderr.write(f"{done}\n")


if __name__ == "__main__":
    main()
