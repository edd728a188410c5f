"""Parts of others: registered under a name, named in a config, saved and loaded with a network."""

from __future__ import annotations

import json
import sys
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.models import ARCHITECTURES, reconstruct, sample_flow
from mamba_diffae.models.codes import CODES
from mamba_diffae.models.codes.base import LatentCode
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.models.decoders import DECODERS, DecoderContext, FieldDecoder
from mamba_diffae.models.encoders import ENCODERS, Encoding, PointEncoder
from mamba_diffae.models.parameterisation import parameterisation
from mamba_diffae.models.serialization import load_network, save_network
from mamba_diffae.priors import PRIORS, Prior, PriorConfig, PriorPosterior
from mamba_diffae.priors.base import bin_observations


class MeanEncoder(PointEncoder):
    """The average of single observations."""

    def __init__(self, config: AutoencoderConfig, *, gain: float = 1.0) -> None:
        super().__init__(config)
        self.gain = gain
        self.embed = nn.Linear(config.coord_dim + config.value_dim, config.d_model)
        self.out = nn.Linear(config.d_model, config.latent_dim)

    def forward(self, observations: Observations) -> tuple[Tensor, Tensor]:
        entering = torch.cat([observations.coords, observations.values], dim=-1)
        tokens = self.gain * self.embed(entering)
        here = observations.present[..., None].to(tokens.dtype)
        return self.out((tokens * here).sum(1) / here.sum(1)), tokens


class LatentDecoder(FieldDecoder):
    """A perceptron of the place and the latent."""

    streams: ClassVar[bool] = True

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        self.register_buffer("anchors", torch.zeros(0, config.coord_dim), persistent=False)
        entering = config.coord_dim + config.latent_dim + config.value_dim
        self.enter = nn.Linear(entering, config.d_model)
        self.out = nn.Linear(config.d_model, parameterisation(config).outputs)

    def prepare(
        self,
        latent: Tensor,
        points: Encoding | None,
        lattice: Tensor,
        background: Tensor | None,
    ) -> None:
        return None

    def query_features(self, context: DecoderContext, query_coords: Tensor) -> Tensor:
        latent = context.latent[:, None].expand(-1, query_coords.shape[1], -1)
        return torch.cat([query_coords, latent], dim=-1)

    def anchor_flow(self, context, modulation, x, present):
        return None, x.new_zeros(*x.shape[:2], parameterisation(self.config).outputs)

    def query_flow(self, features, modulation, x, anchor_output) -> Tensor:
        h = self.enter(torch.cat([features, x], dim=-1)) + modulation[:, None]
        return self.out(torch.tanh(h))


class ClimatePrior(Prior):
    """The mean of the training fields, but for what was observed."""

    mean: Tensor
    groups: Tensor

    def __init__(self, config: PriorConfig, *, std: float = 0.5) -> None:
        super().__init__(config)
        self.std = std
        shape = (config.cells, config.value_dim)
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("groups", torch.zeros(0, dtype=torch.int64), persistent=False)

    @property
    def fitted(self) -> bool:
        return bool(self.mean.any())

    def fit(self, data: FieldData, validation: FieldData | None = None) -> None:
        values = data.at(data.grid.regrid(self.config.shape)).values
        self.mean.copy_(torch.from_numpy(values).mean(0).flatten(0, -2))

    def fields(self) -> tuple[Tensor, Tensor]:
        return self.mean[None], torch.ones_like(self.mean[None], dtype=torch.bool)

    def posterior(
        self,
        observations: Observations,
        groups: Tensor | None = None,
        keys: Tensor | None = None,
    ) -> PriorPosterior:
        observed, average = bin_observations(self.config, observations)
        mean = torch.where(observed, average, self.mean)
        return PriorPosterior.of(mean, torch.full_like(mean[..., :1], self.std), observed)

    def condition_increment(self, change: Tensor, observed: Tensor) -> Tensor:
        return change.masked_fill(observed, 0)


class MeanCode(LatentCode):
    """The average of the posterior's mean."""

    share: ClassVar[float | None] = 1 / 6
    decodes: ClassVar[bool] = False

    def fit(self, fields: Tensor, known: Tensor) -> None:
        pass

    def encode(self, observations: Observations, posterior: PriorPosterior) -> Tensor:
        return posterior.mean.mean(dim=(1, 2))[:, None].expand(-1, self.dim)

    def decode(self, code: Tensor) -> Tensor:
        return code.new_zeros(len(code), 16, self.value_dim)


PARTS = {
    "encoder": (ENCODERS, MeanEncoder, {"encoder": "theirs", "encoder_options": {"gain": 2.0}}),
    "decoder": (DECODERS, LatentDecoder, {"decoder": "theirs"}),
    "prior": (PRIORS, ClimatePrior, {"prior": "theirs", "prior_options": {"std": 0.25}}),
    "code": (CODES, MeanCode, {"codes": ("theirs", "pca")}),
}


@pytest.fixture
def registered(monkeypatch) -> None:
    """Their parts, known in this process for the time of a test."""
    for kinds, part, _ in PARTS.values():
        monkeypatch.setattr(kinds, "_registered", {})
        kinds.register("theirs", part)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("what", [*PARTS, "all"])
def test_a_part_of_others_works_and_is_saved_by_its_name(
    network, observed, tmp_path, what: str
) -> None:
    chosen = PARTS.values() if what == "all" else [PARTS[what]]
    net = network(**{k: v for *_, fields in chosen for k, v in fields.items()})
    for _, part, _ in chosen:
        assert any(isinstance(module, part) for module in net.modules())
    seen, query = observed(missing=0.3), torch.rand(2, 9, 2)
    save_network(net, tmp_path / "model")
    loaded, _ = load_network(tmp_path / "model")
    for ask in (reconstruct, sample_flow):
        answer = ask(net, query, seen)
        assert answer.isfinite().all()
        assert answer.std() > 1e-3
        assert torch.equal(ask(loaded, query, seen), answer)
    # Contract 1, as the decoder promises.
    part = reconstruct(net, query[:, 3:5], seen)
    torch.testing.assert_close(part, reconstruct(net, query, seen)[:, 3:5], rtol=0, atol=1e-5)


@pytest.mark.usefixtures("registered")
def test_options_reach_the_part_of_others(network) -> None:
    net = network(**PARTS["encoder"][2], **PARTS["prior"][2])
    assert net.encoder.gain == 2.0
    assert net.prior.std == 0.25


@pytest.mark.parametrize("what", ["encoder", "decoder", "prior"])
def test_a_part_that_is_not_installed_is_named(network, tmp_path, what: str) -> None:
    save_network(network(), tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    facts = json.loads(path.read_text())
    facts["config"][what] = "their.package.Part"
    del facts["checksums"]
    path.write_text(json.dumps(facts))
    with pytest.raises(ValueError, match=f"Unknown {what} 'their.package.Part'; Valid: "):
        load_network(tmp_path / "model")


@pytest.mark.parametrize("name", ["this:s", "antigravity:geohash", "mamba_diffae.cli:main"])
def test_a_file_never_imports_a_module_of_its_own_choosing(network, tmp_path, name: str) -> None:
    save_network(network(), tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    saved = json.loads(path.read_text())
    del saved["checksums"]
    loaded = set(sys.modules)
    for place in ("encoder", "decoder", "prior", "codes", "architecture"):
        facts = json.loads(json.dumps(saved))
        if place == "architecture":
            facts["architecture"] = name
        else:
            facts["config"][place] = [name] if place == "codes" else name
        path.write_text(json.dumps(facts))
        with pytest.raises(ValueError, match=f"Unknown {place.removesuffix('s')} '{name}'"):
            load_network(tmp_path / "model")
    assert name.partition(":")[0] not in set(sys.modules) - loaded


def test_architectures_are_known_by_name() -> None:
    assert ARCHITECTURES.names()[:3] == ["autoencoder", "mamba-diffusion", "minimal-latent"]
    for name in ARCHITECTURES.names():
        assert ARCHITECTURES.get(name).kind == name
