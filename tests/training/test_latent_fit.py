"""Phase "latent": it learns the law of latents, and is resumed and validated like any other."""

import itertools
from unittest.mock import patch

import pytest
import torch
import toy
from safetensors.torch import load_file
from torch import Tensor

from mamba_diffae.flow import field_keys
from mamba_diffae.models import LatentFlow
from mamba_diffae.models.config import LatentFlowConfig
from mamba_diffae.training import Phase, Run, TrainingConfig, TrainingInterrupted, train
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.latent_batches import LatentBatches
from mamba_diffae.training.data.latents import FieldEncoder
from mamba_diffae.training.fit import PhaseOptions
from mamba_diffae.training.latent_fit import latent_validator, train_latent_flow
from mamba_diffae.training.loop.learner import Learner
from mamba_diffae.training.objectives.latent_flow import LatentFlowMatching

SIZES = LatentFlowConfig(latent_dim=12, width=8, blocks=2)
QUIET = {"batch_size": 4, "log_every": 1, "validate_every": 2, "show_progress": False}


def mixture(count: int) -> Tensor:
    """Two narrow bumps far apart, stretched and turned, of other weights."""
    generator = torch.Generator().manual_seed(1)
    first = torch.rand(count, 1, generator=generator) < 0.3
    x = 0.3 * torch.randn(count, 2, generator=generator)
    x = x + torch.where(first, torch.tensor([2.0, 0.0]), torch.tensor([-1.0, 1.0]))
    return x @ torch.tensor([[3.0, 1.0], [0.0, 0.5]]) + torch.tensor([10.0, -5.0])


def test_draws_have_the_law_of_the_latents(run: Run) -> None:
    latents = mixture(4000)
    torch.manual_seed(0)
    flow = LatentFlow(LatentFlowConfig(latent_dim=2, width=48, blocks=3))
    flow.fit_gaussian(latents)
    config = TrainingConfig(
        steps=300, batch_size=256, learning_rate=6e-3, warmup_steps=20, ema_decay=0.98,
        show_progress=False, checkpoint_every=10_000,
    )  # fmt: skip
    batches = LatentBatches(latents[None], seed=0, batch_size=256)
    learned = train(flow, Phase("latent", LatentFlowMatching()), batches, config, run, device="cpu")
    drawn = learned.sample(field_keys(3, 4000), steps=20)
    scale = latents.std(0)
    assert ((drawn.mean(0) - latents.mean(0)) / scale).abs().max() < 0.1
    ratio = torch.cov(drawn.T) / torch.cov(latents.T)
    torch.testing.assert_close(ratio, torch.ones(2, 2), atol=0.15, rtol=0)
    # Two bumps, with little between them: a Gaussian would have a quarter there.
    between = (flow.standardise(drawn)[:, 0].abs() < 0.35).float().mean()
    assert between < 0.08


def test_every_latent_comes_once_before_any_comes_twice() -> None:
    latents = torch.arange(2 * 5, dtype=torch.float32).reshape(2, 5, 1)
    batches = LatentBatches(latents, seed=3, batch_size=4)
    seen = torch.cat([batches(step).latents for step in range(5)]).flatten()
    assert sorted(seen[:10].tolist()) == sorted(seen[10:].tolist()) == list(range(10))
    batch = batches(1)
    assert torch.equal(batch.index, batch.latents.flatten().long() % 5)
    assert torch.equal(batches(1).keys, batch.keys)
    assert torch.equal(batch.shard(1, 2).latents, batch.latents[2:])
    assert "latents of fields" in batch.describe()


def test_validation_is_at_fixed_noises() -> None:
    validate = latent_validator(mixture(30))
    flow = LatentFlow(LatentFlowConfig(latent_dim=2, width=8, blocks=1))
    (first,) = validate(flow).values()
    torch.manual_seed(5)
    assert validate(flow) == {"minus_loss": first}
    assert first < 0


@pytest.fixture(scope="module")
def data(inside):
    return inside(count=12, shape=(16, 16), variables=2)


def learn(net_for, data, run: Run, **options) -> LatentFlow:
    config = TrainingConfig(steps=6, checkpoint_every=2, **QUIET)
    sampling = DataConfig(observed_shape=(8, 8), encodings=2)
    options = PhaseOptions(config, sampling, device="cpu", **options)
    return train_latent_flow(net_for(data), data, run, SIZES, options)


def test_stopped_and_resumed_it_learns_the_same(net_for, data, tmp_path) -> None:
    whole, parts = (Run.create(tmp_path / name, {}) for name in ("whole", "parts"))
    flow = learn(net_for, data, whole)
    step, steps = Learner.learn, itertools.count()

    def interrupting(learner: Learner, *given):
        if next(steps) == 2:
            toy.interrupt()
        return step(learner, *given)

    with patch.object(Learner, "learn", interrupting), pytest.raises(TrainingInterrupted):
        learn(net_for, data, parts)
    with patch.object(FieldEncoder, "encode", side_effect=AssertionError("encoded again")):
        resumed = learn(net_for, data, parts, resume=True)
    assert toy.curve(parts) == toy.curve(whole)
    assert toy.weights(resumed) == toy.weights(flow)
    assert {"encoding", "latent"} <= Run.open(whole.path).facts["elapsed"].keys()


def test_stopped_while_encoding_it_says_how_to_go_on(net_for, data, run: Run) -> None:
    message = r"while encoding; .*latents: go on with `mamba-diffae fit emoji --resume`"
    with (
        patch.object(FieldEncoder, "encode", side_effect=KeyboardInterrupt),
        pytest.raises(TrainingInterrupted, match=message),
    ):
        learn(net_for, data, run)


def test_it_ends_as_it_was_when_it_was_best(net_for, data, run: Run) -> None:
    scores = iter([-1.0, -3.0, -2.0])

    def scored(latents: Tensor):
        return lambda model: {"minus_loss": next(scores)}

    with patch("mamba_diffae.training.latent_fit.latent_validator", scored):
        flow = learn(net_for, data, run)
    best = Run.open(run.path).path / "latent" / "best" / "ema.safetensors"
    last = best.parent.with_name("last") / best.name
    ours, worse = ({k: v.tolist() for k, v in load_file(f).items()} for f in (best, last))
    assert toy.weights(flow) == ours != worse
