"""Where encoders are compared: fields, settings, the encoders that are tried, what is measured."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from mamba_diffae.benchmark import Request
from mamba_diffae.fields import LATTICE_LIMIT, FieldData, Observations, Pattern, Shape, observe
from mamba_diffae.models.config import DecoderInputs
from mamba_diffae.sources import open_field
from studies.common.candidates import NO_PRIOR
from studies.scan import arms
from studies.scan.arms import Arm
from studies.scan.fields import CELLS, STATIONS, latitude_circles, many_cells

_NO_PRIOR = "data.exemplars=0"


@final
@dataclass(frozen=True)
class Measure:
    """What is observed, and what the decoder reads.

    Attributes:
        name: As tables name it.
        fraction: Share of the lattice that is observed; of a measure in points, None.
        points: How many points are observed; of a measure in shares, None.
        pattern: See `observe`.
        inputs: What the decoder reads; None: all it can.
    """

    name: str
    fraction: float | None = None
    points: int | None = None
    pattern: Pattern = "random"
    inputs: DecoderInputs | None = None

    def observe(self, data: FieldData, shape: Shape | None, seed: int) -> Observations:
        """Observations of fields; number b is drawn with the key (seed, b).

        Args:
            data: The fields.
            shape: Of the lattice that is observed; None: that of `observe`.
            seed: Same seed, same observations.
        """
        cells = math.prod(shape or data.grid.lattice_shape(LATTICE_LIMIT))
        fraction = self.fraction or min((self.points or 1) / cells, 1.0)
        return observe(data, fraction, shape=shape, pattern=self.pattern, seed=seed)


@final
@dataclass(frozen=True)
class Case:
    """One kind of fields and observations.

    Attributes:
        key: A letter.
        title: As the page names it.
        source: Where the fields come from, as the user is told; None: as asked of the study.
        opened: Opens them where no source does; None: `source` does.
        arms: Encoders that are tried, "no scan" among them.
        measures: Questions; the first is the main one.
        confirmed: Encoders that are trained with further seeds beside no scan: what led in the
            screen of 2026-11-29.
        settings: What is set otherwise than in the preset, for all encoders alike.
        rate: Learning rate, in rates of the preset.
        validate_every: Steps between two validations.
        observed_shape: Of the lattice that is observed; None: that of `observe`.
        count: Test fields that are scored.
        stations: Whether nothing of a training field is known but its stations.
    """

    key: str
    title: str
    source: str | None
    opened: Callable[[], FieldData] | None
    arms: tuple[Arm, ...]
    measures: tuple[Measure, ...]
    settings: tuple[str, ...] = ()
    rate: float = 1.0
    validate_every: int = 80
    observed_shape: Shape | None = None
    count: int = 96
    stations: bool = False
    confirmed: tuple[Arm, ...] = ()

    def open(self, request: Request) -> FieldData:
        """All fields of the case, with splits."""
        if self.opened is not None:
            return self.opened()
        return request.truth if self.source is None else open_field(self.source)

    @property
    def main(self) -> Measure:
        """The question that is told first."""
        return self.measures[0]


_PICTURES = (
    Measure("20 % of the cells", 0.2),
    Measure("5 points", points=5),
    Measure("20 points", points=20),
    Measure("all but a block", 0.2, pattern="block"),
    Measure("tracks", 0.2, pattern="track"),
    Measure("the latent alone, of 60 %", 0.6, inputs="latent"),
)
PRIOR = Case(
    "A",
    "Pictures, with the prior",
    None,
    None,
    (arms.NO_SCAN, arms.SWEEPS, arms.TRAPEZOIDAL, arms.ATTENTION, arms.CONVOLUTION),
    _PICTURES,
    validate_every=25,
)
BARE = Case(
    "B",
    "Pictures, without a prior",
    None,
    None,
    (
        arms.NO_SCAN,
        arms.SWEEPS,
        arms.HILBERT,
        arms.TRAPEZOIDAL,
        arms.ONE_DIRECTION,
        arms.ATTENTION,
        arms.CONVOLUTION,
    ),
    _PICTURES,
    NO_PRIOR.settings,
    NO_PRIOR.rate,
    confirmed=(arms.SWEEPS, arms.ONE_DIRECTION),
)
MANY = Case(
    "C",
    "Thousands of points",
    "gaussian:medium",
    many_cells,
    (arms.NO_SCAN, arms.SWEEPS, arms.HILBERT, arms.ATTENTION, arms.CONVOLUTION),
    (
        Measure("5,000 points", points=5_000, pattern="scattered"),
        Measure("16,000 points", points=16_000, pattern="scattered"),
    ),
    (
        _NO_PRIOR,
        f"data.observed_shape=[{CELLS},{CELLS}]",
        "data.fractions=[0.2,0.8]",
        "data.p_sparse=0",
        "data.queries=512",
        "autoencoder.batch_size=4",
    ),
    observed_shape=(CELLS, CELLS),
    count=8,
    validate_every=20,
    confirmed=(arms.HILBERT, arms.CONVOLUTION),
)
SERIES = Case(
    "D",
    "Series",
    "weather",
    latitude_circles,
    (
        arms.NO_SCAN,
        arms.BOTH_WAYS,
        arms.BOTH_TRAPEZOIDAL,
        arms.ONE_DIRECTION,
        arms.ATTENTION,
        arms.CONVOLUTION,
    ),
    (
        Measure("20 % of the cells", 0.2),
        Measure("5 % of the cells", 0.05),
        Measure("off the lattice, 20 %", 0.2, pattern="scattered"),
        Measure("in clusters, 20 %", 0.2, pattern="clusters"),
    ),
    NO_PRIOR.settings,
    NO_PRIOR.rate,
    validate_every=150,
    confirmed=(arms.BOTH_TRAPEZOIDAL, arms.ATTENTION),
)
STATION = Case(
    "E",
    "Trained on stations alone",
    "turbulence:600",
    None,
    (arms.NO_SCAN, arms.SWEEPS, arms.ATTENTION, arms.CONVOLUTION),
    (
        Measure(f"{STATIONS} stations", points=STATIONS, pattern="scattered"),
        Measure("20 stations", points=20, pattern="scattered"),
    ),
    validate_every=25,
    stations=True,
)
CASES = (PRIOR, BARE, MANY, SERIES, STATION)
