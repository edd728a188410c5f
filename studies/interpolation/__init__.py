"""Is the path through the latent smoother and nearer to true pictures than a blend?"""

from mamba_diffae.benchmark import Study
from studies.interpolation.report import page
from studies.interpolation.study import interpolation

STUDY = Study(interpolation, page, judges_model=True)
