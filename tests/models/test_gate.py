"""The gate follows skill: it keeps a correction that helps, fades one that harms, smoothly."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from mamba_diffae.models import FieldFlow
from mamba_diffae.models.gate import LEAST_P, SkillGate, SkillRecords, gate_features
from mamba_diffae.models.inference import posterior_mean, prior_and_network_mean
from mamba_diffae.models.serialization import load_network, save_network
from mamba_diffae.nn.interpolation import cubic, interpolate
from mamba_diffae.priors import PriorPosterior

FIELDS, CELLS, C = 200, 50, 2


def posterior_of(
    p: Tensor, kriging: Tensor | None = None, seen: int = 20, std: Tensor | float = 0.0
) -> PriorPosterior:
    """Posteriors of so many fields on a lattice of 64 cells, `seen` of them observed."""
    observed = torch.zeros(len(p), 64, C, dtype=torch.bool)
    observed[:, :seen] = True
    weights = None if kriging is None else torch.stack([kriging, 1 - kriging], dim=-1)
    lattice = torch.zeros(len(p), 64, C + 2)
    lattice[..., C] = torch.as_tensor(std).reshape(-1, 1)
    return PriorPosterior(lattice, observed, weights, p)


def skilled(
    p: Tensor, skill: np.ndarray, kriging: Tensor | None = None, std: Tensor | float = 0.0
) -> SkillRecords:
    """Corrections with noise of one deviation, which remove the share `skill` (R,) of the error."""
    rng = np.random.default_rng(0)
    error = rng.standard_normal((len(p), CELLS, C))
    change = skill[:, None, None] * error + 0.5 * rng.standard_normal(error.shape)
    features = gate_features(posterior_of(p, kriging, std=std))
    assert features is not None
    parts = (error**2, error * change, change**2)
    sums = [part.sum(axis=1) for part in parts]
    return SkillRecords(features.double().numpy(), *sums, np.full((len(p), C), 1 / len(p) / CELLS))


def fitted(records: SkillRecords) -> SkillGate:
    gate = SkillGate(C)
    gate.fit(records)
    return gate


def share(gate: SkillGate, p: list[float], **options) -> np.ndarray:
    given = gate(posterior_of(torch.tensor(p), **options))
    assert given is not None
    return given[:, 0].numpy()


@pytest.fixture
def familiarity() -> Tensor:
    """Half of the fields are of the own kind, the others foreign."""
    own = torch.rand(FIELDS // 2, generator=torch.Generator().manual_seed(1))
    return torch.cat([own.clamp(min=0.01), torch.full((FIELDS // 2,), LEAST_P)])


OWN = np.repeat([True, False], FIELDS // 2)


def test_a_correction_that_helps_only_on_own_fields_fades_on_foreign_ones(familiarity) -> None:
    gate = fitted(skilled(familiarity, np.where(OWN, 1.0, -1.0)))
    found = share(gate, [0.9, 0.3, 0.05, 1e-3, 1e-9])
    assert found[:3].min() > 0.75  # least squares: 1 / (1 + 0.5²)
    assert found[3:].max() < 0.05
    assert (np.diff(found, axis=0) <= 0).all()


def test_a_correction_that_helps_on_foreign_fields_too_is_kept_there(familiarity) -> None:
    gate = fitted(skilled(familiarity, np.ones(FIELDS), kriging=torch.from_numpy(1.0 - OWN)))
    all_kriging = share(gate, [0.9, 1e-3, 1e-9], kriging=torch.ones(3))
    assert all_kriging.min() > 0.75


def test_where_kriging_has_all_the_weight_it_fades_if_that_is_where_it_harms() -> None:
    kriging = torch.from_numpy(1.0 - OWN)
    gate = fitted(skilled(torch.full((FIELDS,), 0.5), np.where(OWN, 1.0, -1.0), kriging))
    weights = torch.linspace(0, 1, 5)
    found = share(gate, [0.5] * 5, kriging=weights)
    assert found[0].min() > 0.7 > 0.1 > found[-1].max()
    assert (np.diff(found, axis=0) < 0).all()


def test_where_the_prior_is_sure_it_fades_if_that_is_where_it_harms() -> None:
    p, std = torch.full((FIELDS,), 0.5), torch.from_numpy(np.where(OWN, 0.1, 1e-3))
    gate = fitted(skilled(p, np.where(OWN, 1.0, -1.0), std=std))
    found = share(gate, [0.5] * 5, std=torch.logspace(-3, -1, 5))
    assert found[0].max() < 0.1 < 0.7 < found[-1].min()
    assert (np.diff(found, axis=0) > 0).all()


def test_variables_have_shares_of_their_own(familiarity) -> None:
    records = skilled(familiarity, np.ones(FIELDS))
    harmful = np.array([1.0, -1.0])
    found = share(fitted(replace(records, gain=records.gain * harmful)), [0.5])
    assert found[0, 0] > 0.75
    assert found[0, 1] < 0.05


def test_the_fade_has_no_step(familiarity) -> None:
    gate = fitted(skilled(familiarity, np.where(OWN, 1.0, -1.0)))
    p = np.geomspace(1e-4, 1, 200).astype(np.float32)
    found = share(gate, p.tolist())
    assert ((found > 0) & (found <= 1)).all()
    assert np.abs(np.diff(found, axis=0)).max() < 0.05


def test_where_nothing_was_corrected_nothing_is_known_against_it(familiarity) -> None:
    records = skilled(familiarity, np.ones(FIELDS))
    none = replace(records, gain=0 * records.gain, size=0 * records.size)
    assert share(fitted(none), [0.5, 1e-3]).min() > 0.95
    with pytest.raises(ValueError, match="no record"):
        SkillGate(C).fit(replace(records, weight=0 * records.weight))


def test_features_lie_in_the_unit_interval() -> None:
    p = torch.tensor([1.0, 0.05, 1e-9, 0.0])
    for seen, std in ((0, 0.0), (1, 0.01), (64, 100.0)):
        found = gate_features(posterior_of(p, torch.tensor([0.0, 0.3, 1.0, 1.0]), seen, std))
        assert ((found >= 0) & (found <= 1)).all()
    assert (gate_features(replace(posterior_of(p), familiarity=None))[:, 0] == 0).all()


# In a network


@pytest.fixture
def gated(network, familiarity) -> FieldFlow:
    net = network()
    net.gate.fit(skilled(familiarity, np.where(OWN, 1.0, -1.0)))
    return net


def test_the_mean_goes_from_the_priors_to_the_networks(gated, observed) -> None:
    seen, query = observed(), torch.rand(2, 9, 2)
    posterior = replace(gated.prior.posterior(seen), familiarity=torch.tensor([0.9, 1e-6]))
    base, own = prior_and_network_mean(gated, query, seen, posterior)
    found = posterior_mean(gated, query, seen, None, None, posterior)
    g = gated.gate(posterior)
    torch.testing.assert_close(found, base + g * (own - base))
    away = (found - base).norm(dim=(1, 2)) / (own - base).norm(dim=(1, 2))
    assert away[0] > 0.7 > 0.1 > away[1]
    alone = posterior_mean(gated, query, seen, None, "latent", posterior)
    gated.gate.fitted.fill_(False)
    assert torch.equal(posterior_mean(gated, query, seen, None, "latent", posterior), alone)
    assert torch.equal(posterior_mean(gated, query, seen, None, None, posterior), own)


def test_what_is_gated_is_all_that_the_network_adds_to_the_priors_mean(network, observed) -> None:
    net, seen, query = network(), observed(), torch.rand(2, 9, 2)
    posterior = net.prior.posterior(seen)
    context = net.encode_context(seen, posterior=posterior)
    shape, geometry = net.config.prior_shape, net.config.geometry
    mean = interpolate(posterior.mean.contiguous(), query, shape, geometry, cubic)
    torch.testing.assert_close(net.base_mean(context, query), mean)
    # What the encoder adds by its latent moves where the decoder starts, and is gated too.
    start = net.query_features(context, query).start
    assert (start - mean).abs().max() > 1e-3
    # What the user changes of a latent is not.
    latent = net.encode(seen, posterior) + 1
    edited = net.encode_context(seen, latent=latent, posterior=posterior)
    moved = net.query_features(edited, query).start - start
    torch.testing.assert_close(net.base_mean(edited, query) - mean, moved, rtol=1e-4, atol=1e-5)


def test_a_gate_is_saved_with_its_network_and_older_files_have_none(
    gated, observed, tmp_path: Path
) -> None:
    save_network(gated, tmp_path / "model")
    loaded = load_network(tmp_path / "model")[0]
    p = [0.9, 0.01]
    np.testing.assert_array_equal(share(loaded.gate, p), share(gated.gate, p))  # pyright: ignore[reportArgumentType]
    file = tmp_path / "model" / "model.safetensors"
    save_file({n: w for n, w in load_file(file).items() if not n.startswith("gate.")}, file)
    config = tmp_path / "model" / "config.json"
    about = json.loads(config.read_text())
    del about["checksums"]  # files so old have none
    config.write_text(json.dumps(about))
    older = load_network(tmp_path / "model")[0]
    assert not older.gate.fitted  # pyright: ignore[reportAttributeAccessIssue]
