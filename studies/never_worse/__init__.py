"""Is the model, or its prior by itself, anywhere worse than the best simple method?"""

from mamba_diffae.benchmark import Study
from studies.never_worse.report import page
from studies.never_worse.study import never_worse

STUDY = Study(never_worse, page, tries_prior=True)
