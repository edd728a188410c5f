"""Parts by name: those of the package, registered ones, entry points."""

import math
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from mamba_diffae import registry
from mamba_diffae.registry import Registry, load, unknown


def roots():
    return Registry("root", "example.roots", {"square": "math:sqrt", "cube": "math:cbrt"})


def test_a_part_of_the_package_is_imported_when_asked_for():
    assert roots().get("square") is math.sqrt
    missing = Registry("root", "example.roots", {"square": "no_such_module:sqrt"})
    assert missing.names() == ["square"]
    with pytest.raises(ValueError, match="'no_such_module:sqrt' could not be loaded"):
        missing.get("square")


def test_parts_can_be_registered_once():
    parts = roots()
    assert parts.register("fourth", math.log) is math.log
    assert parts.register("fourth", math.log) is math.log
    assert parts.get("fourth") is math.log
    assert parts.names() == ["square", "cube", "fourth"]
    for name in ("fourth", "square"):
        with pytest.raises(ValueError, match=f"root '{name}' is there already; give another name"):
            parts.register(name, math.exp)


def test_parts_of_other_packages_are_found(monkeypatch):
    points = EntryPoints([EntryPoint("log", "math:log", "example.roots")])
    monkeypatch.setattr(registry, "entry_points", points.select)
    assert roots().get("log") is math.log
    assert roots().names() == ["square", "cube", "log"]


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(
        ValueError, match=r"Unknown root 'sqare'; did you mean 'square'\? Valid: sq"
    ):
        roots().get("sqare")
    assert "did you mean" not in str(unknown("root", "zzz", ["square"]))


@pytest.mark.parametrize("path", ["math", ":sqrt", "math:", ""])
def test_a_path_has_a_module_and_an_attribute(path):
    with pytest.raises(ValueError, match="names no part; expected module:attribute"):
        load(path)


@pytest.mark.parametrize("path", ["math:no_such", "no.such.module:sqrt"])
def test_what_is_not_there_cannot_be_loaded(path):
    with pytest.raises(ValueError, match="could not be loaded"):
        load(path)
