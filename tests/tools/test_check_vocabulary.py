"""Words that are not used are found in names, docstrings and comments, and nowhere else."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "tools" / "check_vocabulary.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("check_vocabulary", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOURCE = '''"""A palette of values."""
def kinTogether(rows):  # they are kin
    palette_size = "palette"
    return rows.palette
'''


def test_names_and_texts_are_read(tool) -> None:
    words = tool.vocabulary("# remark\npalette | histogram | both\nkin | group | names\n")
    found = [(f.line, f.word.word, f.found) for f in tool.check(SOURCE, words)]
    assert found == [
        (1, "palette", "A palette of values."),
        (2, "kin", "kinTogether"),
        (3, "palette", "palette_size"),
    ]


def test_a_bad_line_is_named(tool) -> None:
    with pytest.raises(ValueError, match=r"line 2: 'kin'; expected word"):
        tool.vocabulary("palette | histogram | both\nkin\n")


def test_the_code_holds_to_its_words(tool, capsys) -> None:
    assert tool.main([]) == 0, capsys.readouterr().out
