"""Latents of fields: whose exemplars are hidden, mirrored fields, and what is kept."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mamba_diffae.training import Run
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.latents import FieldEncoder, LatentCache
from tools.chaos.damage import accepted

DATA = DataConfig(observed_shape=(8, 8), mirrored=True, encodings=2)


@pytest.fixture(scope="module")
def data(inside):
    return inside(count=12, shape=(16, 16), variables=2)


@pytest.fixture
def net(net_for, data):
    return net_for(data, exemplars=8, prior_shape=(8, 8))


@pytest.fixture
def encoder(net) -> FieldEncoder:
    return FieldEncoder(net, DATA, seed=0)


def test_odd_encodings_are_of_mirrored_fields(net, encoder, data):
    fields = data.split("train")
    turned = replace(fields, values=fields.values[:, :, ::-1])
    plain = FieldEncoder(net, DATA.model_copy(update={"mirrored": False}), seed=0)
    torch.testing.assert_close(encoder.encode(fields, 1), plain.encode(turned, 1))
    assert torch.equal(encoder.encode(fields, 2), plain.encode(fields, 2))
    assert not torch.allclose(encoder.encode(fields, 1), encoder.encode(fields, 2))


def test_a_field_is_not_its_own_analogue(encoder, data):
    fields = data.split("train").take(slice(0, 2))
    strangers = replace(fields, groups=fields.groups + 1000)
    own, known = encoder.encode(fields), encoder.encode(strangers)
    assert (own - known).abs().max() > 1e-3
    # Hidden is the whole group, whichever of it is asked.
    posterior = type(encoder.prior).posterior
    with patch.object(
        type(encoder.prior), "posterior", autospec=True, side_effect=posterior
    ) as asked:
        encoder.encode(fields)
    hidden = asked.call_args_list[0].kwargs["groups"]
    assert np.array_equal(hidden, fields.groups)
    assert torch.equal(encoder.prior.groups, torch.as_tensor(data.split("train").groups))


def test_a_latent_does_not_depend_on_the_others(encoder, data):
    fields = data.split("train")
    whole = encoder.encode(fields)
    torch.testing.assert_close(
        encoder.encode(fields.take(slice(3, 5))), whole[3:5], atol=1e-3, rtol=1e-3
    )


@pytest.fixture
def in_threes(monkeypatch):
    monkeypatch.setattr("mamba_diffae.training.data.latents._SEEN_ALIKE", 3)


def counting(encoder: FieldEncoder, stop_at: int = -1):
    """Count what is encoded; Ctrl-C at one."""
    encode, seen = FieldEncoder.encode, []

    def counted(self, fields, encoding=0, number=0):
        if len(seen) == stop_at:
            raise KeyboardInterrupt
        seen.append((encoding, number))
        return encode(self, fields, encoding, number)

    return patch.object(FieldEncoder, "encode", counted), seen


def test_what_is_encoded_is_kept_and_what_is_missing_made(in_threes, encoder, data, run: Run):
    cache = LatentCache(run, encoder, data)
    with pytest.raises(ValueError, match=r"latents lacks latents of the split 'train'"):
        cache.read("train")
    counted, seen = counting(encoder, stop_at=2)
    with counted, pytest.raises(KeyboardInterrupt):
        cache.fill(show=False)
    counted, more = counting(encoder)
    with counted:
        cache.fill(show=False)
    assert seen + more == [(0, 0), (0, 3), (0, 6), (1, 0), (1, 3), (1, 6), (0, 0)]
    kept = cache.read("train")
    assert kept.shape == (2, 8, 12)
    torch.testing.assert_close(
        kept[1, 3:6], encoder.encode(data.split("train").take(slice(3, 6)), 1, 3)
    )
    assert cache.read("val").shape == (1, 2, 12)
    file = run.path / "latents" / "train-1-000003.safetensors"
    file.write_bytes(file.read_bytes()[:40])
    counted, again = counting(encoder)
    with counted:
        LatentCache(run, encoder, data).fill(show=False)
    assert again == [(1, 3)]
    assert torch.equal(cache.read("train"), kept)


def test_damage_is_encoded_anew(in_threes, encoder, data, run: Run):
    cache = LatentCache(run, encoder, data)
    cache.fill(show=False)
    kept, folder = {s: cache.read(s) for s in ("train", "val")}, run.path / "latents"

    def load() -> None:
        try:
            wrong = [s for s in kept if not torch.equal(cache.read(s), kept[s])]
        except ValueError:  # told to be missing, so that `fill` makes it
            wrong = []
        if not wrong:
            raise ValueError("Restore: nothing wrong was read")

    assert accepted(folder, load, count=100, seed=0) == []
    for content in (b"", b"[]", b'{"key": 1}', b"\xff"):
        (folder / "index.json").write_bytes(content)
        with pytest.warns(UserWarning, match=r"or its index\.json is damaged; .*anew"):
            cache.fill(show=False)
        assert torch.equal(cache.read("train"), kept["train"])


def test_latents_of_earlier_versions_have_no_checksum(encoder, data, run: Run):
    cache = LatentCache(run, encoder, data)
    cache.fill(show=False)
    kept = cache.read("train")
    for file in (run.path / "latents").glob("*.safetensors"):
        save_file(load_file(file), file)
    counted, seen = counting(encoder)
    with counted:
        cache.fill(show=False)
    assert seen == []
    assert torch.equal(cache.read("train"), kept)


def test_latents_of_other_weights_or_fields_are_made_anew(encoder, net, data, run: Run, recwarn):
    LatentCache(run, encoder, data).fill(show=False)
    before = LatentCache(run, encoder, data).read("train")
    net.decoder.norm.weight.data += 1  # no latent depends on that
    LatentCache(run, FieldEncoder(net, DATA, 0), data).fill(show=False)
    assert not [w for w in recwarn if "anew" in str(w.message)]
    net.encoder.norm.weight.data += 1
    other = LatentCache(run, FieldEncoder(net, DATA, 0), data)
    with pytest.warns(UserWarning, match=r"latents holds latents of other weights.*anew"):
        other.fill(show=False)
    assert not torch.allclose(other.read("train"), before)
    more = LatentCache(run, other.encoder, replace(data, values=data.values + 0.1))
    with pytest.warns(UserWarning, match="anew"):
        more.fill(show=False)


def test_progress_is_told(encoder, data, run: Run, capsys):
    LatentCache(run, encoder, data).fill(show=True)
    assert "encoding 18/18 · " in capsys.readouterr().err
