"""At equal cost, which network reconstructs best, and which of its ideas help?"""

from mamba_diffae.benchmark import Study
from studies.comparison.report import page
from studies.comparison.study import comparison

STUDY = Study(comparison, page, compares_pictures=True)
