"""The selective scan of Mamba over points in any order, on CPU and GPU, with gradients."""

from mamba_diffae.scan.checks import ScanError
from mamba_diffae.scan.function import selective_scan

__all__ = ["ScanError", "selective_scan"]
