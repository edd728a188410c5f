"""The page of what is done so far, without any further training.

python -m studies.scan --run runs/scan
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mamba_diffae.benchmark import Request, save_page
from mamba_diffae.sources import open_field
from mamba_diffae.training import Run
from studies.scan.report import page
from studies.scan.study import ScanStudy


def main() -> None:
    """Write it into the folder of the study."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of the study")
    parser.add_argument("--device", default="auto", help="that the study was begun with")
    given = parser.parse_args()
    facts = Run.open(given.run).facts
    request = Request(
        given.run,
        open_field(facts["source"]),
        facts["source"],
        facts["scale"],
        facts["seed"],
        given.device,
    )
    save_page(page(ScanStudy(request).result()), given.run)


if __name__ == "__main__":
    main()
