"""What a person can get wrong on the page: named errors, all of them `ValueError`."""

from __future__ import annotations

from typing import final

from mamba_diffae.fields.errors import FieldError


@final
class NothingObservedError(FieldError):
    """All observations were removed."""


@final
class UploadError(FieldError):
    """A file that is too large, of a wrong kind, or holds no field of the model's kind."""


@final
class PortError(FieldError):
    """The port to serve at is in use or not allowed."""
