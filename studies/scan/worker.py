"""One training of the study in a process of its own, with its scores.

    python -m studies.scan.worker A-no-scan-0 --run runs/scan

The study starts these side by side, each with one thread on one core. What was stopped goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mamba_diffae.benchmark import Request
from mamba_diffae.sources import open_field
from studies.scan.measuring import train_and_measure
from studies.scan.plan import PLANS, CaseFolder, Planned


def named(name: str, request: Request) -> tuple[CaseFolder, Planned]:
    """A training by its name, such as "A-no-scan-0".

    Raises:
        ValueError: If the study has no such training.
    """
    plan = PLANS[request.scale]
    for case in plan.cases:
        for arm in case.arms:
            head, _, seed = name.rpartition("-")
            if head == f"{case.key}-{arm.key}" and seed.isdecimal():
                return CaseFolder(request, plan, case), Planned(case, arm, int(seed))
    first = plan.cases[0]
    raise ValueError(
        f"The study has no training {name!r}; give CASE-ENCODER-SEED, such as "
        f"{first.key}-{first.arms[0].key}-{request.seed}."
    )


def main() -> None:
    """Train and score the one that is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("name", help="CASE-ENCODER-SEED")
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
