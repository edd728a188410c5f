"""Train the flow of latents of a packaged model, and write it beside its weights.

    python tools/package_latent_flow.py emoji-96 emoji --run runs/emoji-96-latent

It is phase "latent" of the model's own preset and seed, on the fields that it learned on: 9 minutes
of encoding and 4 of training on one core. Nothing else of the model changes. `--resume` goes on.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from mamba_diffae.estimator.fitted import FittedModel
from mamba_diffae.estimator.fitting import begin_session
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.sources import open_field
from mamba_diffae.training import Run
from mamba_diffae.training.fit import PhaseOptions
from mamba_diffae.training.latent_fit import train_latent_flow
from mamba_diffae.training.phases import LATENT

SEED = 0


def main() -> None:
    """Train it, and save the model with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="name of a packaged model")
    parser.add_argument("source", help="what it learned on")
    parser.add_argument("--run", required=True, help="where checkpoints and latents go")
    parser.add_argument("--resume", action="store_true")
    given = parser.parse_args()
    folder = Path(str(files("mamba_diffae") / "models" / "weights" / given.model))
    model = FittedModel.load(folder)
    chosen: tuple[type[FieldFlow], str, int, str] = (type(model.network), model.preset, SEED, "cpu")
    session, prepared = begin_session(chosen, {}, {}, open_field(given.source))
    if prepared.scaler.to_dict() != model.scaler.to_dict():
        parser.error(f"{given.source} is not what {given.model} learned on: its scaling is another")
    settings = session.settings
    assert settings.latent_flow is not None
    options = PhaseOptions(
        settings.training[LATENT], settings.data, SEED, given.resume, "cpu", None
    )
    run = (
        Run.open(given.run)
        if given.resume
        else Run.create(given.run, {"command": " ".join(sys.argv)})
    )
    flow = train_latent_flow(model.network, prepared.snapshots, run, settings.latent_flow, options)
    model = replace(model, latent_flow=flow, phases=tuple(dict.fromkeys((*model.phases, LATENT))))
    model.save(Path(given.run) / "model", half=True)


if __name__ == "__main__":
    main()
