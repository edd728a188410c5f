"""Networks as folders: read back bit for bit, and nothing else is read at all."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mamba_diffae.fields import Geometry
from mamba_diffae.models import LatentFlow, reconstruct, sample_flow
from mamba_diffae.models.config import LatentFlowConfig
from mamba_diffae.models.registry import ARCHITECTURES
from mamba_diffae.models.serialization import (
    FORMAT,
    WEIGHTS,
    load_latent_flow,
    load_network,
    save_network,
    weights_folder,
)

GLOBE = Geometry(extent=(0.5, 1.0), periodic=(False, True))
KINDS = [
    *((kind, {}) for kind in ARCHITECTURES.names()),
    ("autoencoder", {"decoder": "scanning"}),
    ("autoencoder", {"exemplars": 0}),
    ("autoencoder", {"geometry": GLOBE}),
]


@pytest.fixture
def saved(network, tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    save_network(network(), folder, {"scaling": [0, 255]})
    return folder


def edit(folder: Path, **changes: object) -> None:
    """Write other facts into config.json, without checksums; None takes one out."""
    changes["checksums"] = None
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
    assert type(loaded) is ARCHITECTURES.get(kind)
    assert loaded.config == net.config
    assert not loaded.training
    assert facts["size"] == 24
    for name, weight in net.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    seen, query = observed(geometry=net.config.geometry), torch.rand(2, 9, 2) / 2
    for ask in (reconstruct, sample_flow):
        assert torch.equal(ask(loaded, query, seen), ask(net, query, seen))


def test_who_may_read_the_folder_may_read_its_weights(saved: Path) -> None:
    modes = {file.name: file.stat().st_mode & 0o777 for file in saved.iterdir()}
    assert modes["model.safetensors"] == modes["config.json"]


def test_a_former_network_is_replaced_whole(network, saved: Path) -> None:
    save_network(network("mamba-diffusion"), saved)
    net, facts = load_network(saved)
    assert net.kind == facts["architecture"] == "mamba-diffusion"
    assert "scaling" not in facts
    assert sorted(p.name for p in saved.iterdir()) == ["config.json", "model.safetensors"]
    assert [p.name for p in saved.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("kept", [0, 5, 1000, -1])
def test_a_truncated_file_is_refused(saved: Path, kept: int) -> None:
    file = saved / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged: .*copy it again"):
        load_network(saved)
    edit(saved)
    with pytest.raises(ValueError, match=r"model\.safetensors cannot be read .*copy it again"):
        load_network(saved)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(ValueError, match=f"{name} cannot be read"):
        load_network(saved)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    told = r"nowhere.config\.json cannot be read .*save_pretrained.*: emoji-96, weather-96\."
    with pytest.raises(ValueError, match=told):
        load_network(tmp_path / "nowhere")


def test_another_architecture_is_told_by_its_first_difference(network, saved: Path) -> None:
    edit(saved)
    save_file(network(latent_dim=13).state_dict(), saved / "model.safetensors")
    with pytest.raises(ValueError, match=r"another architecture: '.*' is .*10.* there and .*9"):
        load_network(saved)


def test_a_tensor_too_few_is_told(saved: Path) -> None:
    weights = load_file(saved / "model.safetensors")
    del weights["encoder.norm.weight"]
    save_file(weights, saved / "model.safetensors")
    edit(saved)
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
        ({"format": 4}, "format 4, made by an earlier version .*; train it again"),
        ({"architecture": None}, f"not a network of format {FORMAT}"),
        ({"config": None}, f"not a network of format {FORMAT}"),
        ({"config": [1]}, f"not a network of format {FORMAT}"),
        ({"architecture": ["autoencoder"]}, f"not a network of format {FORMAT}"),
        (
            {"architecture": "autoencode"},
            "Unknown architecture 'autoencode'; did you mean 'autoencoder'",
        ),
        ({"config": {"latent_dimension": 5}}, "did you mean 'latent_dim'"),
    ],
)
def test_a_config_that_says_too_little_or_too_much_is_refused(
    saved: Path, changes: dict, message: str
) -> None:
    edit(saved, **changes)
    with pytest.raises(ValueError, match=message):
        load_network(saved)


def test_what_a_file_manager_left_is_no_obstacle(network, tmp_path: Path) -> None:
    for _ in range(2):
        save_network(network(), tmp_path / "net")
        (tmp_path / "net" / ".DS_Store").write_bytes(b"Bud1")
    assert load_network(tmp_path / "net")[0].kind == network().kind


def test_other_files_are_never_replaced(network, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(ValueError, match="holds something else than a saved network"):
        save_network(network(), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_flow_of_latents_is_kept_beside_the_network(network, tmp_path: Path) -> None:
    flow = LatentFlow(LatentFlowConfig(latent_dim=12, width=8, blocks=2))
    flow.fit_gaussian(torch.randn(50, 12))
    save_network(network(), tmp_path / "with", latent_flow=flow)
    loaded = load_latent_flow(tmp_path / "with")
    for name, weight in flow.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    save_network(network(), tmp_path / "without")
    assert load_latent_flow(tmp_path / "without") is None


# The network that comes with the package

# Made when it was packaged from `observe(test.take([0, 150]), 0.2, seed=0)`: the places (row,
# column) among 96 × 96 pixels, and the mean of either picture there, in [0, 255].
PLACES = [(10, 12), (30, 40), (48, 48), (60, 20), (80, 70)]
MEANS = [
    [
        [263.04, 63.57, 117.93],
        [240.18, 221.02, 243.38],
        [249.10, 97.26, 131.43],
        [226.91, 170.84, 207.13],
        [250.84, 162.52, 184.86],
    ],
    [
        [257.02, 257.74, 256.30],
        [230.15, 256.96, 245.69],
        [31.54, 117.63, 94.89],
        [46.06, 127.55, 104.87],
        [197.54, 256.38, 239.54],
    ],
]


def test_the_packaged_network_answers_as_when_it_was_packaged() -> None:
    from mamba_diffae.fields import observe
    from mamba_diffae.sources import open_field

    net, facts = load_network(weights_folder("emoji-96"))
    assert facts["format"] == FORMAT == 6
    assert net.prior.fitted
    data = open_field("emoji").split("test").take(np.array([0, 150]))
    seen = observe(data, 0.2, seed=0)
    scaled = seen.with_values(seen.values / 127.5 - 1).to(torch.float32)
    places = (torch.tensor(PLACES) + 0.5) / 96
    mean = reconstruct(net, places.expand(2, -1, -1), scaled)
    expected = torch.tensor(MEANS)
    torch.testing.assert_close((mean + 1) * 127.5, expected, rtol=0, atol=0.05)


def test_the_packaged_network_has_checksums_of_all_that_is_read_of_it() -> None:
    folder = weights_folder("emoji-96")
    checksums = load_network(folder)[1]["checksums"]
    assert set(checksums) == {file.name for file in folder.iterdir()} - {"README.md"}


def test_packaged_networks_are_known_by_name_unless_a_path_stands_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert weights_folder("emoji-96") == WEIGHTS / "emoji-96"
    with pytest.raises(ValueError, match=r"no model 'emoji-97'; did you mean 'emoji-96'\?"):
        weights_folder("emoji-97")
    (tmp_path / "emoji-96").mkdir()
    assert weights_folder("emoji-96") == Path("emoji-96")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_link_that_leads_out_of_the_folder_is_refused(saved: Path, name: str) -> None:
    (saved / name).rename(saved.parent / name)
    (saved / name).symlink_to(saved.parent / name)
    with pytest.raises(ValueError, match=r"is a link that leads out of its folder"):
        load_network(saved)


def test_a_link_to_the_folder_itself_is_followed(saved: Path) -> None:
    (saved.parent / "link").symlink_to(saved)
    assert load_network(saved.parent / "link")[1] == load_network(saved)[1]


def test_a_config_nested_without_end_is_refused(saved: Path) -> None:
    (saved / "config.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"config\.json cannot be read"):
        load_network(saved)


def test_a_network_beyond_all_memory_is_refused(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())["config"]
    edit(saved, config={**config, "d_model": 10**7})
    with pytest.raises(ValueError, match=r"config\.json describes does not fit into memory"):
        load_network(saved)


def test_a_folder_too_high_names_the_one_below(saved: Path) -> None:
    with pytest.raises(ValueError, match=f"{saved.name} holds one: give that"):
        load_network(saved.parent)


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"model\.zip is a file; give the folder"):
        weights_folder(tmp_path / "model.zip")
    with pytest.raises(ValueError, match="named None"):
        weights_folder(None)  # pyright: ignore[reportArgumentType]
