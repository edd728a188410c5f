"""Features by which sets of fields are compared: of a small classifier of their attributes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from mamba_diffae.evaluation.probes import LEAST_BASES, auroc, known_attributes
from mamba_diffae.fields import FieldData
from studies.common.cache import cached_arrays

WIDTH = 64
"""Features."""
CELLS = 48
"""Cells along the longest axis of what the classifier sees, at most."""
BATCH, RATE, SHIFT = 64, 2e-3, 2


@final
class AttributeClassifier(nn.Module):
    """Three strided convolutions, the mean over all cells, and one logit for each attribute.

    Args:
        dim: Axes of the fields.
        variables: Variables of the fields.
        attributes: Logits.
    """

    def __init__(self, dim: int, variables: int, attributes: int) -> None:
        super().__init__()
        convolution = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[dim]
        widths = (variables, WIDTH // 2, WIDTH, WIDTH)
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(itertools.pairwise(widths)):
            layers += [convolution(a, b, 3, stride=2, padding=1)]
            layers += [nn.GroupNorm(8, b), nn.SiLU()] if i < 2 else [nn.SiLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(WIDTH, attributes)

    def features(self, fields: Tensor) -> Tensor:
        """From fields (B, C, *shape), scaled to [-1, 1], to (B, 64)."""
        return self.body(fields).flatten(2).mean(dim=2)

    def forward(self, fields: Tensor) -> Tensor:
        """Logits, shape (B, attributes)."""
        return self.head(self.features(fields))


@final
class AttributeFeatures:
    """Features of fields, standardised by those of the training fields.

    Args:
        train: Fields with attributes.
        folder: Where the weights are stored, and found again.
        steps: Updates of the weights.
        seed: Of weights and batches.
        least: Training bases that must have an attribute, and as many that must not.

    Raises:
        ValueError: If too few training fields have, or lack, every attribute.
    """

    def __init__(
        self, train: FieldData, folder: Path, *, steps: int, seed: int, least: int = LEAST_BASES
    ) -> None:
        self.train = train
        self.shape = train.grid.scaled_shape(min(CELLS, max(train.shape)))
        labels = known_attributes(train.attributes, train.groups, least)
        if not labels:
            raise ValueError(
                f"The fields have {len(train.attributes)} attributes, and none that {least} "
                f"training bases have and {least} have not: a classifier has nothing to learn. "
                "Give a source with attributes, such as emoji or cifar10:DIR."
            )
        self.attributes = list(labels)
        fields = self._seen(train)
        target = torch.from_numpy(np.stack(list(labels.values()), axis=1)).float()
        key = {"steps": steps, "seed": seed, "fields": len(train), "attributes": self.attributes}
        weights = cached_arrays(
            folder / "classifier.npz",
            key,
            lambda: _learned(fields, target, steps, seed, mirrored=train.mirrored),
        )
        self.net = AttributeClassifier(train.grid.dim, train.n_variables, len(labels))
        self.net.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})
        self.net.eval()
        known = self._raw(fields)
        self.mean, self.deviation = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-6)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """From native values (n, *shape, C), in the units of the variables, to (n, 64)."""
        fields = self._seen(FieldData(self.train.variables, self.train.grid, values))
        return (self._raw(fields) - self.mean) / self.deviation

    def score(self, unseen: FieldData, least: int = 1) -> float:
        """Mean AUROC of the classifier over the attributes that enough unseen fields have.

        Args:
            unseen: Fields with attributes.
            least: Bases that must have an attribute, and as many that must not.
        """
        with torch.no_grad():
            logits = self.net(self._seen(unseen)).numpy()
        labels = known_attributes(unseen.attributes, unseen.groups, least)
        fold, once = np.zeros(len(unseen), dtype=int), np.ones((1, len(unseen)))
        found = [
            auroc(logits[:, k], labels[name], fold, once)[0]
            for k, name in enumerate(self.attributes)
            if name in labels
        ]
        return float(np.mean(found)) if found else float("nan")

    def _seen(self, data: FieldData) -> Tensor:
        """Averages scaled to [-1, 1], variables first; 0 in gaps."""
        coarse = data.at(self.shape)
        scaled = 2 * self.train.unit_interval(coarse.values) - 1
        scaled = np.where(coarse.valid_mask(), scaled, 0)
        return torch.from_numpy(scaled).movedim(-1, 1).contiguous()

    def _raw(self, fields: Tensor) -> np.ndarray:
        with torch.no_grad():
            return torch.cat([self.net.features(f) for f in fields.split(256)]).numpy()


def _learned(
    fields: Tensor, target: Tensor, steps: int, seed: int, *, mirrored: bool
) -> Mapping[str, np.ndarray]:
    """Weights that tell the attributes of training fields, shifted at random.

    Half of the batches are mirrored too, if that is as good.
    """
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = AttributeClassifier(fields.ndim - 2, fields.shape[1], target.shape[1])
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=steps + 1)
    for _ in range(steps):
        rows = torch.from_numpy(rng.integers(len(fields), size=min(BATCH, len(fields))))
        axes = tuple(range(2, fields.ndim))
        shown = fields[rows].roll(tuple(rng.integers(-SHIFT, SHIFT + 1, len(axes))), dims=axes)
        shown = shown.flip(-1) if mirrored and rng.random() < 0.5 else shown
        loss = nn.functional.binary_cross_entropy_with_logits(net(shown), target[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return {name: weight.numpy() for name, weight in net.state_dict().items()}
