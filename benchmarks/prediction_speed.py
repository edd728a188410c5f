"""How fast a model answers, beside another edition of this package, in one alternating run.

    git worktree add ../first 8d2416e
    python benchmarks/prediction_speed.py --model runs/emoji/model --first ../first/src

CPU time of one thread; each turn is a new process, so that neither edition warms the other's
caches. Prints a table, and writes the numbers with `--json`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from statistics import median

TASKS = {
    "mean at 96², 20 % seen": (8, 0.2, 96),
    "mean at 96², 60 % seen": (8, 0.6, 96),
    "mean at 1,536², 20 % seen": (1, 0.2, 1536),
}
"""Fields at once, share of 32² cells observed, targets along each axis."""
ONCE = "loading and first answer"
POINTS = (4_096, 16_384, 65_536)
"""Scattered observations of one field, asked at 96²: how time grows with them."""
PROGRAM = textwrap.dedent(
    """
    import json, sys, time, warnings
    import numpy as np, torch
    import mamba_diffae

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    name, tasks, points = json.loads(sys.argv[1])
    fields = mamba_diffae.open_field("emoji").split("test")
    first = not hasattr(mamba_diffae, "Observations")

    def seen(count, fraction):
        return mamba_diffae.observe(fields.distinct(count), fraction, seed=0)

    given = {task: (seen(count, share), size) for task, (count, share, size) in tasks.items()}
    start = time.process_time()
    model = mamba_diffae.FieldAutoencoder.from_pretrained(name, device="cpu")

    def ask(observed, size):
        return model.predict(observed, targets=size)

    one = seen(1, 0.2)
    ask(one, 96)
    found = {"loading and first answer": time.process_time() - start}
    for task, (observed, size) in given.items():
        ask(observed, min(size, 96))
        count, times = len(observed), []
        for _ in range(1 if size > 96 else 4):
            start = time.process_time()
            ask(observed, size)
            times.append((time.process_time() - start) / count)
        found[task] = min(times)
    for count in points if not first else ():
        coords = np.random.default_rng(0).random((count, 2))
        image = fields.values[0].astype(float)
        cell = (coords * image.shape[:2]).astype(int)
        observed = mamba_diffae.Observations.from_points(coords, image[cell[:, 0], cell[:, 1]])
        start = time.process_time()
        ask(observed, 96)
        found[f"mean at 96², {count:,} scattered points"] = time.process_time() - start
    print(json.dumps(found))
    """
)


def measured(model: str, source: Path | None) -> dict[str, float]:
    """Seconds of a field for each task, in a process of its own."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    if source is not None:
        environment["PYTHONPATH"] = str(source.resolve())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([model, TASKS, POINTS])],
        env=environment,
        cwd="/",
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="emoji-96", help="name or folder of a model of today")
    parser.add_argument("--first", type=Path, help="src of the other edition, with its emoji-96")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = str(Path(options.model).resolve()) if Path(options.model).exists() else options.model
    editions = {"now": (model, None)}
    if options.first:
        editions["first"] = ("emoji-96", options.first)
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in editions}
    for _ in range(options.repeats):
        for name, edition in editions.items():
            turns[name].append(measured(*edition))
    table = {n: {t: median(turn[t] for turn in e) for t in e[0]} for n, e in turns.items()}
    for task in table["now"]:
        now, before = table["now"][task], table.get("first", {}).get(task)
        ratio = (
            "" if before is None else f"  first edition {before * 1e3:9.1f}  {before / now:5.2f} ×"
        )
        print(f"{task:28s}{now * 1e3:9.1f} ms of processor time{ratio}")
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
