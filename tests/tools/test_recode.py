"""A network of format 3 carried over: its layout is the former latent, as far as the axes go."""

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from prior_cases import CHANNELS, seen_at, smooth

from mamba_diffae.models import MambaDiffusionAutoencoder
from mamba_diffae.models.code import PrincipalCode

TOOL = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "recode.py"))
CELLS, LATENT = 6, 16


@pytest.fixture
def net() -> MambaDiffusionAutoencoder:
    """A network of format 4, from which one of format 3 is made up."""
    made = MambaDiffusionAutoencoder.from_preset(
        "tiny", value_dim=CHANNELS, latent_dim=LATENT, exemplars=40, prior_cells=CELLS, sigma=0.4
    )
    made.remember(smooth(40, CELLS))
    return made.eval()


def test_layout_and_condition_are_those_of_the_former_latent(net) -> None:
    code = PrincipalCode(LATENT, CELLS**2 * CHANNELS)
    code.learn(net.prior.library().fields)
    former = {n: w for n, w in net.state_dict().items() if not n.startswith("palette.")}
    former |= {f"principal.{n}": w for n, w in code.state_dict().items()}
    former["stage.latent.weight"] = torch.randn(net.config.d_model, LATENT)
    made = torch.randn_like(net.encoder.to_latent.weight)
    former["encoder.to_latent.weight"] = made
    new = TOOL["recoded"](net.config, former).eval()

    seen = seen_at(smooth(3, CELLS, seed=5), [0, 4, 9, 17, 22, 30])
    net.encoder.to_latent.weight.data.copy_(made)
    latent = code.encode(net.prior(*seen)[..., :CHANNELS]) + net.encoder(*seen).latent
    # What of it lies along the axes that are kept.
    turn = new.principal._axes() @ code._axes().T
    layout = new.encode(*seen)[:, : net.config.layout]
    torch.testing.assert_close(layout, latent @ turn.T, atol=2e-2, rtol=0)
    read = new.stage.latent(layout) - new.stage.latent.bias
    kept = latent @ turn.T @ turn @ former["stage.latent.weight"].T
    torch.testing.assert_close(read, kept, atol=2e-2, rtol=2e-2)


def test_another_format_is_refused(tmp_path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps({"format": 4, "config": {}}))
    with pytest.raises(ValueError, match="no network of format 3"):
        TOOL["carry"](tmp_path, tmp_path / "out")
