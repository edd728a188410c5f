"""What can be wrong with a verification that is asked for, and what is doubtful about one."""

from __future__ import annotations

from typing import final

from mamba_diffae.fields import FieldError


@final
class VerificationError(FieldError):
    """Data of which nothing can be withheld in the way that was asked."""


@final
class SeenDataWarning(UserWarning):
    """A model is verified on snapshots that it was fitted on: the numbers are too good."""
