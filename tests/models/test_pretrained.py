"""Networks as folders: read back bit for bit, and nothing else is read at all."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mamba_diffae.models import reconstruct, sample
from mamba_diffae.models.pretrained import (
    FORMAT,
    MODELS,
    load_network,
    model_class,
    save_network,
)

KINDS = [*((kind, {}) for kind in MODELS), ("autoencoder", {"decoder": "scan"})]


@pytest.fixture
def saved(network, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    save_network(network(), folder, {"scaling": [0, 255]})
    return folder


def edit(folder: Path, **changes: object) -> None:
    """Write other facts into config.json; None takes one out."""
    facts = {**json.loads((folder / "config.json").read_text()), **changes}
    facts = {name: fact for name, fact in facts.items() if fact is not None}
    (folder / "config.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(("kind", "fields"), KINDS)
def test_saved_and_loaded_is_the_same_bit_for_bit(
    network, observed, tmp_path: Path, kind: str, fields: dict
) -> None:
    net = network(kind, **fields)
    save_network(net, tmp_path / "model", {"size": 24})
    loaded, facts = load_network(tmp_path / "model")
    assert type(loaded) is model_class(kind)
    assert loaded.config == net.config
    assert not loaded.training
    assert facts["size"] == 24
    for name, weight in net.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    query = torch.rand(2, 9, 2)
    for ask in (reconstruct, sample):
        assert torch.equal(ask(loaded, query, *observed()), ask(net, query, *observed()))


def test_a_former_network_is_replaced_whole(network, saved: Path) -> None:
    save_network(network("mamba-diffusion"), saved)
    net, facts = load_network(saved)
    assert net.kind == facts["model"] == "mamba-diffusion"
    assert "scaling" not in facts
    assert sorted(p.name for p in saved.iterdir()) == ["config.json", "model.safetensors"]
    assert [p.name for p in saved.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("kept", [0, 5, 1000, -1])
def test_a_truncated_file_is_refused(saved: Path, kept: int) -> None:
    file = saved / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"model\.safetensors cannot be read .*copy it again"):
        load_network(saved)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(ValueError, match=f"{name} cannot be read"):
        load_network(saved)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere.config\.json cannot be read .*save_pretrained"):
        load_network(tmp_path / "nowhere")


def test_another_architecture_is_told_by_its_first_difference(network, saved: Path) -> None:
    save_file(network(latent_dim=13).state_dict(), saved / "model.safetensors")
    with pytest.raises(ValueError, match=r"another architecture: '.*' is .*13.* there and .*12"):
        load_network(saved)


def test_a_tensor_too_few_is_told(saved: Path) -> None:
    weights = load_file(saved / "model.safetensors")
    del weights["encoder.norm.weight"]
    save_file(weights, saved / "model.safetensors")
    with pytest.raises(ValueError, match=r"'encoder.norm.weight' is missing there and \(16,\)"):
        load_network(saved)


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"model_type": "bert"}', "\udcff"])
def test_a_foreign_config_is_refused(saved: Path, content: str) -> None:
    (saved / "config.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"config\.json (cannot be read|is not a network of form)"):
        load_network(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 99}, rf"not a network of format {FORMAT} of this package \(format: 99\)"),
        ({"format": 3}, "format 3, made by an earlier version .*; train it again"),
        ({"model": None}, f"not a network of format {FORMAT}"),
        ({"config": None}, f"not a network of format {FORMAT}"),
        ({"model": "autoencode"}, "Unknown model 'autoencode'; did you mean 'autoencoder'"),
        ({"config": {"latent_dimension": 5}}, "did you mean 'latent_dim'"),
    ],
)
def test_a_config_that_says_too_little_or_too_much_is_refused(
    saved: Path, changes: dict, message: str
) -> None:
    edit(saved, **changes)
    with pytest.raises(ValueError, match=message):
        load_network(saved)
