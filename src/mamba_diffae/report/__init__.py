"""What an experiment found, as one HTML page and as a table for the shell."""

from mamba_diffae.report.html import write_report
from mamba_diffae.report.text import measured_table, score_table

__all__ = ["measured_table", "score_table", "write_report"]
