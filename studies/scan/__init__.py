"""Where does a scan over the observations pay? Encoders at equal time, case by case."""

from mamba_diffae.benchmark import Study
from studies.scan.report import page
from studies.scan.study import scan

STUDY = Study(scan, page)
