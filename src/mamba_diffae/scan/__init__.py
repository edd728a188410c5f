"""The selective scan of Mamba over points in any order, on CPU and GPU, with gradients."""

from mamba_diffae.scan.op import selective_scan

__all__ = ["selective_scan"]
