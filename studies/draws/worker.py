"""One training of the study in a process of its own, with its scores.

    python -m studies.draws.worker pictures-energy-score --run runs/draws

The study starts these side by side, each with one thread on one core. What was stopped goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mamba_diffae.benchmark import Request
from mamba_diffae.sources import open_field
from studies.draws.measuring import train_and_measure
from studies.draws.plan import PLANS, CaseFolder, Planned, planned


def named(name: str, request: Request) -> tuple[CaseFolder, Planned]:
    """A training by its name, such as "pictures-energy-score".

    Raises:
        ValueError: If the study has no such training.
    """
    plan = PLANS[request.scale]
    trainings = {p.name: p for p in planned(plan)}
    if name not in trainings:
        raise ValueError(f"The study has no training {name!r}; give one of {', '.join(trainings)}.")
    return CaseFolder(request, plan, trainings[name].case), trainings[name]


def main() -> None:
    """Train and score the one that is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("name", help="FIELDS-ARM")
    parser.add_argument("--run", type=Path, required=True, help="folder of the study")
    parser.add_argument("--source", default="emoji", help="of the pictures")
    parser.add_argument("--scale", choices=tuple(PLANS), default="standard")
    parser.add_argument("--seed", type=int, default=0, help="of the study")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--resume", action="store_true", help="as always")
    given = parser.parse_args()
    asked = Request(
        given.run, open_field(given.source), given.source, given.scale, given.seed, given.device
    )
    train_and_measure(*named(given.name, asked))


if __name__ == "__main__":
    main()
