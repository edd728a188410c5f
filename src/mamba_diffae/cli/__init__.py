"""The shell.

The commands: demo, fit, evaluate, verify, predict, place, sample, interpolate, edit, report, studio
and experiment.
"""

from mamba_diffae.cli.commands import main

__all__ = ["main"]
