"""New pictures from nothing: from latents that a flow draws, or, if it can, by a flow of values."""

from mamba_diffae.benchmark import Study
from studies.latent_vs_values.report import page
from studies.latent_vs_values.study import latent_vs_values

STUDY = Study(latent_vs_values, page, judges_model=True)
