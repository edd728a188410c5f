"""The latents of fields: encoded once from most of their cells, kept in the run folder."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple, final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from mamba_diffae.fields import FieldData
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.fields.checksums import arrays_checksum
from mamba_diffae.models.serialization import LATER
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.field_snapshots import snapshots_of
from mamba_diffae.training.data.snapshots import Snapshots
from mamba_diffae.training.loop.progress import CountMeter
from mamba_diffae.training.run import Run

FRACTIONS = (0.6, 1.0)
"""Least and largest share of cells that a field is encoded from."""
FOLDER = "latents"
"""Where a run keeps them."""
_INDEX, _CHECKSUM = "index.json", "sha256"
_SEEN_ALIKE, _AT_ONCE = 128, 16
"""Fields observed in the same cells, so that the prior factors one matrix; and encoded at once."""


@final
class FieldEncoder:
    """Latents of fields, each of which may be encoded several times from other cells.

    As in training, exemplars of a field's own group are hidden from the prior: else a training
    field would be known by heart.

    Args:
        net: Trained, with a latent.
        data: The observed lattice, and whether mirrored fields count.
        seed: Same seed, same cells.
    """

    def __init__(self, net: Any, data: DataConfig, seed: int) -> None:
        self.net, self.data, self.seed = net.eval(), data, seed
        # On the CPU, as in training: the network's own has moved to the device with it.
        self.prior = copy.deepcopy(net.prior).cpu()

    def encode(self, fields: FieldData | Snapshots, encoding: int = 0, number: int = 0) -> Tensor:
        """Latents of fields, on a grid all observed in the same cells, shape (S, latent_dim).

        Args:
            fields: Inside coordinates, scaled values, each with a value at least; best about a
                hundred at a time, which the prior then serves with one matrix.
            encoding: Odd ones are of the mirrored fields, if those count.
            number: With the encoding and the seed, what the cells depend on.
        """
        rng = np.random.default_rng((self.seed, encoding, number))
        fields = snapshots_of(fields)
        config = fields.sampling(self.data)
        mirrored = bool(config.mirrored) and encoding % 2 == 1
        inputs = fields.most_of(rng, config, rng.uniform(*FRACTIONS), mirrored)
        posterior = self.prior.posterior(inputs, groups=torch.as_tensor(fields.groups))
        device = next(self.net.parameters()).device
        parts = []
        with torch.no_grad():
            for r in _slices(len(fields), _AT_ONCE):
                known = inputs[r].to(device), posterior[r].to(device)
                parts.append(self.net.encoding(*known).latent.cpu())
        return torch.cat(parts)

    def digest(self) -> str:
        """What a latent depends on beside the field: the encoder's weights, and the settings."""
        total = hashlib.sha256()
        for name, weight in self.net.state_dict().items():
            # A buffer that a later version adds changes nothing where it says nothing.
            says_nothing = name.startswith(LATER) and not weight.any()
            if name.startswith(("encoder.", "prior.", "codes.")) and not says_nothing:
                total.update(name.encode() + weight.cpu().contiguous().numpy().tobytes())
        about = [self.seed, self.data.observed_shape, self.data.mirrored, FRACTIONS, _SEEN_ALIKE]
        # A choice that a later version adds changes nothing where it is not made.
        config = self.net.config.model_dump(mode="json", exclude_defaults=True)
        total.update(json.dumps([*about, config]).encode())
        return total.hexdigest()


@final
class LatentCache:
    """RUN/latents: a file for each part of each encoding, so that one stopped is gone on with.

    Args:
        run: Where it stands.
        encoder: What encodes.
        data: Fields with splits; of "train" `encoder.data.encodings` are kept for each, of "val"
            one. Snapshots without any value are left out.
    """

    def __init__(self, run: Run, encoder: FieldEncoder, data: FieldData | Snapshots) -> None:
        self.run, self.encoder, self.folder = run, encoder, run.path / FOLDER
        counts = {"train": encoder.data.encodings, "val": 1}
        known = snapshots_of(data).known()
        self.counts = {s: n for s, n in counts.items() if (known.splits == s).any()}
        self.fields = {split: known.split(split) for split in self.counts}

    def fill(self, *, show: bool) -> None:
        """Encode what is missing; all, with a warning, if what stands is of other weights.

        Args:
            show: Whether to show a progress bar.
        """
        self._begin()
        parts = list(self._parts())
        missing = [part for part in parts if self._read(part) is None]
        done = sum(part.size for part in parts) - sum(part.size for part in missing)
        with CountMeter("encoding", sum(part.size for part in parts), done, show=show) as meter:
            for part in missing:
                fields = self.fields[part.split].take(part.rows)
                latents = self.encoder.encode(fields, part.encoding, part.rows.start)
                told = {_CHECKSUM: _checksum(latents)}
                with atomic_file(self.folder / part.name) as temporary:
                    save_file({"latents": latents.contiguous()}, temporary, metadata=told)
                meter.advance(part.size)

    def read(self, split: str) -> Tensor | None:
        """The latents of a split, shape (encodings, S, latent_dim), or None if it is empty.

        Raises:
            ValueError: If `fill` has not made them all.
        """
        if split not in self.counts:
            return None
        kept = [self._read(part) for part in self._parts() if part.split == split]
        if any(latents is None for latents in kept):
            raise ValueError(f"{self.folder} lacks latents of the split {split!r}; fill it first.")
        return torch.cat([z for z in kept if z is not None]).unflatten(0, (self.counts[split], -1))

    def _begin(self) -> None:
        """An empty folder, unless one of the same key stands."""
        key, index = self._key(), self.folder / _INDEX
        standing = index.read_bytes() if index.is_file() else None
        if standing is not None and _key_in(standing) == key:
            return
        if standing is not None:
            warnings.warn(
                f"{self.folder} holds latents of other weights, settings or fields, or its "
                f"{_INDEX} is damaged; they are encoded anew.",
                stacklevel=2,
            )
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.run.write_json(f"{FOLDER}/{_INDEX}", {"key": key})

    def _key(self) -> str:
        total = hashlib.sha256(self.encoder.digest().encode())
        for fields in self.fields.values():
            for _, content in fields.contents():
                total.update(content)
        return total.hexdigest()

    def _parts(self) -> Iterator[_Part]:
        for split, count in self.counts.items():
            for encoding in range(count):
                for rows in _slices(len(self.fields[split]), _SEEN_ALIKE):
                    yield _Part(split, encoding, rows)

    def _read(self, part: _Part) -> Tensor | None:
        """A part, or None if it is not there or damaged; earlier versions wrote no checksum."""
        try:
            with safe_open(self.folder / part.name, "pt") as kept:
                latents, about = kept.get_tensor("latents"), kept.metadata() or {}
        except (OSError, SafetensorError):
            return None
        own = _checksum(latents)
        return latents if about.get(_CHECKSUM, own) == own else None


@final
class _Part(NamedTuple):
    split: str
    encoding: int
    rows: slice

    @property
    def size(self) -> int:
        return self.rows.stop - self.rows.start

    @property
    def name(self) -> str:
        return f"{self.split}-{self.encoding}-{self.rows.start:06d}.safetensors"


def _key_in(index: bytes) -> Any:
    """What an index says; None if it is damaged."""
    try:
        return json.loads(index)["key"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _checksum(latents: Tensor) -> str:
    return arrays_checksum({"latents": latents.numpy()}, {})


def _slices(count: int, size: int) -> list[slice]:
    return [slice(i, min(i + size, count)) for i in range(0, count, size)]
