"""JSON that every reader takes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def plain_json(content: Any) -> str:
    r"""A text of strict JSON, in lines, with a line break at its end.

    What is no number (NaN, infinities) becomes null, for which JSON has no other word; text stays
    readable, and what is left of names that are no Unicode is escaped.

    >>> print(plain_json({"rmse": float("nan"), "name": "café"}), end="")
    {
     "rmse": null,
     "name": "café"
    }
    """
    strict = _strict(content)
    text = json.dumps(strict, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(strict, indent=1, allow_nan=False)
    return text + "\n"


def plain_line(content: Any) -> str:
    """The same in one line, for a file of many; `read_numbers` gives NaN back."""
    return json.dumps(_strict(content), allow_nan=False) + "\n"


def read_numbers(content: Any) -> Any:
    """What was read of content in which null stands for a number that is none: NaN again.

    >>> read_numbers({"loss": None, "scores": [1.5, None]})
    {'loss': nan, 'scores': [1.5, nan]}
    """
    if content is None:
        return math.nan
    if isinstance(content, Mapping):
        return {key: read_numbers(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [read_numbers(value) for value in content]
    return content


def _strict(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Mapping):
        return {key: _strict(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_strict(value) for value in content]
    return content
