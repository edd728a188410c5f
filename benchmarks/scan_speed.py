"""Time `selective_scan` beside its peers: one run, alternating repeats, CPU and wall time, memory.

    python benchmarks/scan_speed.py --threads 1 --json benchmarks/scan_speed.json

Prints tables and writes JSON; asserts nothing. Ratios are medians over the repeats of (peer / ours)
in the same repeat, so load that comes and goes falls on both. On a CPU they compare CPU time.
"""

import argparse
import ctypes
import json
import platform
import re
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from scan_peers import PEERS, Call, Size, directions, ours

SIZES = (
    Size(4, 256, 256),
    Size(4, 1024, 256),
    Size(4, 4096, 256),
    Size(1, 4096, 1024),
    Size(4, 16384, 256),
)
SHORTEST = 0.1  # seconds that a measurement lasts
OURS, FOUR = "selective_scan", "four directions"
# (peer, least ratio of forward + backward at length L)
TARGETS = (
    *(("mambapy", 256, 25), ("mambapy", 4096, 40)),
    *(("chunked SSD", 256, 1.7), ("chunked SSD", 1024, 1.7), ("chunked SSD", 4096, 1.7)),
    *(("SDPA", 256, 1.8), ("SDPA", 1024, 6), ("SDPA", 4096, 25)),
    *(("dense LTI", 256, 4), ("dense LTI", 1024, 50)),
)
MOST_MEMORY = 4.5  # times x, forward and backward, one direction
MOST_PER_DIRECTION = 1.25  # four directions against four bare scans

Times = dict[str, dict[str, list[float]]]


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads or torch.get_num_threads())
    report = {"hardware": _hardware(options.device), "repeats": options.repeats, "sizes": []}
    print("\n".join(f"{name}: {value}" for name, value in report["hardware"].items()))
    for size in SIZES:
        if size.length <= options.longest:
            report["sizes"].append(measure(size, options.device, options.repeats))
            print(_table(report["sizes"][-1]))
    print(_targets(report["sizes"]))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def measure(size: Size, device: str, repeats: int) -> dict[str, Any]:
    """Times and peak memory of every way to run at one size."""
    calls = {OURS: ours(size, device), FOUR: directions(size, device)}
    for name, peer in PEERS.items():
        obstacle = peer.obstacle(size, device)
        if obstacle is None:
            calls[name] = peer.make(size, device)
        else:
            print(f"{name} is left out at L = {size.length}: {obstacle}")
    jobs = {name: (_forward(call), _both(call)) for name, call in calls.items()}
    x_bytes = 4 * size.batch * size.length * size.channels
    memory = {
        name: [_peak_memory(job, device) / x_bytes for job in pair] for name, pair in jobs.items()
    }
    times: Times = {name: {key: [] for key in _KEYS} for name in jobs}
    for _ in range(repeats):  # alternating, so that load falls on all alike
        for name, pair in jobs.items():
            for stage, job in zip(("forward", "both"), pair, strict=True):
                wall, cpu = _time(job, device)
                times[name][f"{stage}_wall"].append(wall)
                times[name][f"{stage}_cpu"].append(cpu)
    rows = {name: _row(times, name, memory[name], device) for name in jobs}
    result = {"size": str(size), "length": size.length, "states": size.states, "rows": rows}
    if device.startswith("cuda"):
        result["bound"] = _fraction_of_bound(size, times[OURS])
    return result


_KEYS = ("forward_wall", "forward_cpu", "both_wall", "both_cpu")


def _row(times: Times, name: str, memory: list[float], device: str) -> dict[str, float]:
    clock = "wall" if device.startswith("cuda") else "cpu"
    row = {f"{key}_ms": 1e3 * statistics.median(times[name][key]) for key in _KEYS}
    for stage in ("forward", "both"):
        key = f"{stage}_{clock}"
        pairs = zip(times[name][key], times[OURS][key], strict=True)
        row[f"{stage}_ratio"] = statistics.median(peer / own for peer, own in pairs)
    return row | {"forward_memory": memory[0], "both_memory": memory[1]}


def _forward(call: Call) -> Callable[[], object]:
    def run() -> object:
        with torch.no_grad():
            return call.forward()

    return run


def _both(call: Call) -> Callable[[], object]:
    dy = torch.randn_like(call.forward().detach())
    return lambda: torch.autograd.grad(call.forward(), call.leaves, dy)


def _time(job: Callable[[], object], device: str) -> tuple[float, float]:
    """Seconds of wall time and of CPU time (all threads) a run, after one to warm the caches."""
    job()
    runs, cpu, wall = 0, time.process_time(), time.perf_counter()
    spent = 0.0
    while spent < SHORTEST:
        job()
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        runs, spent = runs + 1, time.perf_counter() - wall
    return spent / runs, (time.process_time() - cpu) / runs


def _peak_memory(job: Callable[[], object], device: str) -> float:
    """Bytes above what was held before, at the worst moment of a run (after one to warm up)."""
    job()
    if device.startswith("cuda"):
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        job()
        return torch.cuda.max_memory_allocated(device) - before
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        return float("nan")
    ctypes.CDLL(None).malloc_trim(0)  # hand free memory back, or the run would use it unseen
    reset.write_text("5")  # the peak starts anew
    before = _kilobytes(status, "VmRSS")
    job()
    return 1024.0 * (_kilobytes(status, "VmHWM") - before)


def _kilobytes(status: Path, name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", status.read_text())
    return int(found.group(1)) if found else 0


def _fraction_of_bound(size: Size, times: dict[str, list[float]]) -> dict[str, float]:
    """Time over the larger of the memory and the exponential bound, forward and both passes."""
    chip = torch.cuda.get_device_properties(0)
    values = size.batch * size.length * size.channels
    per_second = 16 * chip.multi_processor_count * 1e3 * chip.clock_rate  # exp2 of all units
    bandwidth = 2 * 1e3 * chip.memory_clock_rate * chip.memory_bus_width / 8
    forward = max(values * size.states / per_second, 3 * 4 * values / bandwidth)
    backward = max(values * size.states / per_second, 5 * 4 * values / bandwidth)
    return {
        "forward": statistics.median(times["forward_wall"]) / forward,
        "both": statistics.median(times["both_wall"]) / (forward + backward),
    }


def _table(result: dict[str, Any]) -> str:
    head = f"\nB, L, D = {result['size']}; N = {result['states']}; forward / forward + backward"
    lines = [head, "| | wall ms | CPU ms | slower × | extra memory / x |", "|---|---|---|---|---|"]
    for name, row in result["rows"].items():
        cells = (
            f"{row[f'forward_{kind}']:{form}} / {row[f'both_{kind}']:{form}}"
            for kind, form in (("wall_ms", ".1f"), ("cpu_ms", ".1f"), ("ratio", ".2f"))
        )
        memory = f"{row['forward_memory']:.1f} / {row['both_memory']:.1f}"
        lines.append(f"| {name} | {' | '.join(cells)} | {memory} |")
    if "bound" in result:
        lines.append(f"times the bound: {result['bound']}")
    return "\n".join(lines)


def _targets(results: list[dict[str, Any]]) -> str:
    """Every target beside what was measured; the first size of each length counts."""
    by_length = {result["length"]: result["rows"] for result in reversed(results)}
    lines = ["", "| target (forward + backward) | wanted | measured |", "|---|---|---|"]
    for name, length, least in TARGETS:
        if name in by_length.get(length, {}):
            ratio = by_length[length][name]["both_ratio"]
            lines.append(f"| {name}, L = {length} | ≥ {least} × | {ratio:.2f} × |")
    for length, rows in sorted(by_length.items()):
        one, four = rows[OURS]["both_memory"], rows[FOUR]["both_memory"]
        each = (four - one) / 3
        lines.append(f"| memory, L = {length} | ≤ {MOST_MEMORY} x | {one:.2f} x, + {each:.2f} |")
        ratio = rows[FOUR]["both_ratio"] / 4
        lines.append(
            f"| four directions, L = {length} | ≤ {MOST_PER_DIRECTION} × | {ratio:.2f} × |"
        )
    return "\n".join(lines)


def _hardware(device: str) -> dict[str, str]:
    found = re.search(r"model name\s*: (.*)", _read(Path("/proc/cpuinfo")))
    hardware = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": found.group(1) if found else platform.processor(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "threads": str(torch.get_num_threads()),
        "torch": torch.__version__,
    }
    return hardware | ({"card": torch.cuda.get_device_name(device)} if "cuda" in device else {})


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, help="default: torch's own number")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--longest", type=int, default=16384, help="skip longer sequences")
    parser.add_argument("--json", type=Path, help="where to write the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
