"""Does familiarity tell fields that are unlike the training fields, and are its warnings right?"""

from mamba_diffae.benchmark import Study
from studies.familiarity.report import page
from studies.familiarity.study import familiarity

STUDY = Study(familiarity, page, takes_model=True)
