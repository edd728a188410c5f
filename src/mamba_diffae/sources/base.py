"""What a source is: a kind of outside data that becomes fields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from mamba_diffae.fields import FieldData, FieldError, Shape


class Source(ABC):
    """A kind of outside data.

    `open_field` makes one without arguments, asks it whether it knows what the user gave, and has
    it open that. Other packages add theirs, as classes, under the entry-point group
    `mamba_diffae.sources`.

    Attributes:
        form: How a user writes what it opens, for messages, such as "cifar10:DIR".
    """

    form: ClassVar[str]

    @abstractmethod
    def matches(self, spec: object) -> bool:
        """Whether this is for this source; cheap, and True only if `open` is the right thing."""

    @abstractmethod
    def open(
        self, spec: Any, *, shape: Shape | int | None = None, skip_broken: bool = False
    ) -> FieldData:
        """Open the fields.

        Further keywords, each with a default, are options that `open_field` passes on.

        Args:
            spec: What `matches` agreed to.
            shape: What is wanted, cells along each axis or along the longest; a hint to a source
                that has no native shape or can save work, since `open_field` averages the rest.
            skip_broken: Leave out members that cannot be read, with one warning that counts them.

        Returns:
            The fields, in their own units.

        Raises:
            ValueError: If it is empty or damaged.
        """

    def canonical(self, spec: str) -> str:
        """The same source by a name that holds in any working folder; as a rule a path."""
        return str(Path(spec).expanduser().resolve())


class NamedSource(Source):
    """A source that is known by one name; a folder of that name is "./NAME".

    Attributes:
        kind: The name.
    """

    kind: ClassVar[str]

    def matches(self, spec: object) -> bool:
        """See `Source.matches`."""
        return isinstance(spec, str) and spec == self.kind

    def canonical(self, spec: str) -> str:
        """See `Source.canonical`: the name holds anywhere."""
        return spec


class PrefixedSource(Source):
    """A source of the form kind:PLACE, PLACE being a path.

    Attributes:
        kind: What stands before the colon.
    """

    kind: ClassVar[str]

    def matches(self, spec: object) -> bool:
        """See `Source.matches`."""
        return isinstance(spec, str) and spec.startswith(f"{self.kind}:")

    def place(self, spec: str) -> str:
        """What stands behind the colon; a `FieldError` if nothing does."""
        rest = spec.removeprefix(f"{self.kind}:")
        if not rest:
            raise FieldError(f"The source '{self.kind}:' names nothing; give {self.form}.")
        return rest

    def canonical(self, spec: str) -> str:
        """See `Source.canonical`."""
        return f"{self.kind}:{super().canonical(self.place(spec))}"


def read_only(data: FieldData) -> FieldData:
    """The same fields with arrays that cannot be written to, for those that a process shares."""
    for array in (data.values, data.groups, data.splits, *data.attributes.values()):
        array.flags.writeable = False
    return data
