"""Verification of a fitted model on withheld readings, beside simple methods."""

from mamba_diffae.benchmark.verification.errors import SeenDataWarning, VerificationError
from mamba_diffae.benchmark.verification.page import verification_page
from mamba_diffae.benchmark.verification.verify import verify
from mamba_diffae.benchmark.verified import Verification

__all__ = ["SeenDataWarning", "Verification", "VerificationError", "verification_page", "verify"]
