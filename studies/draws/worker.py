"""One training of the study in a process of its own, with its scores.

    python -m studies.draws.worker pictures-energy-score --run runs/draws

The study starts these side by side, each with one thread on one core. What was stopped goes on.
"""

from __future__ import annotations

from mamba_diffae.benchmark import Request
from studies.common.worker_shell import asked_of_worker
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
    train_and_measure(*named(*asked_of_worker(__doc__, "FIELDS-ARM", PLANS)))


if __name__ == "__main__":
    main()
