import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from mamba_diffae.benchmark.page import ImageGrid, Page, Table
from mamba_diffae.benchmark.profiles import HEIGHT, WIDTH
from mamba_diffae.evaluation import Interval
from mamba_diffae.report import write_report
from mamba_diffae.report.html import png_uri, render
from mamba_diffae.report.tables import ScoreTable, cell, decibel, interval, number

VOID = {"meta", "img", "br", "link", "hr"}


class Tags(HTMLParser):
    """Collects tags and attributes, and fails where a tag is closed that is not open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_text_of_the_result_never_becomes_markup(result):
    text = render(result)
    page = Tags(text)
    assert "script" not in page.tags
    assert "em" not in page.tags
    assert "&lt;script&gt;" in text
    assert "A title &amp; more" in text
    assert "3 &lt; 4" in text


def test_the_page_loads_nothing(result):
    text = render(result)
    assert not re.search(r"(https?:)?//[a-z]", text)
    for tag, name, value in Tags(text).attributes:
        if name in ("src", "href"):
            assert value.startswith("data:image/png;base64," if tag == "img" else "#")
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))
    assert "@import" not in text


def test_the_page_holds_all_numbers(result):
    text = render(result)
    for s in result.scores[:4]:
        shown = (
            f"{s.psnr.mean:.2f}",
            interval(s.psnr, 1),
            f"{s.ssim.mean:.3f}",
            interval(s.ssim, 2),
        )
        assert all(piece in text for piece in shown)
    for piece in (
        "20.94",
        "20.1 – 21.8",
        "1.04",
        "1.17",
        "0.83",
        "0.91",
        "0.87",
        "1.13",
        "64 fields",
    ):
        assert piece in text
    assert "exact" in text
    assert "19.37" in text  # spoken by the alternative text of the curve


def test_the_best_of_each_column_is_marked_and_an_oracle_never(result):
    marked = re.findall(r'<strong class="best">([^<]*)</strong>', render(result))
    assert marked == ["this", "17.92", "0.179", "23.63", "0.236"]


def test_fields_of_any_shape_are_told_by_their_cells(result):
    scores = [replace(s, shape=(s.scale // 2, s.scale), ssim=None) for s in result.scores]
    draws = [replace(draw, shape=(96,)) for draw in result.draws]
    text = render(replace(result, scores=scores, draws=draws))
    assert "16 × 32" in text
    assert "48 × 96" in text
    assert "96 cells" in text
    assert "SSIM" not in text
    assert "skill (1 − squared error / variance of the truth)" in text
    assert '<strong class="best">0.500</strong>' in text


def test_sheets_of_many_columns_shrink_and_scroll_within_the_page(result):
    wide = ImageGrid("w", "", list("abcdefgh"), ["r"], [[np.zeros((4, 4, 3))] * 8])
    drawing = ImageGrid("d", "", ["a"] * 9, ["r"], [[np.zeros((HEIGHT, WIDTH, 3))] * 9])
    styles = [
        value
        for tag, name, value in Tags(render(replace(result, panels=[wide, drawing]))).attributes
        if name == "style" and "--columns" in value
    ]
    assert styles == [
        "--side: 96px; --least: 56px; --columns: 8",
        f"--side: {WIDTH // 2}px; --least: 140px; --columns: 9",
    ]
    css = re.search(r"<style>(.*?)</style>", render(result), flags=re.DOTALL)
    assert css
    assert re.search(r"\.wide \{[^}]*overflow-x: auto", css[1])
    assert re.search(r"\.sheet \.wide \{[^}]*max-width: 100%", css[1])


def test_every_picture_has_an_alternative_text_and_its_own_size(result):
    images = [a for a in Tags(render(result)).attributes if a[0] == "img"]
    assert [v for _, name, v in images if name == "alt"] == ["a: truth", "a: ours", "b: ours"]
    assert [v for _, name, v in images if name == "width"] == ["8", "5", "8"]


def test_curves_follow_the_colours_of_the_page(result):
    drawings = re.findall(r"<svg.*?</svg>", render(result), flags=re.DOTALL)
    assert len(drawings) == 4  # two scales, one loss, one validation
    for svg in drawings:
        assert "var(--ink)" in svg or "var(--soft)" in svg
        assert not re.search(r"(fill|stroke): #(?!fff)", svg)


def test_a_result_of_words_alone_is_a_page_too():
    text = render(Page("Title", "Why?", [], []))
    Tags(text)
    assert "<table" not in text
    assert "<figure" not in text


def test_a_page_that_stands_is_not_replaced_unasked(result, tmp_path):
    path = tmp_path / "new" / "report.html"
    write_report(result, path)
    first = path.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match=r"report\.html exists already.*--overwrite"):
        write_report(Page("Another", "", [], []), path)
    assert path.read_text(encoding="utf-8") == first
    write_report(Page("Another", "", [], []), path, overwrite=True)
    assert "<h1>Another</h1>" in path.read_text(encoding="utf-8")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_picture_keeps_every_pixel(channels):
    picture = np.random.default_rng(0).uniform(-0.2, 1.2, (7, 9, channels))
    packed = base64.b64decode(png_uri(picture).removeprefix("data:image/png;base64,"))
    shown = np.asarray(Image.open(io.BytesIO(packed)), dtype=float) / 255
    expected = picture if channels == 3 else picture[..., 0]
    np.testing.assert_allclose(shown, np.clip(expected, 0, 1), atol=0.5 / 255 + 1e-9)


def test_numbers_as_a_reader_expects_them():
    assert number(-1.234, 2) == "−1.23"
    assert number(float("nan"), 2) == "–"
    assert decibel(100.0) == "exact"
    assert interval(Interval(0.5, 0.41, 0.62), 1) == "0.4 – 0.6"


def test_a_table_shows_words_and_whole_numbers_as_they_are(result):
    rows = re.findall(r"<tr>(<th scope=\"row\">.*?)</tr>", render(result), flags=re.DOTALL)
    shown = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    assert ["2", "−0.625", "–"] in shown
    assert ["1250", "17.000", "&lt;em&gt;none&lt;/em&gt;"] in shown
    assert ["0.50"] in shown
    assert [cell(v, 1) for v in ("a-b", -3, -3.0, np.float64(2), None)] == [
        "a-b", "−3", "−3.0", "2.0", "–",
    ]  # fmt: skip


def test_scores_are_laid_out_in_order(result):
    layout = ScoreTable.of(result.scores[::-1])
    assert list(layout.shapes.items()) == [(32, (32, 32)), (96, (96, 96))]
    assert layout.methods[0].kind == "oracle"
    assert len(layout.cells) == 5


def test_cells_are_coloured_and_what_follows_a_line_break_stands_below(result):
    rows = [["fronts", "−0.41 <missed>\nkriging", 0.5]]
    table = Table("Toned", "", ["family", "5 %", "n"], rows, tones=[["", "bad", ""]])
    text = render(replace(result, tables=[table]))
    Tags(text)
    assert (
        '<td class="tone-bad">−0.41 &lt;missed&gt;<span class="range">kriging</span></td>' in text
    )
    assert '<th scope="row">fronts</th>' in text
    assert "<td>0.50</td>" in text
    assert text.count(".tone-bad {") == 1
