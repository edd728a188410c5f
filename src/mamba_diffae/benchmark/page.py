"""A page of results: sentences, scores, tables and pictures, stored in a run folder."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, final

import numpy as np

from mamba_diffae.benchmark.assessed import AssessedMethod
from mamba_diffae.benchmark.verified import Verification
from mamba_diffae.evaluation import DrawScore, Score
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.fields.plain_json import plain_json, read_numbers

_NUMBERS, _PICTURES = "result.json", "result.npz"
Tone = Literal["", "bad", "poor", "good", "best"]
"""How a cell of a table is coloured: not at all, in red, amber, green, or deeper green."""


@final
@dataclass(frozen=True, eq=False)
class ImageGrid:
    """A table of pictures.

    Attributes:
        title: Heading.
        caption: What one sees, in a sentence or two.
        columns: Heading of each column.
        rows: Heading of each row.
        pictures: `pictures[row][column]` is an array of shape (h, w, C) in [0, 1], shown in colour
            where C is 3 and else as its first channel in grey, or None for an empty cell.

    Raises:
        ValueError: If the pictures do not fill rows × columns, or one has another shape.
    """

    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[str]
    pictures: Sequence[Sequence[np.ndarray | None]]

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.pictures}
        if len(self.pictures) != len(self.rows) or widths - {len(self.columns)}:
            raise ValueError(
                f"ImageGrid {self.title!r} has {len(self.rows)} rows and {len(self.columns)} "
                f"columns, but pictures for {len(self.pictures)} rows and "
                f"{sorted(widths)} columns; give None for an empty cell."
            )
        shapes = {p.shape for row in self.pictures for p in row if p is not None and p.ndim != 3}
        if shapes:
            raise ValueError(
                f"ImageGrid {self.title!r} holds pictures of shape {sorted(shapes)}; expected "
                "(h, w, C)."
            )


@final
@dataclass(frozen=True)
class Table:
    """A table of numbers and words, for what the tables of scores do not hold.

    Attributes:
        title: Heading of the table.
        caption: What one sees, in a sentence or two.
        columns: Heading of each column, the first that of the rows' names.
        rows: Cells of each row: numbers, words, or None where there is nothing. What follows a line
            break in a word is shown smaller, below.
        digits: Decimals of the fractional numbers in each column; none given: 2 everywhere.
        tones: Of the cells of each row; none given: nothing is coloured. Colour says nothing that
            the words do not.

    Raises:
        ValueError: If a row, the digits or the tones do not fit the columns and rows.
    """

    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]
    digits: Sequence[int] = ()
    tones: Sequence[Sequence[Tone]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.tones and [len(row) for row in self.tones] != [len(row) for row in self.rows]:
            raise ValueError(
                f"Table {self.title!r} has tones for other cells than its {len(self.rows)} rows "
                'have; give one for each cell, "" where there is none.'
            )
        widths = {len(row) for row in self.rows} | ({len(self.digits)} if self.digits else set())
        if not self.columns or widths - {len(self.columns)}:
            raise ValueError(
                f"Table {self.title!r} has {len(self.columns)} columns, but rows or digits of "
                f"{sorted(widths)}; give None for an empty cell."
            )


@final
@dataclass(frozen=True, eq=False)
class Page:
    """What was found, ready to be reported.

    Attributes:
        title: Heading of the report.
        question: What was asked, in a sentence or two.
        findings: What was found, a sentence each.
        scores: One for each method and scale.
        draws: How the random draws of a method behave, if any were made.
        curves: Rows of metrics.jsonl: training rows with "phase", "step", "loss" and more,
            validation rows with "phase", "step" and "validation", a mapping from metric to number.
        panels: Tables of pictures.
        tables: Other tables of numbers and words.
        uncertainty: How honest the uncertainty of a model is, and that of what it is compared with.
        withheld: How a model did on withheld readings, for drawings.
        facts: What was run: command, versions, hardware, time, seed.
    """

    title: str
    question: str
    findings: Sequence[str]
    scores: Sequence[Score]
    draws: Sequence[DrawScore] = ()
    curves: Sequence[Mapping[str, Any]] = ()
    panels: Sequence[ImageGrid] = ()
    tables: Sequence[Table] = ()
    uncertainty: Sequence[AssessedMethod] = ()
    withheld: Verification | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


def picture_bytes(picture: np.ndarray) -> np.ndarray:
    """A picture as it is shown: 8 bits a channel, colour or grey.

    Args:
        picture: Shape (h, w, C) in [0, 1]; values outside are clipped.

    Returns:
        Shape (h, w, 3) where C is 3, else (h, w, 1), uint8.
    """
    shown = picture if picture.shape[-1] == 3 else picture[..., :1]
    return (np.clip(shown, 0, 1) * 255).round().astype(np.uint8)


def save_page(page: Page, folder: str | Path) -> None:
    """Store a page in its run folder as result.json and result.npz, replacing an earlier one.

    Pictures are stored as they are shown, with 8 bits a channel.

    Args:
        page: What to store.
        folder: The Run folder, which exists.
    """
    folder = Path(folder)
    pictures = {
        f"{g}-{r}-{c}": picture_bytes(picture)
        for g, grid in enumerate(page.panels)
        for r, row in enumerate(grid.pictures)
        for c, picture in enumerate(row)
        if picture is not None
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **pictures)  # pyright: ignore[reportArgumentType]
    numbers = dataclasses.asdict(dataclasses.replace(page, panels=(), withheld=None))
    numbers["panels"] = [
        {
            "title": grid.title,
            "caption": grid.caption,
            "columns": [*grid.columns],
            "rows": [*grid.rows],
        }
        for grid in page.panels
    ]
    numbers["uncertainty"] = [method.to_dict() for method in page.uncertainty]
    numbers["withheld"] = None if page.withheld is None else page.withheld.to_dict()
    # The two files are replaced one after the other: the digest tells a pair from a mixture.
    numbers["digest"] = hashlib.sha256(buffer.getbuffer()).hexdigest()
    with atomic_file(folder / _PICTURES) as temporary:
        temporary.write_bytes(buffer.getbuffer())
    with atomic_file(folder / _NUMBERS) as temporary:
        temporary.write_text(plain_json(numbers), encoding="utf-8")


def load_page(folder: str | Path) -> Page:
    """Open what `save_page` stored.

    Args:
        folder: The Run folder.

    Raises:
        ValueError: If there is no result, or the files are damaged or of two different runs.
    """
    folder = Path(folder)
    if not (folder / _NUMBERS).is_file() or not (folder / _PICTURES).is_file():
        raise ValueError(
            f"No result in {folder}: expected {_NUMBERS} and {_PICTURES}; make them with "
            f"`mamba-diffae evaluate --model {folder}`."
        )
    packed = (folder / _PICTURES).read_bytes()
    try:
        numbers = json.loads((folder / _NUMBERS).read_text(encoding="utf-8"))
        if numbers.pop("digest") != hashlib.sha256(packed).hexdigest():
            raise ValueError(f"{_PICTURES} is not the one that {_NUMBERS} was written with")
        with np.load(io.BytesIO(packed), allow_pickle=False) as pictures:
            panels = [_grid(g, stored, pictures) for g, stored in enumerate(numbers.pop("panels"))]
        scores = [Score.from_dict(stored) for stored in numbers.pop("scores")]
        draws = [DrawScore.from_dict(stored) for stored in numbers.pop("draws")]
        tables = [Table(**stored) for stored in numbers.pop("tables", ())]
        told = [AssessedMethod.from_dict(stored) for stored in numbers.pop("uncertainty", ())]
        parts = {"scores": scores, "draws": draws, "panels": panels, "tables": tables}
        numbers["curves"] = read_numbers(numbers.get("curves", ()))
        kept = numbers.pop("withheld", None)
        withheld = None if kept is None else Verification.from_dict(kept)
        return Page(**numbers, **parts, uncertainty=told, withheld=withheld)
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"The result in {folder} cannot be read ({error}); write it again with "
            f"`mamba-diffae evaluate --model {folder} --overwrite`."
        ) from error


def _grid(g: int, stored: dict[str, Any], pictures: Mapping[str, np.ndarray]) -> ImageGrid:
    cells = [
        [f"{g}-{r}-{c}" for c in range(len(stored["columns"]))] for r in range(len(stored["rows"]))
    ]
    stored["pictures"] = [
        [pictures[name].astype(np.float32) / 255 if name in pictures else None for name in row]
        for row in cells
    ]
    return ImageGrid(**stored)
