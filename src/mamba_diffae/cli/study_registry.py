"""Where the studies are: in a checkout beside `src`, and in packages that register theirs."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import entry_points
from pathlib import Path

import mamba_diffae
from mamba_diffae.benchmark import Study
from mamba_diffae.registry import unknown

GROUP = "mamba_diffae.studies"
"""Entry points of this group are studies: the name, to a `Study`."""


def find_study(name: str) -> Study:
    """The study of a name.

    Raises:
        ValueError: If there is none; it names the nearest, or says where the studies are.
    """
    known = checkout_studies()
    installed = {point.name: point for point in entry_points(group=GROUP)}
    if name in known:
        return known[name]
    if name in installed:
        return installed[name].load()
    if known or installed:
        raise unknown("study", name, [*known, *installed])
    raise ValueError(
        f"The study {name!r} is not in the installed package: the studies of this project lie in "
        "the folder studies/ of its source checkout, so run the command from there."
    )


def checkout_studies(root: Path | None = None) -> dict[str, Study]:
    """The studies of a checkout by name; none where the package is installed without them.

    Args:
        root: The repository root; None: that of this package, if it lies in its `src`.
    """
    root = root or Path(mamba_diffae.__file__).resolve().parents[2]
    if not (root / "studies" / "__init__.py").is_file():
        return {}
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return dict(importlib.import_module("studies").STUDIES)
