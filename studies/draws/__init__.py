"""How good are draws, at what cost, how calibrated is their spread, and can they be inverted?"""

from mamba_diffae.benchmark import Study
from studies.draws.report import page
from studies.draws.study import draws

STUDY = Study(draws, page, judges_model=True)
