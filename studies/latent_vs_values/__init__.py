"""New pictures from nothing: flow in the latent, or in the values with the latent dropped?"""

from mamba_diffae.benchmark import Study
from studies.latent_vs_values.report import page
from studies.latent_vs_values.study import latent_vs_values

STUDY = Study(latent_vs_values, page, judges_model=True)
