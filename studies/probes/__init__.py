"""What does the latent hold: attributes by linear probes, and the same field from other cells?"""

from mamba_diffae.benchmark import Study
from studies.probes.report import page
from studies.probes.study import probes

STUDY = Study(probes, page, judges_model=True)
