"""Packages that only an extra brings, loaded where they are used."""

from __future__ import annotations

import importlib
from typing import Any

from mamba_diffae.fields.errors import MissingExtraError


def load_extra(package: str, what: str, *, extra: str = "fields") -> Any:
    """Import a package of an extra.

    Args:
        package: Name of the module, such as "xarray".
        what: What needs it, for the message, such as the path of a file.
        extra: The extra that brings it.

    Returns:
        The module.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{what} needs the package {error.name or package}, which is not installed; "
            f"install it with: pip install 'mamba-diffae[{extra}]'"
        ) from error
