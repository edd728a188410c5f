"""mamba-diffae."""
