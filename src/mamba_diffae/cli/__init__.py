"""The shell: demo, fit, predict, evaluate, report."""

from mamba_diffae.cli.commands import main

__all__ = ["main"]
