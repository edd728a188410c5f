"""JSON that every reader takes."""

import json

from mamba_diffae.fields.plain_json import plain_json


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def test_what_is_no_number_is_null() -> None:
    content = {"a": [float("nan"), 1.5], "b": ({"c": float("inf")}, -float("inf")), "d": None}
    read = json.loads(plain_json(content), parse_constant=refuse)
    assert read == {"a": [None, 1.5], "b": [{"c": None}, None], "d": None}


def test_names_stay_readable_and_odd_ones_survive() -> None:
    assert "café" in plain_json({"name": "café"})
    odd = b"caf\xe9".decode("utf-8", "surrogateescape")
    text = plain_json({"name": odd, "other": "café"})
    assert json.loads(text.encode("utf-8")) == {"name": odd, "other": "café"}
