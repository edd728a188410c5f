"""The examples in docstrings run, and what a user meets first has one."""

import doctest
import importlib
from pathlib import Path

import pytest

import mamba_diffae as mda

ROOT = Path(mda.__file__).parent
MODULES = sorted(
    ".".join(["mamba_diffae", *file.relative_to(ROOT).with_suffix("").parts]).removesuffix(
        ".__init__"
    )
    for file in ROOT.rglob("*.py")
    if ">>>" in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    done = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert done.attempted > 0
    assert done.failed == 0


@pytest.mark.parametrize("name", [name for name in mda.__all__ if name != "scan"])
def test_a_public_name_has_an_example(name: str) -> None:
    public = getattr(mda, name)
    texts = [public.__doc__ or ""]
    if isinstance(public, type):
        texts += [getattr(member, "__doc__", "") or "" for member in vars(public).values()]
    assert any(">>>" in text for text in texts)
