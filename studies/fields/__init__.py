"""Fields of people who measure: against every simple method, and against other packages."""

from mamba_diffae.benchmark import Study
from studies.fields.report import page
from studies.fields.study import fields

STUDY = Study(fields, page)
