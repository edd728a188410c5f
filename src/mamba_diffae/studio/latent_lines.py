"""The Python and the shell lines that make what the tab "Latent" shows."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from shlex import quote
from typing import final

from mamba_diffae.benchmark.opened_model import OpenedModel
from mamba_diffae.studio.file_reading import FileLines
from mamba_diffae.studio.latent_map import FRACTION, PERPLEXITY, Layout
from mamba_diffae.studio.latents import FRAMES, MADE, EditQuestion
from mamba_diffae.studio.opening import Source, label_of
from mamba_diffae.studio.own_files import own_names, own_set, where_to_run, with_comment


@final
@dataclass(frozen=True)
class Lines:
    """Lines that make the same again.

    Attributes:
        python: In Python.
        shell: On the shell; "" if no command makes it.
        where: Where they are run, in a sentence; "" if they can be run anywhere.
    """

    python: str
    shell: str = ""
    where: str = ""

    @property
    def html(self) -> str:
        """As a tab shows them."""
        told = f'<p class="note">{escape(self.where)}</p>' if self.where else ""
        told += f"<h4>The same in Python</h4><pre>{escape(self.python)}</pre>"
        if self.shell:
            told += f"<h4>The same on the shell</h4><pre>{escape(self.shell)}</pre>"
        return told


@final
@dataclass(frozen=True, eq=False)
class Origin:
    """Which model and which fields.

    Attributes:
        opened: The model.
        model: Its name, without the folders of the machine.
        source: The fields.
    """

    opened: OpenedModel
    model: str
    source: Source

    def head(self, *, fields: bool = True) -> list[str]:
        """The first lines in Python: the model, and the fields at its cells."""
        model = f"model = mda.FieldAutoencoder.from_pretrained({self.model!r})"
        packaged = self.source.packaged
        if fields and packaged is None:
            read = FileLines.of(self.source.file or "", self.source.data, self.model)
            return [*read.imports, "", model, f"data = {read.data}.at(model.grid)"]
        found = ["import mamba_diffae as mda", "", model]
        if not fields or packaged is None:
            return found
        split = f".split({self.source.split!r})" if self.source.split else ""
        size = f", size={self.source.size}" if self.source.size else ""
        opened = f"mda.open_field({label_of(packaged)!r}{size})"
        return [*found, f"data = {opened}{split}.at(model.grid)"]

    def lines(
        self, python: list[str], shell: str = "", *, fields: bool = True, trained_on: bool = False
    ) -> Lines:
        """Lines, and where they are run.

        Args:
            python: In Python.
            shell: On the shell.
            fields: Whether they name the fields.
            trained_on: Whether they name what the model was trained on.
        """
        names = own_names(self.model, self.source if fields else None)
        more = own_set(self.opened.source) if trained_on else []
        names += [name for name in more if name not in names]
        return Lines(with_comment(names, "\n".join(python)), shell, where_to_run(names))

    def shell_field(self, number: int) -> str | None:
        """One field as the commands take it; None if they do not."""
        if self.source.packaged is not None:
            return str(number) if self.source.split == "test" else None
        return quote(self.source.file or "") if number == 0 else None

    @property
    def options(self) -> str:
        """Options of the commands that name model and fields."""
        other = self.source.packaged not in (None, self.opened.source)
        named = f" --source {quote(label_of(self.source.packaged or ''))}" if other else ""
        return f"--model {quote(self.model)}{named}"


def way_lines(origin: Origin, first: int, second: int, shown: int, fraction: float) -> Lines:
    """Of the way between two fields.

    Args:
        origin: Model and fields.
        first: Number of the first field.
        second: Of the second.
        shown: Number of the field on the way that is shown.
        fraction: Share that is observed of both.
    """
    python = [
        *origin.head(),
        f"a = mda.observe(data.take([{first}]), fraction={fraction:g}, seed=0)",
        f"b = mda.observe(data.take([{second}]), fraction={fraction:g}, seed=1)",
        f"way = mda.interpolate(model, a, b, n_steps={FRAMES})",
        f"field = way.values[{shown}]",
    ]
    ends = [origin.shell_field(number) for number in (first, second)]
    if None in ends:
        return origin.lines(python)
    shell = (
        f"mamba-diffae interpolate {ends[0]} {ends[1]} {origin.options} --frames {FRAMES} "
        f"--fraction {fraction:g} --out path.png"
    )
    return origin.lines(python, shell)


def edit_lines(origin: Origin, number: int, question: EditQuestion) -> Lines:
    """Of an edited field.

    Args:
        origin: Model and fields.
        number: Of the field.
        question: What was asked.
    """
    opened, about = origin.opened, question
    where = f"Path({origin.model!r})" if opened.run else f"weights_folder({origin.model!r})"
    kept = where if opened.run else f"shipped={where}"
    imports = ["from mamba_diffae.latent import learn_directions"]
    if opened.run is None:
        imports += ["from mamba_diffae.models.serialization import weights_folder"]
    head = origin.head()
    if opened.run is not None and "from pathlib import Path" not in head:
        imports += ["from pathlib import Path"]
    split = head.index("import mamba_diffae as mda") + 1
    python = [
        *head[:split],
        *imports,
        *head[split:],
        f"trained_on = mda.open_field({label_of(opened.source or '')!r})",
        f"directions = learn_directions(model, trained_on, {kept})",
        f"seen = mda.observe(data.take([{number}]), fraction={about.fraction:g}, seed=0)",
        f"move = directions.move({about.attribute!r})",
        f"field = mda.edit(model, seen, move, {about.amount:g}, "
        f"condition_on_points={about.keeps})[0]",
    ]
    named = origin.shell_field(number)
    if named is None or about.amount == 0:
        return origin.lines(python, trained_on=True)
    shell = (
        f"mamba-diffae edit {named} {origin.options} --attribute {quote(about.attribute)} "
        f"--amount {about.amount:g} --fraction {about.fraction:g} --out edit.png"
    )
    return origin.lines(python, shell, trained_on=True)


def sample_lines(origin: Origin, seed: int, mean: bool) -> Lines:
    """Of fields from nothing.

    Args:
        origin: The model, and fields that the command compares them with.
        seed: Theirs.
        mean: Whether they are means.
    """
    asked = f", seed={seed}{', mean=True' if mean else ''}"
    python = [*origin.head(fields=False), f"fields = mda.sample(model, {MADE}{asked}).values"]
    mean_option = " --mean" if mean else ""
    shell = (
        f"mamba-diffae sample {origin.options} --n {MADE} --seed {seed}{mean_option} "
        "--out fields.png"
    )
    return origin.lines(python, shell if origin.source.packaged is not None else "", fields=False)


def map_lines(origin: Origin, layout: Layout, count: int, number: int) -> Lines:
    """Of the map of a library, and of the field that is chosen on it.

    Args:
        origin: Model and fields.
        layout: How the latents are laid out.
        count: Fields on the map.
        number: Of the field that is chosen.
    """
    perplexity = min(PERPLEXITY, (count - 1) / 2)
    made = {
        "principal components": ("decomposition", "PCA", "PCA(2, random_state=0)"),
        "t-SNE": (
            "manifold",
            "TSNE",
            f"TSNE(2, perplexity={perplexity:g}, init='pca', random_state=0)",
        ),
    }
    module, name, plane = made[layout]
    head = origin.head()
    split = head.index("import mamba_diffae as mda") + 1
    python = [
        f"from sklearn.{module} import {name}",
        *head[:split],
        *head[split:],
        f"seen = mda.observe(data.take(range({count})), fraction={FRACTION:g}, seed=0)",
        "latents = model.encode(seen)",
        f"places = {plane}.fit_transform(latents)",
        f"field = model.decode(latents[{number} : {number + 1}]).mean[0]",
    ]
    return origin.lines(python)
