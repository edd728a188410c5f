"""The experiments by name: a new one joins by one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mamba_diffae.experiments.ablation import ablation
from mamba_diffae.experiments.comparison import comparison
from mamba_diffae.experiments.diffusion import diffusion
from mamba_diffae.experiments.draws import DrawsProtocol, draws
from mamba_diffae.experiments.interpolation import interpolation
from mamba_diffae.experiments.latent_vs_values import latent_vs_values
from mamba_diffae.experiments.minimal import minimal
from mamba_diffae.experiments.multiscale import multiscale
from mamba_diffae.experiments.probes import probes
from mamba_diffae.experiments.request import Experiment, OnProgress, Request, Scale
from mamba_diffae.experiments.result import Result
from mamba_diffae.models.presets import unknown

_DRAWS: Mapping[Scale, DrawsProtocol] = {
    "quick": DrawsProtocol(
        count=3,
        steps=(2, 4),
        ensemble=4,
        ensemble_fields=2,
        ensemble_steps=2,
        inverted=1,
        inversion_steps=4,
        shown=2,
    ),
    "standard": DrawsProtocol(),
    "full": DrawsProtocol(count=310, ensemble_fields=310),
}


def _draws(request: Request, on_progress: OnProgress) -> Result:
    assert request.model is not None
    protocol = replace(_DRAWS[request.scale], seed=request.seed)
    test = request.truth.split("test")
    judged = f"{len(test.distinct(protocol.count))} fields, {protocol.fraction:.0%} of the cells"
    return draws(
        request.model,
        test,
        protocol,
        folder=request.folder,
        facts={"judged on": judged},
        on_progress=on_progress,
    )


EXPERIMENTS: Mapping[str, Experiment] = {
    "comparison": Experiment(comparison, compares_pictures=True),
    "multiscale": Experiment(multiscale),
    "diffusion": Experiment(diffusion),
    "minimal": Experiment(minimal),
    "ablation": Experiment(ablation),
    "draws": Experiment(_draws, judges_model=True),
    "probes": Experiment(probes, judges_model=True),
    "interpolation": Experiment(interpolation, judges_model=True),
    "latent-vs-values": Experiment(latent_vs_values, judges_model=True),
}


def find_experiment(name: str) -> Experiment:
    """The experiment of a name; a ValueError names the nearest."""
    if name not in EXPERIMENTS:
        raise unknown("experiment", name, EXPERIMENTS)
    return EXPERIMENTS[name]
