"""Results as one self-contained HTML page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from mamba_diffae.benchmark.honesty import honesty, sample_words
from mamba_diffae.benchmark.page import ImageGrid, Page, picture_bytes
from mamba_diffae.benchmark.profiles import WIDTH as DRAWING
from mamba_diffae.benchmark.wording import in_words
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.report.figures import psnr_intervals, training_curves
from mamba_diffae.report.honesty_figures import honesty_pictures
from mamba_diffae.report.honesty_tables import honesty_tables
from mamba_diffae.report.tables import ScoreTable, cell, decibel, interval, number, second_measure
from mamba_diffae.report.verification_figures import verification_pictures


def write_report(page: Page, path: str | Path, overwrite: bool = False) -> None:
    """Write a page of results as one HTML page that needs no other file and no network.

    Args:
        page: What was found.
        path: The file to write.
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
    text = render(page)
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def render(page: Page) -> str:
    """A page as text; whatever is not markup of the template is escaped."""
    environment = Environment(
        loader=PackageLoader("mamba_diffae.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"db": decibel, "interval": interval, "number": number, "png": png_uri}
    environment.filters |= {"cell": cell, "words": in_words, "second": second_measure}
    environment.filters |= {"style": sheet_style}
    layout = ScoreTable.of(page.scores)
    return environment.get_template("template.html.j2").render(
        page=page,
        layout=layout,
        counts=sorted({score.count for score in page.scores}),
        best_psnr=layout.best(lambda score: score.psnr.mean),
        best_second=layout.best(second_measure),
        intervals=psnr_intervals(page.scores),
        curves=training_curves(page.curves),
        withheld_pictures=verification_pictures(page.withheld),
        honesty=honesty(page.uncertainty),
        sample=sample_words(page.uncertainty) if page.uncertainty else "",
        honesty_pictures=honesty_pictures(page.uncertainty),
        honesty_tables=honesty_tables(page.uncertainty),
    )


def sheet_style(sheet: ImageGrid) -> str:
    """How wide the pictures of a sheet are shown, as CSS variables.

    Large where there are few columns; in a narrow window they shrink as far as they can be read,
    and then the sheet scrolls. Drawings, which have letters, are shown at half of their pixels.
    """
    widest = max((p.shape[1] for row in sheet.pictures for p in row if p is not None), default=0)
    columns = max(len(sheet.columns), 1)
    side, least = {5: 192, 6: 144}.get(max(columns, 5), 96), 56
    if widest == DRAWING:
        side, least = max(side, DRAWING // 2), 140
    return f"--side: {side}px; --least: {least}px; --columns: {columns}"


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
