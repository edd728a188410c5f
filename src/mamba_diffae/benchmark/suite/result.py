"""What the suite found: a row for each family, cell and variable, and whether it passed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self, final

from mamba_diffae.benchmark.suite.candidates import Training

LEAST_ESTIMATE: Mapping[Training, float] = {"own": -0.3, "foreign": -0.5}
"""In dB: a row whose estimate lies below has failed."""
LEAST_HIGH: Mapping[Training, float] = {"own": -0.1, "foreign": -0.3}
"""In dB: a row the upper end of whose interval lies below has failed."""
MOST_CRPS = 1.02
"""Ratio to kriging's CRPS at most aimed at."""


@final
@dataclass(frozen=True)
class SuiteRow:
    """How a method did on one variable of a family, observed in one way.

    Attributes:
        family: Name of the family.
        cell: Name of the cell.
        variable: Name of the variable.
        method: Key of the method.
        training: Whether it has learned from that family.
        rival: Key of the method it is compared with.
        fields: Test fields.
        groups: Groups of them.
        skill: 10 log10 of the ratio of the variable's variance to the mean squared error, in dB.
        estimate: 10 log10 of the ratio of mean squared errors, rival to ours, in dB.
        half_width: Of the 95 % interval of this row alone, in dB.
        low: Lower end of the 95 % interval of all rows together, in dB.
        high: Upper end of it.
        worst: Mean difference over the worst 5 % of the fields, in dB.
        against: The estimate against every classical method, by key.
        crps: Ratio of the CRPS to kriging's; nan if either states no deviation.
    """

    family: str
    cell: str
    variable: str
    method: str
    training: Training
    rival: str
    fields: int
    groups: int
    skill: float
    estimate: float
    half_width: float
    low: float
    high: float
    worst: float
    against: Mapping[str, float]
    crps: float

    @property
    def passed(self) -> bool:
        """Whether the method is not worse than its rival by more than is allowed."""
        behind = self.estimate < LEAST_ESTIMATE[self.training]
        return not behind and not self.high < LEAST_HIGH[self.training]


@final
@dataclass(frozen=True)
class SuiteResult:
    """All rows, and how long the methods took.

    Attributes:
        rows: By method, family, cell and variable.
        seconds: Processor time of a prediction of one field by method and cell, where it was
            measured now and not found on disk, in s.
    """

    rows: Sequence[SuiteRow]
    seconds: Mapping[str, Mapping[str, float]]

    @property
    def failed(self) -> list[SuiteRow]:
        """Rows that did not pass."""
        return [row for row in self.rows if not row.passed]

    def of(self, method: str) -> list[SuiteRow]:
        """The rows of one method."""
        return [row for row in self.rows if row.method == method]

    def weakest(self, method: str) -> list[SuiteRow]:
        """The rows of one method, of each family and cell the variable with the least estimate."""
        found: dict[tuple[str, str], SuiteRow] = {}
        for row in self.of(method):
            known = found.get((row.family, row.cell))
            if known is None or row.estimate < known.estimate:
                found[row.family, row.cell] = row
        return list(found.values())

    def table(self, *, every_variable: bool = False) -> str:
        """As plain text: a line for each family and cell, of the weakest or of every variable."""
        lines = []
        for method in dict.fromkeys(row.method for row in self.rows):
            rows = self.of(method)
            failed = sum(not row.passed for row in rows)
            lines += [f"{method}: {failed} of {len(rows)} rows failed (marked *)", _HEAD]
            lines += [_line(row) for row in (rows if every_variable else self.weakest(method))]
            lines.append("")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON; what is not finite becomes None."""
        rows = [{k: _plain(v) for k, v in asdict(row).items()} for row in self.rows]
        return {"rows": rows, "seconds": {k: dict(v) for k, v in self.seconds.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; an infinite half-width becomes nan."""
        rows = [SuiteRow(**{k: _number(v) for k, v in row.items()}) for row in data["rows"]]
        return cls(rows, data["seconds"])


_HEAD = (
    f"  {'family':16}{'cell':11}{'variable':10}{'n':>4}{'groups':>7}{'skill':>7}  {'rival':19}"
    f"{'diff':>7}{'±own':>6}{'low':>7}{'high':>7}{'worst5%':>9}{'kriging':>9}{'POD':>7}{'CRPS':>7}"
)


def _line(row: SuiteRow) -> str:
    kriging, pod = (row.against.get(key, math.nan) for key in ("kriging", "gappy-pod"))
    return (
        f"{' ' if row.passed else '*'} {row.family:16}{row.cell:11}{row.variable:10}{row.fields:4}"
        f"{row.groups:7}{row.skill:7.2f}  {row.rival:19}{row.estimate:+7.2f}{row.half_width:6.2f}"
        f"{row.low:+7.2f}{row.high:+7.2f}{row.worst:+9.2f}{kriging:+9.2f}{pod:+7.2f}{row.crps:7.3f}"
    )


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: Any) -> Any:
    return math.nan if value is None else value
