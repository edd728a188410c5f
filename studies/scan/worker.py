"""One training of the study in a process of its own, with its scores.

    python -m studies.scan.worker A-no-scan-0 --run runs/scan

The study starts these side by side, each with one thread on one core. What was stopped goes on.
"""

from __future__ import annotations

from mamba_diffae.benchmark import Request
from studies.common.worker_shell import asked_of_worker
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
    train_and_measure(*named(*asked_of_worker(__doc__, "CASE-ENCODER-SEED", PLANS)))


if __name__ == "__main__":
    main()
