"""Results, as one HTML page and as a table for the shell."""

from mamba_diffae.report.html import write_report
from mamba_diffae.report.mosaic import mosaic, write_png
from mamba_diffae.report.pictures import write_animation, write_grid
from mamba_diffae.report.text import measured_table, score_table

__all__ = [
    "measured_table",
    "mosaic",
    "score_table",
    "write_animation",
    "write_png",
    "write_report",
    "write_grid",
]
