"""Coverage-guided damage at every reader: no crash, no memory beyond what a header announces.

    python tools/fuzz_readers.py [--kind npz] [--seconds 180] [--seed 0] [--out findings.txt]

With atheris (`pip install atheris`; version 3.0.0 installs on Python 3.11) libFuzzer mutates the
files by the coverage of the package's own code; without it a seeded loop damages them. Either way
each input is read in this process: an error of another kind than `tools.fuzz` accepts is a finding,
as is a peak of memory above four times the values read or the bytes of the file, whichever is more,
and above 64 MiB. libFuzzer ends the process itself, with its own exit code: look at what is told.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file

from tools.fuzz.files import harm
from tools.fuzz.samples import MAKERS, Sample, samples
from tools.fuzz.verdict import is_named

FACTOR = 4
"""Times the values read, or the bytes of the file, which may be taken."""
LEAST = 2**26
"""Bytes that any reader may take: what its libraries hold, and arrays of a few kilobytes."""


def targets(kind: str) -> Iterator[tuple[Sample, str]]:
    """Samples whose kind holds a text, with each file that may be damaged."""
    for sample in itertools.chain.from_iterable(samples(make) for make in MAKERS):
        if kind in sample.name:
            yield from ((sample, name) for name in sample.harmed)


def size_of(found: object) -> int:
    """Bytes of the values that were read; 0 if there are none."""
    values = getattr(found, "values", found)
    return int(getattr(values, "nbytes", 0))


def tried(sample: Sample, name: str, content: bytes) -> str | None:
    """What is wrong with how some bytes are read, or None."""
    tracemalloc.start()
    try:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            size = size_of(sample.open(Path(folder), {name: content}))
    except Exception as error:
        if not is_named(error):
            return f"{type(error).__name__}: {str(error)[:300]}"
        size = 0
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    allowed = max(LEAST, FACTOR * max(size, len(content)))
    return f"took {peak:,} bytes, {allowed:,} were allowed" if peak > allowed else None


def loop(kind: str, seconds: float, seed: int, tell: Callable[[str], None]) -> int:
    """Damage files by seeds, one kind after the other; how many inputs there were."""
    chosen, end = list(targets(kind)), time.monotonic() + seconds
    for key in itertools.count(seed):
        if time.monotonic() > end:
            return key - seed
        sample, name = chosen[key % len(chosen)]
        wrong = tried(sample, name, harm(sample.files[name], key))
        if wrong:
            tell(f"{sample.name} {name} harmed by seed {key}: {wrong}")
    raise AssertionError


def guided(kind: str, seconds: float, seed: int, tell: Callable[[str], None]) -> None:
    """Let libFuzzer choose the bytes; it ends the process when the time is over."""
    import atheris  # pyright: ignore[reportMissingModuleSource]

    chosen = list(targets(kind))
    corpus = Path(tempfile.mkdtemp(prefix="corpus-"))
    for number, (sample, name) in enumerate(chosen):
        (corpus / str(number)).write_bytes(bytes([number % 256]) + sample.files[name])

    def once(content: bytes) -> None:
        if not content:
            return
        sample, name = chosen[content[0] % len(chosen)]
        wrong = tried(sample, name, content[1:])
        if wrong:
            kept = Path(tempfile.gettempdir(), f"finding-{os.getpid()}-{time.monotonic_ns()}")
            kept.write_bytes(content[1:])
            tell(f"{sample.name} {name}, bytes in {kept}: {wrong}")

    options = [
        f"-max_total_time={seconds:.0f}",
        f"-seed={seed + 1}",
        "-max_len=65536",
        # tracemalloc itself keeps some 20 kB of every run; what a reader takes is measured by run.
        "-rss_limit_mb=8192",
        "-verbosity=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], once)
    atheris.Fuzz()


def instrumented() -> bool:
    """Whether atheris is there; the package's readers then have its probes."""
    try:
        import atheris  # pyright: ignore[reportMissingModuleSource]
    except ImportError:
        return False
    probe: Callable[[Any], Any] = getattr(atheris, "instrument_func")  # noqa: B009
    # Those that were imported with the samples are probed function by function.
    for name, module in list(sys.modules.items()):
        if name.startswith(("mamba_diffae.sources", "mamba_diffae.fields.tables")):
            for key, value in list(vars(module).items()):
                if getattr(value, "__module__", None) == name and hasattr(value, "__code__"):
                    setattr(module, key, probe(value))
    return True


def main() -> int:
    """Read damaged files for a while; 1 if there are findings."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", default="", help="only samples whose name holds this")
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a file to add the findings to")
    parser.add_argument("--plain", action="store_true", help="without atheris, even if it is there")
    given, found = parser.parse_args(), []

    def tell(text: str) -> None:
        found.append(text)
        print(text, flush=True)
        if given.out:
            with given.out.open("a", encoding="utf-8") as file:
                file.write(text + "\n")

    if not given.plain and instrumented():
        guided(given.kind, given.seconds, given.seed, tell)
    else:
        count = loop(given.kind, given.seconds, given.seed, tell)
        print(f"{count} inputs in {given.seconds:.0f} s, {len(found)} findings")
    return min(1, len(found))


if __name__ == "__main__":
    sys.exit(main())
