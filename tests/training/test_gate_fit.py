"""The gate after a training: what the network knows better than its prior, and of which fields."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mamba_diffae.fields import FieldData, Geometry, Grid, Observations, Variable
from mamba_diffae.models.gate import SkillGate, SkillRecords
from mamba_diffae.priors import PriorPosterior
from mamba_diffae.training import gate_fit
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.data.field_snapshots import snapshots_of
from mamba_diffae.training.data.point_skill import OBSERVED, point_cases
from mamba_diffae.training.data.point_snapshots import PointSnapshots
from mamba_diffae.training.data.skill_cases import unobserved
from mamba_diffae.training.data.snapshots import Snapshots
from mamba_diffae.training.gate_fit import fit_gate

SHAPE = (20, 20)


def known_field(coords: Tensor) -> Tensor:
    """The one field that the network knows by heart, (B, N, 1)."""
    return 0.6 * torch.sin(5 * coords[..., :1]) * torch.cos(7 * coords[..., 1:])


class StubPrior:
    """Mean of the observations; familiar is what is like the known field."""

    empty = False

    def __init__(self, knows: bool = True) -> None:
        self.knows, self.hidden = knows, []

    def posterior(self, seen: Observations, groups: Tensor) -> PriorPosterior:
        self.hidden.append(groups)
        mean = (seen.values * seen.mask).sum(dim=1, keepdim=True) / seen.mask.sum(1, keepdim=True)
        away = (seen.values - known_field(seen.coords)).abs() * seen.mask
        p = (-(away.amax(dim=(1, 2)) / 0.3).square()).exp()
        lattice = torch.zeros(len(seen), 100, 3)
        lattice[..., :1] = mean
        observed = torch.zeros(len(seen), 100, 1, dtype=torch.bool)
        observed[:, : int(seen.counts.max())] = True
        weights = torch.stack([1 - p, p], dim=-1)
        return PriorPosterior(lattice, observed, weights, p if self.knows else None)


class StubNetwork(nn.Module):
    """What `fit_gate` asks of a network."""

    def __init__(self, prior: StubPrior) -> None:
        super().__init__()
        self.gate, self.weight = SkillGate(1), nn.Parameter(torch.zeros(1))
        self.prior, self.config = prior, SimpleNamespace(geometry=Geometry.unit(2))


def by_heart(net, coords, seen, posterior) -> tuple[Tensor, Tensor]:
    return posterior.mean[:, :1].expand(-1, coords.shape[1], -1), known_field(coords)


def from_near(net, coords, seen, posterior) -> tuple[Tensor, Tensor]:
    """A network that betters the mean of the observations on smooth fields of any kind."""
    away = torch.cdist(coords, seen.coords).masked_fill(~seen.present[:, None], 9)
    weight = torch.cat([(-20 * away).exp(), torch.full_like(away[..., :1], 0.1)], dim=-1)
    base = by_heart(net, coords, seen, posterior)[0]
    values = torch.cat([seen.values, base[:, :1]], dim=1)
    return base, weight @ values / weight.sum(dim=-1, keepdim=True)


@pytest.fixture
def data(inside) -> FieldData:
    data = inside(count=60, shape=SHAPE)
    coords = torch.from_numpy(data.grid.centres())
    values = known_field(coords).reshape(1, *SHAPE, 1).numpy()
    noise = 0.05 * np.random.default_rng(0).standard_normal((60, *SHAPE, 1))
    return replace(data, values=(values + noise).astype(np.float32))


def without_skill(net, coords, seen, posterior) -> tuple[Tensor, Tensor]:
    """What a network without skill adds: waves that are of no field."""
    base = by_heart(net, coords, seen, posterior)[0]
    return base, base + 0.5 * torch.sin(90 * coords.sum(dim=-1, keepdim=True))


def points(count: int, validation: int) -> PointSnapshots:
    """The known field at 24 places of each snapshot's own, the last of them of validation."""
    rng, found = np.random.default_rng(0), []
    for _ in range(count):
        coords = torch.from_numpy(rng.random((24, 2)))
        noise = 0.05 * torch.from_numpy(rng.standard_normal((24, 1)))
        found.append(Observations.from_points(coords, known_field(coords) + noise))
    splits = np.array(["train"] * (count - validation) + ["val"] * validation)
    given = Observations.stack(found).to(torch.float32)
    grid = Grid.regular(((0, 1), (0, 1)), (20, 20))
    return PointSnapshots((Variable("v"),), grid, given, splits, np.arange(count))


def gate_of(
    data: FieldData | Snapshots, answer, monkeypatch, prior: StubPrior | None = None
) -> SkillGate:
    monkeypatch.setattr(gate_fit, "prior_and_network_mean", answer)
    prior = prior or StubPrior()
    net = StubNetwork(prior)
    given = snapshots_of(data)
    config = given.sampling(DataConfig(observed_shape=(10, 10)))
    cases = given.skill_cases(config, Geometry.unit(2), 0)
    fit_gate(net, prior, cases)  # pyright: ignore[reportArgumentType]
    return net.gate


def shares(gate: SkillGate, seen: int = 10) -> tuple[float, float]:
    """Of a field of the own kind, and of a foreign one."""
    p = torch.tensor([0.8, 0.0])
    observed = torch.zeros(2, 100, 1, dtype=torch.bool)
    observed[:, :seen] = True
    weights = torch.stack([1 - p, p], dim=-1)
    own, foreign = gate(PriorPosterior(torch.zeros(2, 100, 3), observed, weights, p)).flatten()
    return float(own), float(foreign)


def test_what_is_known_by_heart_counts_on_own_fields_alone(data, monkeypatch) -> None:
    gate = gate_of(data, by_heart, monkeypatch)
    for seen in (10, 50):  # one or two values may be of either kind
        own, foreign = shares(gate, seen)
        assert own > 0.8, seen
        assert foreign < 0.1
    again = gate_of(data, by_heart, monkeypatch)
    assert torch.equal(again.slopes, gate.slopes)


def test_what_helps_on_foreign_fields_too_counts_on_them(data, monkeypatch) -> None:
    own, foreign = shares(gate_of(data, from_near, monkeypatch), 20)
    assert min(own, foreign) > 0.6


def test_without_familiarity_own_fields_alone_decide(data, monkeypatch) -> None:
    for answer, counts in ((by_heart, True), (without_skill, False)):
        gate = gate_of(data, answer, monkeypatch, StubPrior(knows=False))
        assert bool(gate.fitted)
        observed = torch.zeros(1, 100, 1, dtype=torch.bool)
        observed[:, :20] = True
        share = float(gate(PriorPosterior(torch.zeros(1, 100, 3), observed)).flatten())
        assert share > 0.8 if counts else share < 0.2


@pytest.mark.parametrize("knows", [True, False])
def test_own_groups_are_hidden(data, monkeypatch, knows) -> None:
    prior = StubPrior(knows)
    assert bool(gate_of(data, by_heart, monkeypatch, prior).fitted)
    hidden = set(torch.cat(prior.hidden).tolist())
    assert hidden <= set(data.groups[data.splits != "test"].tolist())


def test_fields_with_gaps_and_few_of_them_do(inside, monkeypatch) -> None:
    data = inside(count=6, shape=SHAPE, gaps=True)
    assert bool(gate_of(data, from_near, monkeypatch).fitted)


def test_cells_within_an_averaged_box_are_observed_also_across_the_seam() -> None:
    coords = torch.tensor([[0.05, 0.5], [0.95, 0.5], [0.5, 0.5]])
    box = torch.tensor([[[0.99, 0.5]]])
    seen = Observations(
        box, torch.zeros(1, 1, 1), torch.ones(1, 1, 1, dtype=torch.bool), torch.full_like(box, 0.2)
    )
    flat, closed = Geometry.unit(2), Geometry(extent=(1.0, 1.0), periodic=(True, False))
    assert unobserved(seen, coords, flat).tolist() == [[True, False, True]]
    assert unobserved(seen, coords, closed).tolist() == [[False, False, True]]


def test_of_points_as_of_fields_what_is_known_by_heart_counts_on_own_ones(monkeypatch) -> None:
    own, foreign = shares(gate_of(points(20, 6), by_heart, monkeypatch))
    assert own > 0.8
    assert foreign < 0.2


def test_without_skill_the_answer_at_points_is_the_priors(monkeypatch) -> None:
    gate = gate_of(points(20, 6), without_skill, monkeypatch)
    for seen in (1, 5, 20):
        assert max(shares(gate, seen)) < 0.05, seen


@pytest.mark.parametrize(("validation", "groups"), [(4, range(8, 12)), (2, range(12))])
def test_points_that_are_asked_are_held_back_and_few_snapshots_serve_again(
    validation, groups
) -> None:
    data, least, most = points(12, validation), 24, 0
    for case in point_cases(data, 0):
        assert set(case.groups) == set(groups)
        assert case.weight.any(dim=1).all()
        for seen, coords, weight in zip(case.seen.fields(), case.coords, case.weight, strict=True):
            places = {tuple(x) for x in seen.coords[0][seen.present[0]].tolist()}
            asked = {tuple(x) for x in coords[weight[:, 0] > 0].tolist()}
            assert not places & asked
            assert len(places | asked) == 24
            least, most = min(least, len(places)), max(most, len(places))
    assert least == 1
    assert most == round(max(OBSERVED) * 24)


def test_foreign_points_lie_where_own_ones_do() -> None:
    case = next(point_cases(points(12, 4), 0))
    own, foreign = (torch.from_numpy(case.sets == name) for name in ("own", "unseen"))
    assert torch.equal(case.coords[own], case.coords[foreign])
    assert torch.equal(case.seen.coords[own], case.seen.coords[foreign])
    assert (case.truth[own] != case.truth[foreign]).all()


def test_each_foreign_field_counts_alike_and_own_ones_by_their_errors() -> None:
    sets = np.repeat(["own", "met", "unseen"], 4)
    error = np.tile([[1.0], [2.0], [40.0], [1e-6]], (3, 1))
    ones = np.ones_like(error)
    records = SkillRecords(np.zeros((12, 4)), error, ones, ones, ones)
    told = (gate_fit._weighted(records, sets).weight * error)[:, 0].reshape(3, 4)
    np.testing.assert_allclose(told[0], 0.5 * error[:4, 0] / error[:4].sum())
    np.testing.assert_allclose(told[1:, :3], 0.25 / 4)
    assert (told[1:, 3] < 1e-4).all()  # an error that is rounding has no weight
    without = gate_fit._weighted(records, np.where(sets == "own", "own", "met")).weight
    np.testing.assert_allclose((without * error).sum(), 0.5 + 0.25 * 6 / 8, rtol=1e-3)
