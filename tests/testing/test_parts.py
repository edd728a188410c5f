"""The contract tests that others run on their parts hold for those of the package, and can fail."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mamba_diffae.evaluation.baselines import BASELINES, Baseline
from mamba_diffae.fields import Grid, Prediction
from mamba_diffae.models.codes import CODES, LatentCode
from mamba_diffae.models.decoders import DECODERS
from mamba_diffae.models.encoders import ENCODERS, PointEncoder
from mamba_diffae.models.features import observation_width
from mamba_diffae.priors import PRIORS
from mamba_diffae.sources.array_files import ArrayFileSource
from mamba_diffae.sources.base import Source
from mamba_diffae.sources.embedded import EmojiSource
from mamba_diffae.sources.folders import FolderSource
from mamba_diffae.testing import (
    check_baseline,
    check_code,
    check_decoder,
    check_encoder,
    check_objective,
    check_prior,
    check_source,
)
from mamba_diffae.training.objectives import OBJECTIVES, Objective

LATENT = "latent_flow"
"""The one objective that is of latents, not of fields."""


def builtin(registry) -> list[str]:
    """Names of the package's own parts."""
    return list(registry._builtin)


@pytest.mark.parametrize("name", builtin(ENCODERS))
def test_encoders(name):
    check_encoder(ENCODERS.get(name))


@pytest.mark.parametrize("name", builtin(DECODERS))
def test_decoders(name):
    check_decoder(DECODERS.get(name))


@pytest.mark.parametrize("name", builtin(CODES))
def test_codes(name):
    check_code(CODES.get(name))


@pytest.mark.parametrize("name", builtin(PRIORS))
def test_priors(name):
    check_prior(PRIORS.get(name))


@pytest.mark.parametrize("name", [n for n in builtin(OBJECTIVES) if n != LATENT])
def test_objectives(name):
    check_objective(OBJECTIVES.get(name)())


@pytest.mark.parametrize("name", builtin(BASELINES))
def test_baselines(name):
    check_baseline(BASELINES.get(name)())


def test_sources(tmp_path: Path):
    from PIL import Image

    rng = np.random.default_rng(0)
    np.save(tmp_path / "fields.npy", rng.normal(size=(4, 6, 8)))
    (tmp_path / "pictures").mkdir()
    for i in range(4):
        picture = Image.fromarray(rng.integers(0, 256, (8, 12, 3), np.uint8))
        picture.save(tmp_path / "pictures" / f"{i}.png")
    check_source(ArrayFileSource(), str(tmp_path / "fields.npy"))
    check_source(FolderSource(), str(tmp_path / "pictures"))
    check_source(EmojiSource(), "emoji")


class Forgetful(PointEncoder):
    """An encoder that reads what lies under the mask, and the order of the points."""

    def __init__(self, config, reads="last"):
        super().__init__(config)
        self.reads, self.config = reads, config
        self.to_latent = torch.nn.Linear(config.value_dim, config.latent_dim)

    def forward(self, observations):
        values = observations.values
        chosen = {
            "last": values[:, -1],
            "all points": observations.coords.mean(dim=1),
            "others": (values.sum(dim=1) / observations.counts[:, None]).cumsum(dim=0),
            "mean": values.sum(dim=1) / observations.counts[:, None],
        }
        B, N = observations.coords.shape[:2]
        tokens = values.new_zeros(B, N, self.config.d_model)
        return self.to_latent(chosen[self.reads]), tokens


@pytest.mark.parametrize(
    ("reads", "message"),
    [
        ("last", "order of the points"),
        ("all points", "absent points"),
        ("others", "other fields"),
        ("mean", "no points is not finite"),
    ],
)
def test_an_encoder_that_sees_no_set_is_told(reads, message):
    with pytest.raises(AssertionError, match=message):
        check_encoder(Forgetful, reads=reads)


class Dull(LatentCode):
    """A code that learns nothing."""

    share = 0.25
    decodes = False

    def fit(self, fields, known):
        pass

    def encode(self, observations, posterior):
        return observations.values.new_zeros(len(observations), self.dim)

    def decode(self, code):
        raise NotImplementedError


def test_a_code_that_learns_nothing_is_told():
    with pytest.raises(AssertionError, match="learns nothing"):
        check_code(Dull)


class Unstable(Objective):
    """A loss that is another one each time."""

    name = "unstable"

    def loss(self, model, batch):
        return sum(p.square().sum() for p in model.parameters()) * torch.rand(())


def test_a_loss_that_is_not_repeatable_is_told():
    with pytest.raises(AssertionError, match="two losses"):
        check_objective(Unstable())


class FirstValue(Baseline):
    """The value of the first point, everywhere."""

    name = "first value"

    def predict(self, observations, targets):
        first = observations.values[:, 0].numpy()
        shape = targets.shape if isinstance(targets, Grid) else (len(targets),)
        middle = first.reshape(len(first), *[1] * len(shape), -1)
        return Prediction.of_mean(np.broadcast_to(middle, (len(first), *shape, first.shape[-1])))


def test_a_baseline_of_the_order_of_points_is_told():
    with pytest.raises(AssertionError, match="order of the points"):
        check_baseline(FirstValue())


class Greedy(Source):
    """A source that claims everything."""

    form = "anything"

    def matches(self, spec):
        return True

    def open(self, spec, *, shape=None, skip_broken=False):
        raise NotImplementedError

    def canonical(self, spec):
        return spec


def test_a_source_that_claims_everything_is_told():
    with pytest.raises(AssertionError, match="claims what is not its own"):
        check_source(Greedy(), "mine")


def test_the_width_of_observations_counts_all_that_is_known():
    from mamba_diffae.testing.cases import tiny_config

    assert observation_width(tiny_config()) == 3 * 2 + 2
