"""Outside data becomes fields: one door for the embedded pictures, image folders and arrays."""

from mamba_diffae.sources.images import open_picture
from mamba_diffae.sources.open import open_field

__all__ = ["open_field", "open_picture"]
