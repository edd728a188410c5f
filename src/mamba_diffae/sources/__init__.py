"""Outside data becomes fields: one door for pictures of every origin and for arrays."""

from mamba_diffae.sources.images import open_picture
from mamba_diffae.sources.open import lasting_name, open_field

__all__ = ["lasting_name", "open_field", "open_picture"]
