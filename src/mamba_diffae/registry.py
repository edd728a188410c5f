"""Parts by name: those of the package, those that other packages bring, those given as objects."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, final

Part = TypeVar("Part")


@final
class Registry(Generic[Part]):
    """Parts of one kind by name.

    A name is looked up among the parts that were registered in this process, then among those of
    the package, then among the entry points of other packages. Nothing is imported before it is
    asked for, and only what somebody has installed or registered is: a name from a file of weights
    never imports a module of its own choosing.

    >>> roots = Registry("root", "example.roots", {"square": "math:sqrt"})
    >>> roots.get("square")(16.0)
    4.0

    Args:
        what: The kind of part, for messages, such as "encoder".
        group: The entry-point group, such as "mamba_diffae.encoders".
        builtin: Parts of the package, as "module:attribute".
    """

    def __init__(self, what: str, group: str, builtin: Mapping[str, str]) -> None:
        self.what, self.group, self._builtin = what, group, dict(builtin)
        self._registered: dict[str, Part] = {}

    def register(self, name: str, part: Part) -> Part:
        """Make a part known under a name in this process; the same one again changes nothing.

        Raises:
            ValueError: If another part has that name.
        """
        if name in self._builtin or self._registered.get(name, part) is not part:
            raise ValueError(f"The {self.what} {name!r} is there already; give another name.")
        self._registered[name] = part
        return part

    def get(self, name: str) -> Part:
        """The part of a name.

        Raises:
            ValueError: If there is none; it names the nearest.
        """
        if not isinstance(name, str):
            raise unknown(self.what, name, self.names())
        if name in self._registered:
            return self._registered[name]
        if name in self._builtin:
            return load(self._builtin[name])
        found = entry_points(group=self.group, name=name)
        if found:
            return next(iter(found)).load()
        raise unknown(self.what, name, self.names())

    def make(self, name: str, *given: Any, **options: Any) -> Any:
        """What the part of a name makes of what it is given.

        Raises:
            ValueError: If there is none, or it takes no such option; it says which it takes.
        """
        part: Any = self.get(name)
        taken = list(inspect.signature(part).parameters.values())[len(given) :]
        known = [p.name for p in taken if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in taken):
            for option in options:
                if option not in known:
                    raise ValueError(
                        f"The {self.what} {name!r} takes no option {option!r}; it takes "
                        f"{', '.join(known) or 'none'}. Set {self.what}_options to those, or "
                        f"choose another {self.what}."
                    )
        return part(*given, **options)

    def names(self) -> list[str]:
        """All names, those of the package first."""
        others = {point.name for point in entry_points(group=self.group)} | set(self._registered)
        return [*self._builtin, *sorted(others - set(self._builtin))]


def load(path: str) -> Any:
    """The object at "module:attribute".

    >>> load("math:sqrt")(9.0)
    3.0

    Raises:
        ValueError: If there is no such module, or no such attribute in it.
    """
    module, _, attribute = path.partition(":")
    if not module or not attribute:
        raise ValueError(f"{path!r} names no part; expected module:attribute.")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{path!r} could not be loaded: {error}.") from error


def unknown(what: str, name: object, valid: Iterable[str]) -> ValueError:
    """An error that names the nearest valid name, and all of them."""
    valid = list(valid)
    near = difflib.get_close_matches(str(name), valid, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return ValueError(f"Unknown {what} {name!r}; {hint}Valid: {', '.join(valid)}.")
