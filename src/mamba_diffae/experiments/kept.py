"""Parts of an experiment that are done once, and found again when it is resumed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mamba_diffae.fields.atomic import atomic_file


def kept(path: Path, key: Mapping[str, Any], make: Callable[[], Any]) -> Any:
    """What was made for the same key before; else it is made, and kept.

    Args:
        path: A JSON file.
        key: All that the content depends on, JSON values.
        make: Makes the content, JSON values.
    """
    known = json.loads(json.dumps(key))
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["key"] == known:
            return found["content"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there, or not ours: it is made anew
    content = make()
    with atomic_file(path) as temporary:
        text = json.dumps({"key": known, "content": content}, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    return content
