"""Draws at equal cost: train what is not trained yet, or show what is done so far.

python -m studies.draws --run runs/draws --scale standard
python -m studies.draws --run runs/draws --page
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mamba_diffae.benchmark import Request, save_page
from mamba_diffae.sources import open_field
from mamba_diffae.training import Run
from studies.draws.equal_cost import EqualCostStudy
from studies.draws.equal_cost_report import page
from studies.draws.plan import PLANS


def main() -> None:
    """Write the page into the folder of the study."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of the study")
    parser.add_argument("--source", default="emoji", help="of the pictures; of a new folder")
    parser.add_argument("--scale", choices=tuple(PLANS), default="standard", help="likewise")
    parser.add_argument("--seed", type=int, default=0, help="likewise")
    parser.add_argument("--device", default="auto", help="that the study was begun with")
    parser.add_argument("--page", action="store_true", help="train nothing")
    given = parser.parse_args()
    if not (given.run / "run.json").is_file():
        asked = {"scale": given.scale, "seed": given.seed, "source": given.source}
        Run.create(given.run, {"experiment": "draws", **asked, "model": None, "prior": None})
    facts = Run.open(given.run).facts
    source, scale, seed = facts["source"], facts["scale"], facts["seed"]
    request = Request(given.run, open_field(source), source, scale, seed, given.device)
    study = EqualCostStudy(request)
    if not given.page:
        study.train(_tell)
    save_page(page(study.result()), given.run)


def _tell(done: str) -> None:
    sys.stderr.write(f"{done}\n")


if __name__ == "__main__":
    main()
