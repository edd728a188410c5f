import dataclasses

from rich.console import Console

from mamba_diffae.report import score_table


def shown(scores) -> str:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(score_table(scores))
    return captured.get()


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
        "64 pictures",
    )
    assert all(piece in text for piece in pieces)
    oracle = next(line for line in text.splitlines() if "oracle" in line)
    assert oracle.split()[-2:] == ["–", "–"]  # not measured at 96


def test_names_are_not_read_as_markup(result):
    assert "[red]kept[/red]" in shown(
        [dataclasses.replace(result.scores[0], method="[red]kept[/red]")]
    )
