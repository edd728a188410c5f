"""What an experiment answers: numbers and pictures, kept in its Run folder."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np

from mamba_diffae.evaluation import DrawScore, Score
from mamba_diffae.fields.atomic import atomic_file

UNSEEN = (0.70, 0.74, 0.80)
"""Red, green and blue of a cell that was not observed."""

_NUMBERS, _PICTURES = "result.json", "result.npz"


@final
@dataclass(frozen=True, eq=False)
class Sheet:
    """A table of pictures.

    Attributes:
        title: Heading of the sheet.
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
                f"Sheet {self.title!r} has {len(self.rows)} rows and {len(self.columns)} columns, "
                f"but pictures for {len(self.pictures)} rows and {sorted(widths)} columns; give "
                "None for an empty cell."
            )
        shapes = {p.shape for row in self.pictures for p in row if p is not None and p.ndim != 3}
        if shapes:
            raise ValueError(
                f"Sheet {self.title!r} holds pictures of shape {sorted(shapes)}; expected "
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
        rows: Cells of each row: numbers, words, or None where there is nothing.
        digits: Decimals of the fractional numbers in each column; none given: 2 everywhere.

    Raises:
        ValueError: If a row or the digits do not fit the columns.
    """

    title: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]
    digits: Sequence[int] = ()

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows} | ({len(self.digits)} if self.digits else set())
        if not self.columns or widths - {len(self.columns)}:
            raise ValueError(
                f"Table {self.title!r} has {len(self.columns)} columns, but rows or digits of "
                f"{sorted(widths)}; give None for an empty cell."
            )


@final
@dataclass(frozen=True, eq=False)
class Result:
    """The answer of an experiment, ready to be reported.

    Attributes:
        title: Heading of the report.
        question: What was asked, in a sentence or two.
        findings: What was found, a sentence each.
        scores: One for each method and scale. A method whose name begins with "oracle" has seen the
            truth: it is shown beside the others, but never marked as the best.
        draws: How the random draws of a method behave, if any were made.
        curves: Rows of metrics.jsonl: training rows with "phase", "step", "loss" and more,
            validation rows with "phase", "step" and "validation", a mapping from metric to number.
        sheets: Tables of pictures.
        tables: Other tables of numbers and words.
        facts: What was run: command, versions, hardware, time, seed.
    """

    title: str
    question: str
    findings: Sequence[str]
    scores: Sequence[Score]
    draws: Sequence[DrawScore] = ()
    curves: Sequence[Mapping[str, Any]] = ()
    sheets: Sequence[Sheet] = ()
    tables: Sequence[Table] = ()
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


def observation_picture(coords: np.ndarray, values: np.ndarray, cells: int) -> np.ndarray:
    """Draw what was observed; cells that were not are shown in one neutral tone.

    Args:
        coords: Centres of the observed cells, shape (N, 2), order (x, y), in [0, 1].
        values: Their values on the scale [0, 1], shape (N, C); three channels are drawn in colour,
            else the first one in grey.
        cells: Cells a side.

    Returns:
        Shape (cells, cells, 3), in [0, 1].
    """
    picture = np.tile(np.array(UNSEEN, dtype=np.float32), (cells, cells, 1))
    x, y = np.minimum((coords * cells).astype(int), cells - 1).T
    picture[y, x] = values if values.shape[-1] == 3 else values[:, :1]
    return np.clip(picture, 0, 1)


def save_result(result: Result, folder: str | Path) -> None:
    """Keep a result in its Run folder as result.json and result.npz, replacing an earlier one.

    Pictures are kept as they are shown, with 8 bits a channel.

    Args:
        result: What to keep.
        folder: The Run folder, which exists.
    """
    folder = Path(folder)
    pictures = {
        f"{s}-{r}-{c}": picture_bytes(picture)
        for s, sheet in enumerate(result.sheets)
        for r, row in enumerate(sheet.pictures)
        for c, picture in enumerate(row)
        if picture is not None
    }
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **pictures)  # pyright: ignore[reportArgumentType]
    numbers = dataclasses.asdict(dataclasses.replace(result, sheets=()))
    numbers["sheets"] = [
        {"title": s.title, "caption": s.caption, "columns": [*s.columns], "rows": [*s.rows]}
        for s in result.sheets
    ]
    # The two files are replaced one after the other: the digest tells a pair from a mixture.
    numbers["digest"] = hashlib.sha256(buffer.getbuffer()).hexdigest()
    with atomic_file(folder / _PICTURES) as temporary:
        temporary.write_bytes(buffer.getbuffer())
    with atomic_file(folder / _NUMBERS) as temporary:
        temporary.write_text(json.dumps(numbers, indent=1, ensure_ascii=False), encoding="utf-8")


def load_result(folder: str | Path) -> Result:
    """Open what `save_result` kept.

    Args:
        folder: The Run folder.

    Raises:
        ValueError: If there is no result, or the files are damaged or of two different runs.
    """
    folder = Path(folder)
    if not (folder / _NUMBERS).is_file() or not (folder / _PICTURES).is_file():
        raise ValueError(
            f"No result in {folder}: expected {_NUMBERS} and {_PICTURES}; make them with "
            f"`mamba-diffae evaluate --run {folder}`."
        )
    packed = (folder / _PICTURES).read_bytes()
    try:
        numbers = json.loads((folder / _NUMBERS).read_text(encoding="utf-8"))
        if numbers.pop("digest") != hashlib.sha256(packed).hexdigest():
            raise ValueError(f"{_PICTURES} is not the one that {_NUMBERS} was written with")
        with np.load(io.BytesIO(packed), allow_pickle=False) as pictures:
            sheets = [_sheet(s, kept, pictures) for s, kept in enumerate(numbers.pop("sheets"))]
        scores = [Score.from_dict(kept) for kept in numbers.pop("scores")]
        draws = [DrawScore.from_dict(kept) for kept in numbers.pop("draws")]
        tables = [Table(**kept) for kept in numbers.pop("tables", ())]
        return Result(**numbers, scores=scores, draws=draws, sheets=sheets, tables=tables)
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"The result in {folder} cannot be read ({error}); write it again with "
            f"`mamba-diffae evaluate --run {folder} --overwrite`."
        ) from error


def _sheet(s: int, kept: dict[str, Any], pictures: Mapping[str, np.ndarray]) -> Sheet:
    cells = [
        [f"{s}-{r}-{c}" for c in range(len(kept["columns"]))] for r in range(len(kept["rows"]))
    ]
    kept["pictures"] = [
        [pictures[name].astype(np.float32) / 255 if name in pictures else None for name in row]
        for row in cells
    ]
    return Sheet(**kept)
