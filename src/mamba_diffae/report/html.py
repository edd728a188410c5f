"""A result as one self-contained HTML page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from mamba_diffae.experiments.result import Result, picture_bytes
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.report.figures import psnr_intervals, training_curves
from mamba_diffae.report.tables import cell, decibel, interval, is_oracle, number, pivot


def write_report(result: Result, path: str | Path, overwrite: bool = False) -> None:
    """Write a result as one HTML page that needs no other file and no network.

    Args:
        result: What an experiment found.
        path: The page to write.
        overwrite: Whether a file that stands there may be replaced.

    Raises:
        ValueError: If the page exists and may not be replaced.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise ValueError(
            f"{path} exists already; give another name, or replace it with overwrite=True "
            "(--overwrite)."
        )
    page = render(result)
    with atomic_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def render(result: Result) -> str:
    """The page of a result as text; whatever is not markup of the template is escaped."""
    environment = Environment(
        loader=PackageLoader("mamba_diffae.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"db": decibel, "interval": interval, "number": number, "png": png_uri}
    environment.filters |= {"cell": cell}
    environment.tests["oracle"] = is_oracle
    layout = pivot(result.scores)
    return environment.get_template("template.html.j2").render(
        result=result,
        layout=layout,
        counts=sorted({score.count for score in result.scores}),
        best_psnr=layout.best(lambda score: score.psnr.mean),
        best_ssim=layout.best(lambda score: score.ssim.mean),
        intervals=psnr_intervals(result.scores),
        curves=training_curves(result.curves),
    )


def png_uri(picture: np.ndarray) -> str:
    """A picture as the data URI of a PNG at its own size.

    Args:
        picture: Shape (h, w, C) in [0, 1]; colour where C is 3, else the first channel in grey.
    """
    shown = picture_bytes(picture)
    buffer = io.BytesIO()
    Image.fromarray(shown.squeeze(-1) if shown.shape[-1] == 1 else shown).save(
        buffer, format="PNG", optimize=True
    )
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
