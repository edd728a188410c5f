"""Many made-up inputs at every door: only finite answers, or errors that say what to do.

    python -m tools.fuzz --count 10000 --shell 1000 [--seed 0] [--door predict] [--out findings.txt]

Each input is drawn by hypothesis from a seed of its own, from --seed on. A finding is told with
that seed: `--count 1 --seed K` makes it again (with the same --door, or `--shell 1`).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tools.fuzz.driver import Report, doors, run


def main() -> int:
    """Run what was asked; 1 if there are findings."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=0, help="inputs through the Python door")
    parser.add_argument("--shell", type=int, default=0, help="lines through the shell")
    parser.add_argument("--seed", type=int, default=0, help="of the first input")
    parser.add_argument("--door", default="", help="only doors whose name holds this")
    parser.add_argument("--out", type=Path, help="a file to add the findings to as they come")
    given = parser.parse_args()
    begun, found = time.monotonic(), 0
    for kind, count in (("python", given.count), ("shell", given.shell)):
        if not count:
            continue
        report, keys = Report(), range(given.seed, given.seed + count)
        with suppress(KeyboardInterrupt):  # stopped by Ctrl-C, it tells what there was
            for told in run(doors(kind, given.door), keys, report):
                print(told, flush=True)
                if given.out:
                    with given.out.open("a", encoding="utf-8") as file:
                        file.write(told + "\n")
        print(report.summary(time.monotonic() - begun))
        often = Counter(f"{f.door}: {f.what}"[:160] for f in report.findings.values())
        print("\n".join(f"{n:5} × {what}" for what, n in often.most_common(40)))
        found += len(report.findings)
    return min(1, found)


if __name__ == "__main__":
    sys.exit(main())
