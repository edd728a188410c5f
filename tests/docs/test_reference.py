"""The reference has every public name and every command, and names nothing that is not there."""

import importlib
import re
from pathlib import Path

import pytest
import typer

from mamba_diffae.cli.commands import app

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "reference").glob("*.md"))
PACKAGES = [page.stem for page in PAGES if page.stem != "shell"]
_DIRECTIVE = re.compile(r"\.\. (?:py:)?(?:auto)?(?:class|exception|function|data|type):: ([\w.]+)")
_MODULE = re.compile(r"\.\. (?:py:module|currentmodule):: ([\w.]+)")


def described(page: Path) -> set[str]:
    """Full names of what a page describes or, in its tables, leads to."""
    module, found, table = "", set(), False
    for line in page.read_text().splitlines():
        if match := _MODULE.match(line):
            module = match[1]
        elif match := _DIRECTIVE.match(line):
            found.add(match[1] if match[1].startswith("mamba_diffae.") else f"{module}.{match[1]}")
        elif table and re.fullmatch(r"   [\w.]+", line):
            found.add(f"{module}.{line.strip()}")
        table = line == ".. autosummary::" or (table and (not line or line.startswith("   ")))
    return found


def module_of(package: str):
    path = "mamba_diffae" if package == "mamba_diffae" else f"mamba_diffae.{package}"
    return importlib.import_module(path)


def loaded(name: str):
    """The object of a full name, some of whose parts may be modules not yet imported."""
    path, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(path), attribute)
    except ModuleNotFoundError:
        return getattr(loaded(path), attribute)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_on_its_page(package):
    page, module = DOCS / "reference" / f"{package}.md", module_of(package)
    short = {name.rpartition(".")[2] for name in described(page)}
    assert set(getattr(module, "__all__", [])) <= short


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_on_a_page_exists(package):
    for name in described(DOCS / "reference" / f"{package}.md"):
        loaded(name)


def test_every_package_has_a_page_and_every_page_is_in_the_contents():
    root = Path(module_of("mamba_diffae").__file__).parent
    packages = {path.parent.name for path in root.glob("*/__init__.py")} - {"cli", "studio"}
    assert packages | {"mamba_diffae", "registry"} == set(PACKAGES)
    contents = re.findall(r"<reference/(\w+)>", (DOCS / "reference.md").read_text())
    assert sorted(contents) == sorted(page.stem for page in PAGES)


def test_every_command_is_on_the_page_of_the_shell():
    text = (DOCS / "reference" / "shell.md").read_text()
    commands = list(typer.main.get_command(app).commands)
    assert re.findall(r"^\.\. shell-command:: (\w+)$", text, re.M) == commands
    assert re.findall(r"^## (\w+)$", text, re.M) == commands


@pytest.mark.parametrize("inventory", sorted((DOCS / "inventories").glob("*.inv")), ids=str)
def test_an_inventory_is_plain_text_in_order(inventory):
    head, lines = inventory.read_text().splitlines()[:3], inventory.read_text().splitlines()[3:]
    assert head[0] == "# Sphinx inventory version 1"
    assert head[1] == f"# Project: {inventory.stem}"
    assert lines == sorted(set(lines))
    assert all(len(line.split()) == 3 for line in lines)
