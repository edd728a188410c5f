"""What is shown, as files, and as the lines of Python and of the shell that make it."""

from __future__ import annotations

import io
import logging
import re
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from mamba_diffae.benchmark.opened_model import PACKAGED
from mamba_diffae.benchmark.page import picture_bytes
from mamba_diffae.benchmark.painters import painter_of
from mamba_diffae.benchmark.painting import Shown
from mamba_diffae.estimator import write_arrays
from mamba_diffae.fields import Observations, Prediction
from mamba_diffae.fields.cf.datasets import with_snapshots
from mamba_diffae.fields.cf.writing import write_dataset
from mamba_diffae.report import write_png
from mamba_diffae.studio.asking import Question
from mamba_diffae.studio.figures import is_picture
from mamba_diffae.studio.file_reading import FileLines
from mamba_diffae.studio.observing import Edits, Settings
from mamba_diffae.studio.opening import PICTURE_SETS, Source
from mamba_diffae.studio.own_files import own_names, where_to_run, with_comment
from mamba_diffae.studio.session import Session
from mamba_diffae.studio.words import in_words

log = logging.getLogger(__name__)
_UNUSUAL = re.compile(r"[^\w.+-]")
POINTS, TABLE = "observations.npz", "observations.csv"
"""Files of what is observed, which the lines read."""


@final
@dataclass(frozen=True, eq=False)
class Recipe:
    """Where what is shown comes from; nothing of it changes.

    Attributes:
        model: Name of the model, without its folder.
        source: The fields.
        snapshot: Number of the field.
        settings: What is observed by a pattern.
        edits: What was changed by hand.
        question: What is asked.
        variable: Number of the variable that is shown, of fields that are no pictures.
    """

    model: str
    source: Source
    snapshot: int
    settings: Settings
    edits: Edits
    question: Question
    variable: int = 0

    @classmethod
    def of(cls, session: Session) -> Recipe:
        """Of what a session shows.

        Raises:
            NothingObservedError: If nothing is observed.
        """
        return cls(
            session.library.label(session.opened.name),
            session.source,
            session.snapshot,
            session.settings,
            session.edits,
            session.question(),
            session.variable,
        )

    @property
    def is_drawn(self) -> bool:
        """Whether a pattern says all of what is observed: nothing by hand, no errors added."""
        return self.edits == Edits() and not self.settings.noise

    @property
    def observing(self) -> str:
        """The line of Python that observes by the pattern."""
        about = self.settings
        return (
            f'seen = mda.observe(field, {about.fraction:g}, pattern="{about.pattern}", '
            f"seed={about.seed})"
        )

    def python(self) -> str:
        """Lines of Python that make `told`, the prediction that is shown."""
        python = self._python()
        return with_comment(self._named_in(python), python)

    def _python(self) -> str:
        asked = self.question
        last = (
            f"told = model.predict(seen, {asked.size}, n_draws={asked.draws}, seed={asked.seed})",
            "# told.mean, told.std and told.draws are what is shown",
        )
        opened = f"model = mda.FieldAutoencoder.from_pretrained({self.model!r})"
        source, packaged = self.source, self.source.packaged
        if self.is_drawn and packaged in (*PICTURE_SETS, *PACKAGED.values()):
            size = f", size={source.size}" if source.size else ""
            split = f".split({source.split!r})" if source.split else ""
            lines = (
                "import mamba_diffae as mda\n",
                f"field = mda.open_field({packaged!r}{size}){split}.take([{self.snapshot}])",
                self.observing,
                opened,
            )
        elif self.is_drawn and source.file is not None:
            read = FileLines.of(source.file, source.data, self.model)
            lines = (
                *read.imports,
                f"\n{opened}",
                f"field = {read.data}.take([{self.snapshot}])",
                self.observing,
            )
        else:
            known = [f'{key}=given["{key}"]' for key in ("support", "noise") if self._has(key)]
            about = ", ".join(['given["coords"]', 'given["values"]', *known])
            lines = (
                "import numpy as np\n",
                "import mamba_diffae as mda\n",
                f'given = np.load("{POINTS}")',
                f"seen = mda.Observations.from_points({about})",
                opened,
            )
        return "\n".join((*lines, *last))

    def shell(self) -> str:
        """The line of the shell that writes the prediction that is shown."""
        asked, about, file = self.question, self.settings, self.source.file
        asking = ["--size", asked.size, "--draws", asked.draws, "--seed", asked.seed]
        if self.is_drawn and file is not None and len(self.source.data) == 1:
            observing = ["--fraction", f"{about.fraction:g}", "--pattern", about.pattern]
            words = [file, "--model", self.model, *observing, *asking, "--out", "field.npz"]
        else:
            words = [TABLE, "--model", self.model, *self._columns(), *asking, "--out", "field.nc"]
        return shlex.join(["mamba-diffae", "predict", *map(str, words)])

    @property
    def where(self) -> str:
        """Where the lines are run, in a sentence; "" if they can be run anywhere."""
        return where_to_run(self._named_in(self._python() + self.shell()))

    def _named_in(self, lines: str) -> list[str]:
        """Files and folders that lie where some lines are run."""
        file, model = self.source.file, own_names(self.model, None)
        own = [file] if self.is_drawn and file is not None else []
        return [*model, *own, *(name for name in (POINTS, TABLE) if name in lines)]

    def _columns(self) -> list[str]:
        """What the table of observations holds, as options of the shell."""
        names = [v.name for v in self.source.data.variables]
        words = [word for name in names for word in ("--variable", name)]
        if self._has("support"):
            axes = self.source.data.grid.names
            words += [word for a in axes for word in ("--support", f"{a}={a}_support")]
        if self._has("noise"):
            words += [word for name in names for word in ("--noise", f"{name}_noise")]
        return words

    def _has(self, part: str) -> bool:
        return getattr(self.question.seen, part) is not None


@final
@dataclass(frozen=True)
class File:
    """A file to take away.

    Attributes:
        name: Of the file.
        about: What it holds, in a few words.
        content: Its bytes; None: it could not be made.
        why: Why not.
    """

    name: str
    about: str
    content: bytes | None
    why: str = ""


def files_of(recipe: Recipe) -> list[File]:
    """All that can be taken away; a file that needs a missing package says so."""
    asked = recipe.question
    told = asked.model.predict(asked.seen, asked.size, asked.draws, seed=asked.seed)
    snapshots = [recipe.source.data.names[recipe.snapshot]]
    picture, about = _picture_of(recipe)
    makers: list[tuple[str, str, Callable[[Path], None]]] = [
        (
            picture,
            about,
            lambda p: _write_png(recipe, told, p),
        ),
        ("field.npz", "mean, deviation, draws, axes", lambda p: write_arrays(asked.model, told, p)),
        (
            "field.nc",
            "the same with units, CF",
            lambda p: write_dataset(with_snapshots(told.to_xarray(), snapshots), p),
        ),
        (POINTS, "what is observed, for the lines of Python", lambda p: _points(asked.seen, p)),
        (TABLE, "what is observed, for the line of the shell", lambda p: _table(recipe, p)),
    ]
    found = []
    with tempfile.TemporaryDirectory(prefix="mamba-diffae-") as folder:
        for name, about, write in makers:
            path = Path(folder) / name
            try:
                write(path)
                found.append(File(name, about, path.read_bytes()))
            except Exception as error:  # such as a missing extra; the other files remain
                if not isinstance(error, ValueError):
                    log.warning("%s could not be made.", name, exc_info=error)
                found.append(File(name, about, None, in_words(error)))
    return found


def _picture_of(recipe: Recipe) -> tuple[str, str]:
    """Name of the file of the picture, and what it holds.

    Of several variables that are no colour picture it is the one that is shown.
    """
    variables = recipe.question.model.variables
    if len(variables) == 1 or is_picture(variables, recipe.question.grid):
        return "mean.png", "the mean as a picture, a pixel a cell"
    name = variables[recipe.variable].name
    return f"mean_{_UNUSUAL.sub('_', name)}.png", f"the mean of {name}, a pixel a cell"


def _write_png(recipe: Recipe, told: Prediction, path: Path) -> None:
    """The mean, a pixel a cell."""
    grid, variables = told.grid or recipe.question.grid, recipe.question.model.variables
    values = told.mean[0]
    if not is_picture(variables, grid):
        chosen = slice(recipe.variable, recipe.variable + 1)
        variables, values = variables[chosen], values[..., chosen]
    painted = painter_of(variables, grid).paint(Shown(values, grid))
    write_png(picture_bytes(painted[0]), path)


def _parts(seen: Observations) -> dict[str, np.ndarray]:
    """Observations of one field as arrays; NaN where a variable was not observed."""
    here = seen.present[0].numpy()
    mask = seen.mask[0].numpy()[here]
    parts = {"coords": seen.coords[0].numpy()[here]}
    parts["values"] = np.where(mask, seen.values[0].numpy()[here], np.nan)
    for key in ("support", "noise"):
        given: Any = getattr(seen, key)
        if given is not None:
            parts[key] = given[0].numpy()[here]
    return parts


def _points(seen: Observations, path: Path) -> None:
    written = io.BytesIO()
    np.savez_compressed(written, **_parts(seen))  # pyright: ignore[reportArgumentType]
    path.write_bytes(written.getvalue())


def _table(recipe: Recipe, path: Path) -> None:
    """Observations as a table: a column for each axis, variable, support and noise."""
    from mamba_diffae.fields import load_extra

    pandas, parts = load_extra("pandas", TABLE), _parts(recipe.question.seen)
    data = recipe.source.data
    axes, names = data.grid.names, [v.name for v in data.variables]
    columns = dict(zip(axes, parts["coords"].T, strict=True))
    columns |= dict(zip(names, parts["values"].T, strict=True))
    for key, of in (("support", axes), ("noise", names)):
        if key in parts:
            columns |= {f"{n}_{key}": c for n, c in zip(of, parts[key].T, strict=True)}
    pandas.DataFrame(columns).to_csv(path, index=False)
