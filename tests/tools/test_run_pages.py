"""Pages: what blocks print goes below them; shell lines are found; outputs are compared."""

import pytest

from tools.run_pages import alike, blocks, renew, run_python, shell_lines

PAGE = """# Page

```python
print("two", 1 + 1)
```

```text
two 3
```

```python
left = 5
```

```
mamba-diffae fit a.npz \\
    --run b    # a comment
other --run c
```
"""


@pytest.fixture
def page(tmp_path):
    file = tmp_path / "page.md"
    file.write_text(PAGE)
    return file


def test_blocks_run_in_order_with_what_the_page_says_of_them(page):
    names, outputs = run_python(page)
    assert names["left"] == 5
    assert outputs == [("two 2\n", "two 3\n"), ("", None)]


def test_what_is_printed_is_written_below_and_nothing_else_changes(page):
    renew(page)
    assert page.read_text() == PAGE.replace("two 3", "two 2")


def test_commands_are_found_and_continued_ones_joined(page):
    ours, other = ["mamba-diffae", "fit", "a.npz", "--run", "b"], ["other", "--run", "c"]
    assert [line.split() for line in shell_lines(page)] == [ours, other]
    assert [line.split() for line in shell_lines(page, "mamba-diffae")] == [ours]


def test_a_directive_is_a_block_and_what_stands_below_it_is_none(page):
    page.write_text("```{toctree}\na\n```\n\ntext\n\n```sh\nb\n```\n")
    assert blocks(page) == [("{toctree}", "a\n"), ("sh", "b\n")]


@pytest.mark.parametrize(
    ("printed", "same"),
    [("RMSE 1.1 K", True), ("RMSE  0.9 K\n", True), ("RMSE 2 K", False), ("MAE 1 K", False)],
)
def test_words_are_the_same_and_numbers_about_the_same(printed, same):
    assert alike(printed, "RMSE 1.0 K") is same
