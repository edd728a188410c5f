"""Ways to learn draws: each goes on from the same network, in which the mean has learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from studies.draws.objective import NAME, NOISE
from studies.draws.prior_flow import NAME as PRIOR_START


@final
@dataclass(frozen=True)
class Arm:
    """One training.

    Attributes:
        key: Tells it from all others, also in names of files.
        label: As tables name it.
        phase: That is trained.
        settings: What is set otherwise than in the preset, as --set takes it.
        rate: Learning rate, in rates of the preset.
    """

    key: str
    label: str
    phase: Literal["autoencoder", "ensemble", "flow"] = "ensemble"
    settings: tuple[str, ...] = ()
    rate: float = 1.0


def _weighted(*left_out: str) -> tuple[str, ...]:
    """The energy score without some kinds of vectors."""
    weights = ", ".join(f"{kind}: 0" for kind in left_out)
    return (f"ensemble.objective_options={{weights: {{{weights}}}}}",)


def _ablated(options: str) -> tuple[str, ...]:
    """The energy score with what its own settings cannot change."""
    return f"ensemble.objective={NAME}", f"ensemble.objective_options={{{options}}}"


START = Arm("phase-1", "phase 1", "autoencoder")
"""What all others begin from."""
FLOW = Arm("flow", "flow", "flow")
PRIOR_FLOW = Arm(
    "prior-flow", "flow from the prior's draw", "flow", settings=(f"flow.objective={PRIOR_START}",)
)
SCORE = Arm("energy-score", "energy score")
"""The default of phase `ensemble`, which the other energy scores change in one respect each."""
PIXELS = Arm(
    "pixels-alone",
    "pixels alone",
    settings=_weighted("patches", "neighbours", "bands", "whole"),
)
NO_TOKEN_NOISE = Arm(
    "no-token-noise", "no noise of tokens", settings=_ablated(f"frozen: [{NOISE[0]}]")
)
NO_BANDS = Arm("no-bands", "without bands", settings=_weighted("bands"))
NO_PATCHES = Arm("no-patches", "without patches", settings=_weighted("patches"))
MAIN_ARMS = (FLOW, PRIOR_FLOW, SCORE, NO_BANDS, NO_PATCHES, PIXELS, NO_TOKEN_NOISE)
ARMS = (
    *MAIN_ARMS,
    Arm("no-neighbours", "without neighbours", settings=_weighted("neighbours")),
    Arm("alpha-1", "α = 1 from the start", settings=("ensemble.objective_options={alpha: 1.0}",)),
    Arm("alpha-0.9", "α = 0.9 throughout", settings=_ablated("alpha: 0.9, rises: false")),
    Arm("no-noise", "no noise at all", settings=_ablated(f"frozen: [{', '.join(NOISE)}]")),
    Arm("rate-half", "half the rate", rate=0.5),
    Arm("rate-twice", "twice the rate", rate=2.0),
)
