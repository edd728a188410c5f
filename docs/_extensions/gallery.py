"""Sphinx extension: how the gallery of examples/ is run, ordered and described."""

from __future__ import annotations

import random
import warnings
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

FIELDS = (
    "clouds",
    "stations",
    "two_variables",
    "rain",
    "time_window",
    "profile_and_volume",
    "pressure_taps",
    "placement",
    "larger_than_memory",
    "cluster",
)
LATENT = ("latent_map", "latent_interpolation", "latent_edit", "latent_sample")
ORDER = [f"{name}.py" for name in (*FIELDS, *LATENT)]
"""Fields first, then the latent; a script that is not listed comes last."""
SHARED = """Script and notebook need :download:`shared.py </examples/shared.py>` in their folder.

"""
"""What stands above the downloads of a page."""
STYLE: dict[Any, Any] = {"figure.dpi": 100, "savefig.facecolor": "white", "font.size": 10}
"""On white, which the theme dims where the page is dark."""


def order(name: str) -> tuple[int, str]:
    """Key of a script's place."""
    return (ORDER.index(name) if name in ORDER else len(ORDER)), name


def reset(conf: dict[str, Any], script: str) -> None:
    """Seeds, style, and warnings without the path of a file, before each script."""
    import matplotlib.pyplot as plt
    import numpy as np
    import torch

    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  a script that asks the legacy generator gets the same
    torch.manual_seed(0)
    plt.rcParams.update(STYLE)
    warnings.formatwarning = lambda message, category, *_: f"{category.__name__}: {message}\n"


def describe_thumbnails(app: Sphinx, doctree: nodes.document) -> None:
    """Sphinx-Gallery leaves the alternative text of a thumbnail empty: it gets the title."""
    for image in doctree.findall(nodes.image):
        uri = image["uri"]
        if "/images/thumb/" in uri and not image.get("alt"):
            script = uri.rpartition("sphx_glr_")[2].removesuffix("_thumb.png")
            image["alt"] = f"Picture of the example {script.replace('_', ' ')}"


def name_shared(app: Sphinx, docname: str, source: list[str]) -> None:
    """Above the downloads of a script: what else it needs beside it."""
    downloads = ".. _sphx_glr_download_"
    if docname.startswith("docs/gallery/"):
        source[0] = source[0].replace(downloads, SHARED + downloads, 1)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect."""
    app.connect("source-read", name_shared)
    app.connect("doctree-read", describe_thumbnails)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
