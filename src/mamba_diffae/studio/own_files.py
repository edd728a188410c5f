"""Which files and folders of a person's own the lines of a page name, and where they are run."""

from __future__ import annotations

from pathlib import Path

from mamba_diffae.benchmark.opened_model import PACKAGED
from mamba_diffae.studio.opening import MODELS, PICTURE_SETS, Source, label_of


def own_names(model: str, source: Source | None) -> list[str]:
    """Names that mean something only in the folder that holds them.

    Args:
        model: As the page names it.
        source: The fields; None: the lines name none.
    """
    found = [] if model in MODELS else [model]
    if source is not None and source.file is not None:
        return [*found, source.file]
    return found if source is None else [*found, *own_set(source.packaged)]


def own_set(name: str | None) -> list[str]:
    """The name of the file or folder of a source of `open_field`, without its own; [] of others."""
    if name is None or name in (*PICTURE_SETS, *PACKAGED.values()) or not _path(name).exists():
        return []
    return [label_of(str(_path(name)))]


def _path(name: str) -> Path:
    """Of a file or folder, behind the kind that it may be said to be of: "cifar10:data"."""
    return Path(name if Path(name).exists() else name.partition(":")[2] or name)


def where_to_run(names: list[str]) -> str:
    """Where lines that name these are run, in a sentence; "" if they can be run anywhere."""
    if not names:
        return ""
    *most, last = names
    listed = f"{', '.join(most)} and {last}" if most else last
    if most:
        return f"Put {listed} into one folder, and run these lines there."
    return f"Run these lines in the folder that holds {last}."


def with_comment(names: list[str], python: str) -> str:
    """Lines of Python, below a comment that says where they are run."""
    where = where_to_run(names)
    return f"# {where}\n{python}" if where else python
