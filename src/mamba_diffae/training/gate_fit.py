"""The gate's fit: where a trained network betters its prior, on own and on foreign fields."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch

from mamba_diffae.models.base import FieldFlow
from mamba_diffae.models.gate import SkillGate, SkillRecords, gate_features
from mamba_diffae.models.inference import prior_and_network_mean
from mamba_diffae.priors import Prior
from mamba_diffae.training.data.skill_cases import SkillCase

SHARES = {"own": 0.5, "met": 0.25, "unseen": 0.25}
"""What each of `SkillCase.sets` counts."""
_AT_ONCE = 16
_LEAST = 1e-3
"""Least error of a foreign field by which what a network adds is judged, as a share of the mean."""


def open_gate(net: FieldFlow) -> None:
    """Let all count that a network says, until its gate is fitted anew."""
    gate = getattr(net, "gate", None)
    if isinstance(gate, SkillGate):
        gate.fitted.fill_(False)


def fit_gate(net: FieldFlow, prior: Prior, cases: Iterable[SkillCase]) -> bool:
    """Fit a network's gate on skill, if it has one.

    What counts is the squared error where nothing was observed, as a share of the prior's, for each
    case, set and variable alike, and of foreign sets for each field. Groups of the fields are
    hidden from the prior. A prior that knows no familiarity cannot tell foreign fields: they do not
    count.

    Args:
        net: Trained, in eval mode.
        prior: The network's own, on the CPU.
        cases: From `Snapshots.skill_cases`; none is made if there is no gate to fit.

    Returns:
        Whether it was fitted.
    """
    gate = getattr(net, "gate", None)
    if not isinstance(gate, SkillGate) or prior.empty:
        return False
    parts = [_records(net, prior, case) for case in cases]
    records = SkillRecords.joined(parts)
    if not records.weight.any():
        return False
    gate.fit(replace(records, weight=records.weight / len(parts)))
    return True


def _records(net: FieldFlow, prior: Prior, case: SkillCase) -> SkillRecords:
    """Of the fields of one case, weighted."""
    device, parts = next(net.parameters()).device, []
    with torch.no_grad():
        # Of all at once: fields observed alike share a prior's matrices.
        posterior = prior.posterior(case.seen, groups=torch.as_tensor(case.groups))
    if posterior.familiarity is None:
        case = case.own()
        posterior = posterior[: len(case.seen)]
    features = gate_features(posterior)
    for rows in torch.arange(len(case.seen)).split(_AT_ONCE):
        known = case.seen[rows].to(device), posterior[rows].to(device)
        base, mean = prior_and_network_mean(net, case.coords[rows].to(device), *known)
        base, mean = base.cpu().double(), mean.cpu().double()
        error, change = case.truth[rows] - base, mean - base
        squares = (error.square(), error * change, change.square())
        prior_error, gain, size = ((case.weight[rows] * x).sum(dim=1).numpy() for x in squares)
        alike, numbers = np.ones(gain.shape), features[rows].double().numpy()
        parts.append(SkillRecords(numbers, prior_error, gain, size, alike))
    return _weighted(SkillRecords.joined(parts), case.sets)


def _weighted(records: SkillRecords, sets: np.ndarray) -> SkillRecords:
    """The same with weights by which the prior's error is about 1 in all variables of a case.

    Own fields count by their errors. Foreign ones are of many kinds, some of them told a thousand
    times better than others: each field counts alike.
    """
    weight, error = np.zeros(records.weight.shape), records.prior_error
    for name, share in SHARES.items():
        of = error[sets == name]
        if len(of) and name == "own":
            total = np.broadcast_to(of.sum(axis=0), of.shape)
        else:
            total = len(of) * np.maximum(of, _LEAST * of.sum(axis=0) / max(len(of), 1))
        scale = share / error.shape[1]
        weight[sets == name] = np.divide(scale, total, out=np.zeros_like(of), where=total > 0)
    return replace(records, weight=weight)
