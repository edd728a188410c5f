"""The questions this project was begun with: a folder each, run by `mamba-diffae experiment`."""

from __future__ import annotations

from collections.abc import Mapping

from mamba_diffae.benchmark import Study
from studies import (
    ablation,
    comparison,
    diffusion,
    draws,
    familiarity,
    fields,
    interpolation,
    latent_vs_values,
    minimal,
    multiscale,
    never_worse,
    observation_patterns,
    probes,
    scan,
)

STUDIES: Mapping[str, Study] = {
    "comparison": comparison.STUDY,
    "multiscale": multiscale.STUDY,
    "diffusion": diffusion.STUDY,
    "minimal": minimal.STUDY,
    "ablation": ablation.STUDY,
    "draws": draws.STUDY,
    "probes": probes.STUDY,
    "interpolation": interpolation.STUDY,
    "latent-vs-values": latent_vs_values.STUDY,
    "observation-patterns": observation_patterns.STUDY,
    "never-worse": never_worse.STUDY,
    "familiarity": familiarity.STUDY,
    "scan": scan.STUDY,
    "fields": fields.STUDY,
}
