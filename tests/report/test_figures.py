"""Drawings are the page's own, whatever a user has set for matplotlib."""

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
