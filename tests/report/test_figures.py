"""Drawings are the page's own, whatever a user has set for matplotlib."""

from math import nan

from matplotlib import rc_context

from mamba_diffae.report.figures import training_curves

ROWS = [{"phase": "autoencoder", "step": step, "loss": 1 / step} for step in range(1, 60)]
ROWS.append({"phase": "autoencoder", "step": 59, "validation": {"psnr_96": 20.0}})


def test_a_users_matplotlibrc_changes_nothing() -> None:
    ours = training_curves(ROWS)
    theirs = {"text.usetex": True, "font.family": "serif", "lines.linewidth": 9, "axes.grid": False}
    with rc_context(theirs | {"axes.facecolor": "red"}):
        assert training_curves(ROWS) == ours
    assert len(ours) == 2


def test_steps_without_a_number_are_left_out() -> None:
    gaps = [{"phase": "autoencoder", "step": 7, "loss": nan}]
    gaps.append({"phase": "autoencoder", "step": 59, "validation": {"psnr_96": nan}})
    assert training_curves(ROWS + gaps) == training_curves(ROWS)


def test_names_in_drawings_are_text_and_no_markup() -> None:
    hostile = "</text><script>alert(1)</script>"
    rows = [{**row, "phase": hostile} for row in ROWS]
    rows += [{"phase": hostile, "step": 60, "validation": {f"psnr_{hostile}": 1.0, "psnr_b": 2.0}}]
    drawn = training_curves(rows)
    assert all("<script" not in picture.svg for picture in drawn)
    assert any("&lt;script&gt;" in picture.svg for picture in drawn)
