"""Does training on points as users have them help where they do not lie at random in a lattice?"""

from mamba_diffae.benchmark import Study
from studies.observation_patterns.report import page
from studies.observation_patterns.study import observation_patterns

STUDY = Study(observation_patterns, page)
