import dataclasses
import re

from rich.console import Console

from mamba_diffae.benchmark import Table
from mamba_diffae.evaluation import Method
from mamba_diffae.report import measured_table, score_table


def printed(table) -> str:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def shown(scores) -> str:
    return printed(score_table(scores))


def test_the_table_of_the_shell_shows_every_score(result):
    text = shown(result.scores)
    pieces = (
        "32²",
        "96²",
        "PSNR",
        "SSIM",
        "18.51",
        "17.92",
        "23.63",
        "17.41",
        "exact",
        "64 fields",
    )
    assert all(piece in text for piece in pieces)
    oracle = next(line for line in text.splitlines() if "oracle" in line)
    assert oracle.split()[-2:] == ["–", "–"]  # not measured at 96


def test_rectangles_and_measures_without_ssim_are_told(result):
    scores = [dataclasses.replace(s, shape=(s.scale // 2, s.scale)) for s in result.scores]
    assert "16×32" in shown(scores)
    lines = shown([dataclasses.replace(s, ssim=None) for s in scores])
    assert "skill" in lines
    assert "SSIM" not in lines
    assert "0.500" in lines


def test_names_are_not_read_as_markup(result):
    assert "[red]kept[/red]" in shown(
        [dataclasses.replace(result.scores[0], method=Method("[red]kept[/red]"))]
    )


def test_any_table_of_a_result_is_shown():
    table = Table("[red]t[/red]", "", ["method", "CRPS"], [["ours", 0.03125], ["b", None]], [0, 4])
    lines = [line.split() for line in printed(measured_table(table)).splitlines()]
    assert ["[red]t[/red]"] in lines
    assert ["ours", "0.0312"] in lines
    assert ["b", "–"] in lines


def test_a_wide_table_does_not_cut_the_names_on_a_narrow_terminal():
    columns = ["method", *(f"{name} {n}²" for n in (32, 64, 96) for name in ("PSNR", "TV", "HF"))]
    table = Table("Detail", "", columns, [["autoencoder, latent+points", *[21.25] * 9]])
    text = printed(measured_table(table))
    assert "autoencoder," in text
    assert "latent+points" in text


def test_coloured_cells_keep_their_words():
    rows = [["fronts", "−0.41 ✗\nkriging"], ["emoji", "+1.20\nlinear"]]
    table = Table("t", "", ["family", "5 %"], rows, tones=[["", "bad"], ["", "best"]])
    console = Console(width=80, force_terminal=True, color_system="standard")
    with console.capture() as captured:
        console.print(measured_table(table))
    for code, words in (
        ("1;31", "−0.41 ✗"),
        ("1;31", "kriging"),
        ("32", "+1.20"),
        ("32", "linear"),
    ):
        assert re.search(rf"\x1b\[{code}m *{re.escape(words)}", captured.get())
