"""JSON that every reader takes."""

import json
import math

from mamba_diffae.fields.plain_json import plain_json, plain_line, read_numbers


def refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def test_what_is_no_number_is_null() -> None:
    content = {"a": [float("nan"), 1.5], "b": ({"c": float("inf")}, -float("inf")), "d": None}
    read = json.loads(plain_json(content), parse_constant=refuse)
    assert read == {"a": [None, 1.5], "b": [{"c": None}, None], "d": None}


def test_a_line_is_one_line_and_null_is_read_as_no_number() -> None:
    line = plain_line({"loss": float("inf"), "scores": [1.5, float("nan")], "name": "a\nb"})
    assert line.count("\n") == 1
    read = read_numbers(json.loads(line, parse_constant=refuse))
    assert math.isnan(read["loss"])
    assert read["scores"][0] == 1.5
    assert math.isnan(read["scores"][1])
    assert read["name"] == "a\nb"


def test_names_stay_readable_and_odd_ones_survive() -> None:
    assert "café" in plain_json({"name": "café"})
    odd = b"caf\xe9".decode("utf-8", "surrogateescape")
    text = plain_json({"name": odd, "other": "café"})
    assert json.loads(text.encode("utf-8")) == {"name": odd, "other": "café"}
