"""The shell: demo, fit, predict, evaluate, experiment, report."""

from mamba_diffae.cli.commands import main

__all__ = ["main"]
