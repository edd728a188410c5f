"""Does a bottleneck alone bring something: the baseline against the baseline with one?"""

from mamba_diffae.benchmark import Study
from studies.minimal.report import page
from studies.minimal.study import minimal

STUDY = Study(minimal, page)
