"""The shell: demo, fit, evaluate, predict, sample, interpolate, edit, report, experiment."""

from mamba_diffae.cli.commands import main

__all__ = ["main"]
