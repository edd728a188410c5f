"""The gate's fit: where a trained network betters its prior, on own and on foreign fields."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Geometry, Observations
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.gate import SkillGate, SkillRecords, gate_features
from mamba_diffae.models.inference import prior_and_network_mean
from mamba_diffae.priors import Prior
from mamba_diffae.training.data.batches import known_rows
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.foreign import UNSEEN, ForeignFields
from mamba_diffae.training.data.lattice import Lattice
from mamba_diffae.training.data.sampling import ObservationSampler

FIELDS, CELLS = 32, 512
"""Own fields, as many foreign ones, and native cells of each that are scored, at most."""
CONDITIONS = (
    *(("random", fraction) for fraction in (0.005, 0.02, 0.05, 0.2, 0.6)),
    *((pattern, 0.2) for pattern in ("block", "clusters", "track")),
)
"""Pattern and share of the observed lattice."""
SHARES = {"own": 0.5, "met": 0.25, "unseen": 0.25}
"""What own fields count, foreign ones of the kinds in training batches, and of another kind."""
_SPLITS = ("val", "train")
_AT_ONCE = 16


@final
class _Fields(NamedTuple):
    """Own fields, then foreign ones.

    Attributes:
        sampler: Of observations.
        native: The truth.
        groups: To be hidden from the prior, shape (F,).
        sets: Which part of `SHARES` each belongs to, shape (F,).
    """

    sampler: ObservationSampler
    native: Lattice
    groups: np.ndarray
    sets: np.ndarray


def fit_gate(
    net: FieldFlow, prior: Prior, data: FieldData, sampling: DataConfig, seed: int
) -> None:
    """Fit a network's gate on skill, if it has one and its prior knows familiarity.

    Own fields are of the split "val"; if those are few also of "train", their own groups hidden
    from the prior. What counts is the squared error on cells that were not observed, as a share of
    the prior's, for each condition, set and variable alike.

    Args:
        net: Trained, in eval mode.
        prior: The network's own, on the CPU.
        data: With splits: inside coordinates, scaled values.
        sampling: The observed lattice; see `DataConfig.for_data`.
        seed: Same seed, same fields and observations.
    """
    gate = getattr(net, "gate", None)
    if not isinstance(gate, SkillGate) or prior.empty:
        return
    fields = _fields(data, sampling, seed)
    rng = np.random.default_rng((seed, len(CONDITIONS)))
    existing = np.flatnonzero(data.grid.exists)
    cells = np.sort(rng.permutation(existing)[:CELLS])
    coords = torch.from_numpy(data.grid.centres()[cells].astype(np.float32))
    rows, straight = np.arange(len(fields.groups)), np.zeros(len(fields.groups), dtype=bool)
    truth, known = map(torch.from_numpy, fields.native.at(rows, cells, straight))
    weight = known * torch.from_numpy(fields.native.area[cells])[:, None]
    parts = []
    for number, (pattern, fraction) in enumerate(CONDITIONS):
        stream = np.random.default_rng((seed, number))
        seen = fields.sampler.cells(stream, rows, straight, fraction, pattern)
        apart = unobserved(seen, coords, net.config.geometry)[..., None]
        records = _sums((net, prior), seen, coords, truth, weight * apart, fields.groups)
        if records is None:
            return
        parts.append(_weighted(records, fields.sets))
    records = SkillRecords.joined(parts)
    if records.weight.any():
        gate.fit(records)


def unobserved(seen: Observations, coords: Tensor, geometry: Geometry) -> Tensor:
    """Which of places (N, D) lie in no averaged box of an observation, shape (B, N), bool."""
    if (seen.coords == seen.coords[:1]).all() and (seen.present == seen.present[:1]).all():
        seen = seen[:1]
    sides = torch.zeros_like(seen.coords) if seen.support is None else seen.support
    inside = seen.present[:, :, None].expand(-1, -1, len(coords)).clone()
    for d, (extent, periodic) in enumerate(zip(geometry.extent, geometry.periodic, strict=True)):
        away = (coords[:, d] - seen.coords[..., d, None]).abs()
        away = torch.minimum(away, extent - away) if periodic else away
        inside &= away <= sides[..., d, None] / 2 + 1e-6 * extent
    return ~inside.any(dim=1)


def _fields(data: FieldData, sampling: DataConfig, seed: int) -> _Fields:
    """Fields to score, each foreign one made of an own one, half of them of the unseen kind."""
    own = data.take(_own_rows(data))
    foreign, numbers = ForeignFields(own), range(len(own))
    kinds = [UNSEEN if i % 2 else (k := foreign.kinds(i))[i // 2 % len(k)] for i in numbers]
    streams = [np.random.default_rng((seed, 1, i)) for i in numbers]
    made = foreign.of_kinds(kinds, streams, np.arange(len(own)))
    return _Fields(
        ObservationSampler(own, sampling).joined(made),
        Lattice.of(own).joined(Lattice.of(made)),
        np.concatenate([own.groups, made.groups]),
        np.array(["own"] * len(own) + ["unseen" if kind == UNSEEN else "met" for kind in kinds]),
    )


def _own_rows(data: FieldData) -> np.ndarray:
    """Validation fields; training fields beside them where they are fewer than half of `FIELDS`."""
    known = known_rows(data)
    unseen, learned = (_spread(data, known[data.splits[known] == s], FIELDS) for s in _SPLITS)
    if 2 * len(unseen) >= FIELDS:
        return unseen
    return np.concatenate([unseen, _spread(data, learned, FIELDS - len(unseen))])


def _spread(data: FieldData, rows: np.ndarray, count: int) -> np.ndarray:
    """At most so many of the rows, the first of each group, evenly spread."""
    first = rows[np.sort(np.unique(data.groups[rows], return_index=True)[1])]
    place = np.linspace(0, len(first) - 1, min(count, len(first))).round().astype(int)
    return first[place]


def _sums(
    networks: tuple[FieldFlow, Prior],
    seen: Observations,
    coords: Tensor,
    truth: Tensor,
    weight: Tensor,
    groups: np.ndarray,
) -> SkillRecords | None:
    """Of the fields of one condition, with weights of 1; None without familiarity."""
    net, prior = networks
    device, parts = next(net.parameters()).device, []
    with torch.no_grad():
        # Of all at once: fields observed alike share a prior's matrices.
        posterior = prior.posterior(seen, groups=torch.as_tensor(groups))
    features = gate_features(posterior)
    if features is None:
        return None
    for rows in torch.arange(len(seen)).split(_AT_ONCE):
        asked = coords.to(device).expand(len(rows), -1, -1)
        known = seen[rows].to(device), posterior[rows].to(device)
        base, mean = prior_and_network_mean(net, asked, *known)
        base, mean = base.cpu().double(), mean.cpu().double()
        error, change = truth[rows] - base, mean - base
        squares = (error.square(), error * change, change.square())
        prior_error, gain, size = ((weight[rows] * x).sum(dim=1).numpy() for x in squares)
        alike, numbers = np.ones(gain.shape), features[rows].double().numpy()
        parts.append(SkillRecords(numbers, prior_error, gain, size, alike))
    return SkillRecords.joined(parts)


def _weighted(records: SkillRecords, sets: np.ndarray) -> SkillRecords:
    """The same with weights by which the prior's error is 1 in each variable of all conditions."""
    weight = np.zeros(records.weight.shape)
    for name, share in SHARES.items():
        total = records.prior_error[sets == name].sum(axis=0)
        scale = share / len(CONDITIONS) / records.weight.shape[1]
        weight[sets == name] = np.divide(scale, total, out=np.zeros_like(total), where=total > 0)
    return replace(records, weight=weight)
