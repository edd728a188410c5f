"""Bits that flip in files, files that are cut short: whatever reads them must refuse them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

_ADVICE = re.compile("copy (it|them) again|Restore|train it again|save the model again")
_TEXTS = {".md"}
"""Endings of files that are for readers alone."""


def accepted(folder: Path, load: Callable[[], object], count: int, seed: int) -> list[str]:
    """Damage the files of a folder, one at a time, and have them read.

    Three in four times a bit flips, else a file is cut short. Damage of JSON that leaves what it
    says, as the case of an exponent does, is none.

    Args:
        folder: Its files are as they were afterwards.
        load: Reads all of them; what it raises is to be a ValueError that says what to do.
        count: How often.
        seed: Of where.

    Returns:
        What was read all the same, or refused otherwise, in words.
    """
    rng = np.random.default_rng(seed)
    files = [file for file in sorted(folder.iterdir()) if file.suffix not in _TEXTS]
    found = []
    for number in range(count):
        file = files[rng.integers(len(files))]
        whole = file.read_bytes()
        what, broken = _damage(whole, rng, cut=number % 4 == 3)
        if file.suffix == ".json" and _said(broken) == _said(whole):
            continue
        file.write_bytes(broken)
        try:
            load()
        except ValueError as error:
            if not _ADVICE.search(str(error)):
                found.append(f"{file.name}, {what}: no advice in {error}")
        except Exception as error:
            found.append(f"{file.name}, {what}: {type(error).__name__}: {error}")
        else:
            found.append(f"{file.name}, {what}: was read")
        finally:
            file.write_bytes(whole)
    return found


def _damage(content: bytes, rng: np.random.Generator, *, cut: bool) -> tuple[str, bytes]:
    """What is done, in words, and what is left."""
    if cut:
        kept = int(rng.integers(len(content)))
        return f"cut to {kept} of {len(content)} bytes", content[:kept]
    place, bit = divmod(int(rng.integers(8 * len(content))), 8)
    flipped = bytes([content[place] ^ 1 << bit])
    return f"bit {bit} of byte {place}", content[:place] + flipped + content[place + 1 :]


def _said(content: bytes) -> object:
    """What JSON says; the bytes themselves if it is none."""
    try:
        return json.loads(content)
    except ValueError:
        return content
