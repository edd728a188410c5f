"""Features by which sets of pictures are compared: of a small classifier of their attributes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from mamba_diffae.evaluation.probes import LEAST_BASES, auroc, known_attributes
from mamba_diffae.fields import GridField, area_average
from studies.common.cache import cached_arrays

WIDTH = 64
"""Features."""
SIZE = 48
"""Pixels a side of what the classifier sees, at most."""
BATCH, RATE, SHIFT = 64, 2e-3, 2


@final
class AttributeClassifier(nn.Module):
    """Three strided convolutions, the mean over the plane, and one logit for each attribute."""

    def __init__(self, channels: int, attributes: int) -> None:
        super().__init__()
        widths = (channels, WIDTH // 2, WIDTH, WIDTH)
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(itertools.pairwise(widths)):
            layers += [nn.Conv2d(a, b, 3, stride=2, padding=1)]
            layers += [nn.GroupNorm(8, b), nn.SiLU()] if i < 2 else [nn.SiLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(WIDTH, attributes)

    def features(self, pictures: Tensor) -> Tensor:
        """From pictures (B, C, s, s), scaled to [-1, 1], to (B, 64)."""
        return self.body(pictures).mean(dim=(2, 3))

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits, shape (B, attributes)."""
        return self.head(self.features(pictures))


@final
class AttributeFeatures:
    """Features of pictures, standardised by those of the training pictures.

    Args:
        train: Complete fields with attributes.
        folder: Where the weights are stored, and found again.
        steps: Updates of the weights.
        seed: Of weights and batches.
        least: Training bases that must have an attribute, and as many that must not.

    Raises:
        ValueError: If no attribute is held by enough training pictures.
    """

    def __init__(
        self, train: GridField, folder: Path, *, steps: int, seed: int, least: int = LEAST_BASES
    ) -> None:
        self.size, self.scaling = min(SIZE, train.size), train.scaling
        labels = known_attributes(train.attributes, train.groups, least)
        if not labels:
            raise ValueError(
                f"The fields have {len(train.attributes)} attributes, and none that {least} "
                f"training bases have and {least} have not: a classifier has nothing to learn. "
                "Give a source with attributes, such as emoji or cifar10:DIR."
            )
        self.attributes = list(labels)
        pictures = self._seen(train.at(self.size))
        target = torch.from_numpy(np.stack(list(labels.values()), axis=1)).float()
        key = {"steps": steps, "seed": seed, "fields": len(train), "attributes": self.attributes}
        weights = cached_arrays(
            folder / "classifier.npz", key, lambda: _learned(pictures, target, steps, seed)
        )
        self.net = AttributeClassifier(train.channels, len(labels))
        self.net.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})
        self.net.eval()
        known = self._raw(pictures)
        self.mean, self.deviation = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-6)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """From pictures (n, s, s, C), in the unit of the field, to (n, 64)."""
        pictures = self._seen(area_average(values, self.size))
        return (self._raw(pictures) - self.mean) / self.deviation

    def score(self, unseen: GridField, least: int = 1) -> float:
        """Mean AUROC of the classifier over the attributes that enough unseen pictures have.

        Args:
            unseen: Complete fields with attributes.
            least: Bases that must have an attribute, and as many that must not.
        """
        with torch.no_grad():
            logits = self.net(self._seen(unseen.at(self.size))).numpy()
        labels = known_attributes(unseen.attributes, unseen.groups, least)
        fold, once = np.zeros(len(unseen), dtype=int), np.ones((1, len(unseen)))
        found = [
            auroc(logits[:, k], labels[name], fold, once)[0]
            for k, name in enumerate(self.attributes)
            if name in labels
        ]
        return float(np.mean(found)) if found else float("nan")

    def _seen(self, values: np.ndarray) -> Tensor:
        scaled = self.scaling.scale(values.astype(np.float32))
        return torch.from_numpy(scaled).permute(0, 3, 1, 2).contiguous()

    def _raw(self, pictures: Tensor) -> np.ndarray:
        with torch.no_grad():
            return torch.cat([self.net.features(p) for p in pictures.split(256)]).numpy()


def _learned(pictures: Tensor, target: Tensor, steps: int, seed: int) -> Mapping[str, np.ndarray]:
    """Weights that tell the attributes of training pictures, mirrored and shifted at random."""
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = AttributeClassifier(pictures.shape[1], target.shape[1])
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=steps + 1)
    for _ in range(steps):
        rows = torch.from_numpy(rng.integers(len(pictures), size=min(BATCH, len(pictures))))
        shown = pictures[rows].roll(tuple(rng.integers(-SHIFT, SHIFT + 1, 2)), dims=(2, 3))
        shown = shown.flip(3) if rng.random() < 0.5 else shown
        loss = nn.functional.binary_cross_entropy_with_logits(net(shown), target[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return {name: weight.numpy() for name, weight in net.state_dict().items()}
