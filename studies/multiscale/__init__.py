"""One latent, three resolutions: does the autoencoder alone beat the baseline at each of them?"""

from mamba_diffae.benchmark import Study
from studies.multiscale.report import page
from studies.multiscale.study import multiscale

STUDY = Study(multiscale, page)
