"""The encoders that are compared: the preset with one part replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

_SCAN = "model.encoder=mamba"
_TRAPEZOIDAL = "model.encoder_options={discretisation: exponential-trapezoidal}"


@final
@dataclass(frozen=True)
class Arm:
    """An encoder.

    Attributes:
        key: Tells it from all others, also in names of files.
        label: As tables name it.
        settings: What is set otherwise than in the preset, as --set takes it.
    """

    key: str
    label: str
    settings: tuple[str, ...] = ()


NO_SCAN = Arm("no-scan", "no scan", ("model.encoder=pointwise",))
"""The cheapest: what all others are compared with."""
SWEEPS = Arm("sweeps", "four sweeps", (_SCAN,))
HILBERT = Arm(
    "hilbert", "Hilbert, both ways", (_SCAN, "model.directions=[hilbert,hilbert_reversed]")
)
TRAPEZOIDAL = Arm("trapezoidal", "four sweeps, exponential-trapezoidal", (_SCAN, _TRAPEZOIDAL))
ONE_DIRECTION = Arm("one-direction", "one direction", (_SCAN, "model.directions=[row]"))
ATTENTION = Arm("attention", "attention", ("model.encoder=attention",))
CONVOLUTION = Arm("convolution", "convolution", ("model.encoder=convcnp",))
BOTH_WAYS = Arm("sweeps", "both ways", (_SCAN, "model.directions=[row,row_reversed]"))
"""The sweeps of a single axis."""
BOTH_TRAPEZOIDAL = Arm(
    "trapezoidal",
    "both ways, exponential-trapezoidal",
    (*BOTH_WAYS.settings, _TRAPEZOIDAL),
)
