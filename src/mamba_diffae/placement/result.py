"""Sensors that were placed, their expected errors, and those of simpler placements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

import numpy as np

from mamba_diffae.fields import FieldData, Grid, Observations, Variable, load_extra
from mamba_diffae.fields.sensors import observe_at

if TYPE_CHECKING:
    from pandas import DataFrame


@final
@dataclass(frozen=True, eq=False)
class Arrangement:
    """New sensors in their order, beside those that exist.

    Attributes:
        coords: Shape (k, D); fewer than were asked where no more were far enough apart.
        expected: Expected RMSE after 0, 1, ..., n of them in the units of the variables, shape
            (n + 1, C); beyond k that after k.
        relative: The same of all variables together, each as a share of its deviation before any
            sensor, shape (n + 1,).
        std: Standard deviation after all of them, in the units of the variables, shape (*grid
            .shape, C); NaN where no cell exists.
        actual: Measured RMSE of the model on test fields by the number of new sensors, each of
            shape (C,); empty where it was not asked for.
    """

    coords: np.ndarray
    expected: np.ndarray
    relative: np.ndarray
    std: np.ndarray
    actual: Mapping[int, np.ndarray] = field(default_factory=dict)


@final
@dataclass(frozen=True, eq=False)
class Placement:
    """Where to put sensors, what error to expect, and that of simpler placements.

    Attributes:
        greedy: Each sensor where it lowers the mean variance most.
        random: Sensors at random candidates, one for each seed.
        qr: Sensors by QR with pivoting.
        existing: Places of those that were there before, shape (m, D).
        before: Standard deviation with those alone, as `Arrangement.std`.
        grid: Cells over which errors are averaged.
        variables: C of them.
        noise: Standard deviation of a reading in the units of the variables, shape (C,); None: the
            nugget of the model's prior.
        unit: Of `min_distance`.
    """

    greedy: Arrangement
    random: tuple[Arrangement, ...]
    qr: Arrangement
    existing: np.ndarray
    before: np.ndarray
    grid: Grid
    variables: tuple[Variable, ...]
    noise: np.ndarray | None
    unit: str

    @property
    def coords(self) -> np.ndarray:
        """Places of the new sensors in their order, shape (n, D), in the units of `axes`."""
        return self.greedy.coords

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the columns of `coords`."""
        return self.grid.names

    @property
    def expected(self) -> np.ndarray:
        """Expected RMSE after 0, 1, ..., n new sensors, shape (n + 1, C)."""
        return self.greedy.expected

    def __len__(self) -> int:
        return len(self.coords)

    @property
    def error_name(self) -> str:
        """What `curve` is of: the only variable in its unit, or all of them standardised."""
        names = [f"RMSE of {v.name}{v.unit and f' in {v.unit}'}" for v in self.variables]
        return names[0] if len(names) == 1 else "standardised RMSE"

    def curve(self, arrangement: Arrangement) -> np.ndarray:
        """Expected error after 0, 1, ..., n sensors, shape (n + 1,): see `error_name`."""
        single = len(self.variables) == 1
        return arrangement.expected[:, 0] if single else arrangement.relative

    def random_curves(self) -> np.ndarray:
        """Those of all random placements, shape (seeds, n + 1)."""
        return np.stack([self.curve(arrangement) for arrangement in self.random])

    def observe(self, data: FieldData, seed: int = 0) -> Observations:
        """What the existing and the new sensors read of fields; errors of the noise are drawn.

        Args:
            data: Fields on a grid of the same axes and variables.
            seed: Of the errors.
        """
        places = np.concatenate([self.existing, self.coords])
        return observe_at(data, places, self.noise, seed)

    def to_frame(self) -> DataFrame:
        """A row for each sensor: its place, and the expected errors once it stands.

        Columns: the axes; `sst_rmse` for a variable `sst`, in its unit; `standardised_rmse`; and
        that of as many sensors at random (the mean) and by QR.

        Raises:
            MissingExtraError: If pandas is not installed.
        """
        pandas = load_extra("pandas", "A placement as a table")
        columns = dict(zip(self.axes, self.coords.T, strict=True))
        columns |= {f"{v.name}_rmse": self.expected[1:, c] for c, v in enumerate(self.variables)}
        columns["standardised_rmse"] = self.greedy.relative[1:]
        columns["standardised_rmse_random"] = np.mean([r.relative[1:] for r in self.random], axis=0)
        columns["standardised_rmse_qr"] = self.qr.relative[1:]
        frame = pandas.DataFrame(columns)
        frame.index = pandas.RangeIndex(1, len(self) + 1, name="sensor")
        return frame

    def sentences(self) -> list[str]:
        """What was found, a sentence each."""
        n, name = len(self), self.error_name
        greedy, random = self.curve(self.greedy), self.random_curves()[:, -1]
        found = [
            f"New sensors: {n}, existing: {len(self.existing)}. Expected {name} from "
            f"{greedy[0]:.3g} to {greedy[-1]:.3g}.",
            f"As many at random {random.mean():.3g} (from {random.min():.3g} to "
            f"{random.max():.3g}, {len(random)} placements), by QR {self.curve(self.qr)[-1]:.3g}.",
        ]
        fewer = int(np.argmax(greedy <= random.mean()))
        if greedy[fewer] <= random.mean() and fewer < n:
            found.append(f"{fewer} of the {n} do as well as {n} at random do on average.")
        return found + self._measured()

    def _measured(self) -> list[str]:
        if not self.greedy.actual:
            return []
        n, kinds = max(self.greedy.actual), {"greedy": self.greedy, "QR": self.qr}
        kinds["random"] = self.random[0]
        told = []
        for c, variable in enumerate(self.variables):
            each = ", ".join(f"{kind} {a.actual[n][c]:.3g}" for kind, a in kinds.items())
            told.append(
                f"Measured on test fields with {n}: RMSE of {variable.name} {each}"
                f"{variable.unit and f' {variable.unit}'}."
            )
        return told

    def describe(self) -> str:
        """In words: the places, and what was found."""
        rows = [
            f"{i}. {', '.join(f'{a} {x:.5g}' for a, x in zip(self.axes, row, strict=True))}"
            for i, row in enumerate(self.coords, start=1)
        ]
        return "\n".join([*self.sentences(), *rows])


def counts_to_measure(n: int) -> Sequence[int]:
    """Numbers of sensors at which a model is measured: a quarter, a half and all."""
    return sorted({max(1, round(n * share)) for share in (0.25, 0.5, 1.0)})
