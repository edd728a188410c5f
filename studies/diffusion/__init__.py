"""What does flow matching bring on top of the autoencoder, and which phase matters more?"""

from mamba_diffae.benchmark import Study
from studies.diffusion.report import page
from studies.diffusion.study import diffusion

STUDY = Study(diffusion, page)
