"""Which parts of the autoencoder matter? One factor at a time from the default."""

from mamba_diffae.benchmark import Study
from studies.ablation.report import page
from studies.ablation.study import ablation

STUDY = Study(ablation, page)
