"""The latents of complete fields: encoded once from most of their cells, kept in the run folder."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import warnings
from collections.abc import Iterator
from typing import NamedTuple, final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mamba_diffae.fields import CELLS, GridField, draw_cells, pixel_centres
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.models.autoencoder import MambaDiffusionAutoencoder
from mamba_diffae.training.batches import DataConfig, exemplar_groups, values_at
from mamba_diffae.training.progress import CountMeter
from mamba_diffae.training.run import Run

FRACTIONS = (0.6, 1.0)
"""Least and largest share of cells that a field is encoded from."""
FOLDER = "latents"
"""Where a run keeps them."""
_INDEX = "index.json"
_SEEN_ALIKE, _AT_ONCE = 128, 16
"""Fields observed in the same cells, so that the prior factors one matrix; and encoded at once."""


@final
class FieldEncoder:
    """Latents of complete fields, each of which may be encoded several times from other cells.

    As in training, exemplars of a field's own group are hidden from the prior: else a training
    field would be known by heart.

    Args:
        net: Trained.
        train: The fields that its prior remembers.
        data: Cells, and whether mirror images count.
        seed: Same seed, same cells.
    """

    def __init__(
        self, net: MambaDiffusionAutoencoder, train: GridField, data: DataConfig, seed: int
    ) -> None:
        self.net, self.data, self.seed = net.eval(), data, seed
        self.cells = data.cells or min(CELLS, train.size)
        # On the CPU, as in training: the network's own has moved to the device with it.
        self.prior = None if net.prior is None else copy.deepcopy(net.prior).cpu()
        self.exemplar_groups = exemplar_groups(train, net.prior)

    def encode(self, fields: GridField, encoding: int = 0, number: int = 0) -> Tensor:
        """Latents of fields that are all observed in the same cells, shape (S, latent_dim).

        Args:
            fields: Complete, of the training fields' kind; best about a hundred at a time, which
                the prior then serves with one matrix.
            encoding: Odd ones are of the mirror images, if those count.
            number: With the encoding and the seed, what the cells depend on.
        """
        rng = np.random.default_rng((self.seed, encoding, number))
        seen = draw_cells(rng, self.cells, rng.uniform(*FRACTIONS))
        scaled = fields.scaling.scale(fields.at(self.cells))
        mirror = np.full(len(fields), self.data.mirrored and encoding % 2 == 1)
        rows, places = np.arange(len(fields)), np.tile(seen, (len(fields), 1))
        values = values_at(scaled.reshape(len(fields), -1, fields.channels), rows, places, mirror)
        inputs = (
            torch.from_numpy(pixel_centres(self.cells)[seen]).expand(len(fields), -1, -1),
            torch.from_numpy(values),
            torch.ones(values.shape[:2], dtype=torch.bool),
        )
        own = torch.from_numpy(fields.groups[:, None] == self.exemplar_groups)
        estimate = None if self.prior is None else self.prior(*inputs, own)
        return torch.cat(
            [self._latents(inputs, estimate, r) for r in _slices(len(fields), _AT_ONCE)]
        )

    @torch.no_grad()
    def _latents(
        self, inputs: tuple[Tensor, Tensor, Tensor], estimate: Tensor | None, rows: slice
    ) -> Tensor:
        device = next(self.net.parameters()).device
        seen = [tensor[rows].to(device) for tensor in inputs]
        known = None if estimate is None else estimate[rows].to(device)
        return self.net.encoding(*seen, estimate=known).latent.cpu()

    def digest(self) -> str:
        """What a latent depends on beside the field: the encoder's weights, and the settings."""
        total = hashlib.sha256()
        for name, weight in self.net.state_dict().items():
            if name.startswith(("encoder.", "prior.", "principal.", "palette.")):
                total.update(name.encode() + weight.cpu().contiguous().numpy().tobytes())
        about = [self.seed, self.cells, self.data.mirrored, FRACTIONS, _SEEN_ALIKE]
        total.update(json.dumps([*about, self.net.config.model_dump(mode="json")]).encode())
        return total.hexdigest()


@final
class LatentCache:
    """RUN/latents: a file for each part of each encoding, so that one stopped is gone on with.

    Args:
        run: Where it stands.
        encoder: What encodes.
        truth: Complete fields; of the split "train" `encoder.data.encodings` are kept for each, of
            the split "val" one.
    """

    def __init__(self, run: Run, encoder: FieldEncoder, truth: GridField) -> None:
        self.run, self.encoder, self.folder = run, encoder, run.path / FOLDER
        counts = {"train": encoder.data.encodings, "val": 1}
        self.counts = {s: n for s, n in counts.items() if (truth.splits == s).any()}
        self.fields = {split: truth.split(split) for split in self.counts}

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
                with atomic_file(self.folder / part.name) as temporary:
                    save_file({"latents": latents.contiguous()}, temporary)
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
        standing = json.loads(index.read_text()).get("key") if index.is_file() else None
        if standing == key:
            return
        if standing is not None:
            warnings.warn(
                f"{self.folder} holds latents of other weights, settings or fields; they are "
                "encoded anew.",
                stacklevel=2,
            )
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.run.write_json(f"{FOLDER}/{_INDEX}", {"key": key})

    def _key(self) -> str:
        total = hashlib.sha256(self.encoder.digest().encode())
        for fields in self.fields.values():
            total.update(np.ascontiguousarray(fields.values).tobytes())
            total.update(np.ascontiguousarray(fields.groups).tobytes())
        return total.hexdigest()

    def _parts(self) -> Iterator[_Part]:
        for split, count in self.counts.items():
            for encoding in range(count):
                for rows in _slices(len(self.fields[split]), _SEEN_ALIKE):
                    yield _Part(split, encoding, rows)

    def _read(self, part: _Part) -> Tensor | None:
        """A part, or None if it is not there or cut short."""
        try:
            return load_file(self.folder / part.name)["latents"]
        except (OSError, SafetensorError, KeyError):
            return None


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


def _slices(count: int, size: int) -> list[slice]:
    return [slice(i, min(i + size, count)) for i in range(0, count, size)]
