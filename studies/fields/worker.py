"""The training of a case in a process of its own, with its scores.

    python -m studies.fields.worker weather --run runs/fields

The study starts these side by side, each with one thread on one core. What was stopped goes on.
"""

from __future__ import annotations

from mamba_diffae.benchmark import Request
from studies.common.worker_shell import asked_of_worker
from studies.fields.measuring import score_model
from studies.fields.plan import PLANS, CaseFolder


def named(name: str, request: Request) -> CaseFolder:
    """The folder of a case by its key, such as "weather".

    Raises:
        ValueError: If the study has no such case.
    """
    plan = PLANS[request.scale]
    cases = {case.key: case for case in plan.cases}
    if name not in cases:
        raise ValueError(f"The study has no case {name!r}; give one of {', '.join(cases)}.")
    return CaseFolder(request, plan, cases[name])


def main() -> None:
    """Train and score the one that is named."""
    folder = named(*asked_of_worker(__doc__, "CASE", PLANS))
    folder.train()
    score_model(folder)


if __name__ == "__main__":
    main()
