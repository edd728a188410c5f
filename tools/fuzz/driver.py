"""Draws inputs by seeds and counts how they end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tools.fuzz.verdict import Call, Finding, verdict

SLOW = 40
"""One of so many inputs trains or verifies."""
_DRAWING = settings(
    max_examples=2,  # the first is always the simplest one, whatever the seed
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]
)


@final
@dataclass(eq=False)
class Report:
    """How inputs ended.

    Attributes:
        ends: How many of each door ended how.
        findings: By the seed of the input.
    """

    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: dict[int, Finding] = field(default_factory=dict)

    def summary(self, seconds: float) -> str:
        """Counts by door."""
        lines = [f"{self.ends.total()} inputs in {seconds:.0f} s, {len(self.findings)} findings"]
        for door in sorted({door for door, _ in self.ends}):
            counts = sorted((end, n) for (d, end), n in self.ends.items() if d == door)
            lines.append(f"  {door}: " + ", ".join(f"{n} {end}" for end, n in counts))
        return "\n".join(lines)


def doors(kind: str, holding: str = "") -> st.SearchStrategy[Call]:
    """Inputs at the doors of a kind.

    Args:
        kind: "python", "shell", or "plain": those of Python that need no fitted model.
        holding: Only doors of Python whose name holds this.
    """
    if kind == "shell":
        from tools.fuzz.shell_lines import lines

        return lines()
    if kind == "plain":
        from tools.fuzz.field_doors import FIELD_DOORS
        from tools.fuzz.files import PLAIN_FILE_DOORS

        return st.one_of([*FIELD_DOORS, *PLAIN_FILE_DOORS])
    from tools.fuzz.field_doors import FIELD_DOORS
    from tools.fuzz.files import FILE_DOORS
    from tools.fuzz.model_doors import MODEL_DOORS, SLOW_DOORS
    from tools.fuzz.table_doors import TABLE_DOORS

    quick = (*FIELD_DOORS, *MODEL_DOORS, *FILE_DOORS, *TABLE_DOORS)
    if holding:
        return st.one_of([door for door in (*quick, *SLOW_DOORS) if holding in repr(door)])
    return st.integers(0, SLOW - 1).flatmap(
        lambda n: st.one_of(list(SLOW_DOORS)) if n == SLOW - 1 else st.one_of(list(quick))
    )


def drawn(inputs: st.SearchStrategy[Call], key: int) -> Call:
    """The input that a seed names."""
    found: list[Call] = []

    @seed(key)
    @_DRAWING
    @given(inputs)
    def keep(call: Call) -> None:
        found.append(call)

    keep()
    return found[-1]


def run(inputs: st.SearchStrategy[Call], keys: Iterable[int], report: Report) -> Iterator[str]:
    """Run the inputs of some seeds, count them, and tell each finding in some lines."""
    for key in keys:
        call = drawn(inputs, key)
        end, found = verdict(call)
        report.ends[call.door, end] += 1
        if found is not None:
            report.findings[key] = found
            told = f"--seed {key}  {found.door}: {found.what}"
            yield f"{told}\n  given {found.given[:700]}\n{found.trace}"
