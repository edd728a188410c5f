"""The objectives: which velocity is right, what is withheld and frozen, what gaps count."""

from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.models import ARCHITECTURES, FieldFlow
from mamba_diffae.models.config import DECODER_INPUTS, AutoencoderConfig
from mamba_diffae.models.decoders import DecoderContext
from mamba_diffae.priors import PriorPosterior
from mamba_diffae.training import OBJECTIVES
from mamba_diffae.training.data.batches import FieldBatches, TrainingBatch
from mamba_diffae.training.data.config import DataConfig
from mamba_diffae.training.objectives import phase_objective
from mamba_diffae.training.objectives.contrastive import WEIGHT, Contrastive, info_nce
from mamba_diffae.training.objectives.field_loss import (
    DENSITY_POWER,
    LEAST_DENSITY,
    P_DROP_POINTS,
    encode_batch,
    stated_weight,
    weighted_error,
)
from mamba_diffae.training.objectives.flow import P_DROP_ALL, P_DROP_ANCHORS, P_T_ZERO
from mamba_diffae.training.objectives.reconstruction import Reconstruction

FIELDS, PLACES = 3000, 16
DATA = DataConfig(queries=60, observed_shape=(12, 12))
OBJECTIVE = {phase: phase_objective(phase) for phase in ("autoencoder", "flow")}


class Witness(FieldFlow):
    """A network that knows the truth, and notes what it is asked.

    Its queries stand where its anchors are.
    """

    kind: ClassVar[str] = "witness"
    config_class = AutoencoderConfig
    phases: ClassVar[tuple[str, ...]] = ("autoencoder", "flow")
    has_latent: ClassVar[bool] = True

    def __init__(self, truth: Tensor) -> None:
        super().__init__(AutoencoderConfig(value_dim=1, noise_shapes=((4, 4),)))
        self.truth = truth
        self.anchors = torch.rand(PLACES, 2, generator=torch.Generator().manual_seed(0))
        self.weight = nn.Parameter(torch.zeros(()))

    def encode_context(self, observations, *, latent=None, decoder_inputs, posterior=None):
        self.levels = decoder_inputs
        return DecoderContext(torch.zeros(FIELDS, 1), None, torch.zeros(FIELDS, 0, 3), None, None)

    def query_features(self, context, query_coords) -> None:
        return None

    def anchor_flow(self, context, t, x, present=None) -> tuple[Tensor, Tensor]:
        self.t, self.anchor_state, self.present = t, x, present
        return x, self._right(t, x)

    def query_flow(self, context, features, t, x, anchor_output) -> Tensor:
        self.query_state = x
        return self._right(t, x)

    def mean_initial_state(self, coords: Tensor, keys: Tensor) -> Tensor:
        return coords.new_zeros(*coords.shape[:-1], 1)

    def _right(self, t: Tensor, x: Tensor) -> Tensor:
        """x_1 - x_0, from x_t and x_1."""
        return (self.truth - x) / (1 - t[:, None, None])


def asked(phase: str, shift: float = 0.0, **parts: Tensor) -> tuple[Witness, float]:
    """A witness after one batch of a phase, and its loss; its truth may be off by a shift."""
    truth = torch.randn(FIELDS, PLACES, 1, generator=torch.Generator().manual_seed(1))
    witness, ones = Witness(truth + shift), torch.ones(FIELDS, 2, 1, dtype=torch.bool)
    batch = TrainingBatch(
        inputs=Observations(torch.rand(FIELDS, 2, 2), torch.rand(FIELDS, 2, 1), ones),
        query_coords=witness.anchors.expand(FIELDS, -1, -1),
        query_values=truth,
        query_weight=torch.ones_like(truth),
        anchor_values=truth,
        anchor_weight=torch.ones_like(truth),
        keys=torch.arange(FIELDS),
        index=torch.arange(FIELDS),
        view_id=torch.arange(FIELDS),
        observed_fraction=torch.ones(FIELDS),
        posterior=PriorPosterior(torch.zeros(FIELDS, 0, 3), torch.zeros(FIELDS, 0, 1).bool()),
    )
    return witness, float(OBJECTIVE[phase].loss(witness, replace(batch, **parts)))


# Which velocity is right


@pytest.mark.parametrize("phase", OBJECTIVE)
def test_the_right_velocity_has_no_loss(phase: str) -> None:
    assert asked(phase)[1] < 1e-4
    assert asked(phase, shift=0.1)[1] > 0.005


def test_phase_1_is_the_flow_at_its_start() -> None:
    witness, _ = asked("autoencoder")
    assert not witness.t.any()
    assert not witness.query_state.any()
    assert not witness.anchor_state.any()
    assert witness.present is None


def test_phase_2_keeps_a_quarter_at_the_start_and_spreads_the_rest() -> None:
    witness, _ = asked("flow")
    at_start = witness.t == 0
    assert at_start.float().mean().item() == pytest.approx(P_T_ZERO, abs=0.04)
    quantiles = torch.tensor([0.1, 0.5, 0.9])
    spread = witness.t[~at_start].quantile(quantiles)
    torch.testing.assert_close(spread, quantiles, rtol=0, atol=0.04)
    # There the state is zero, as in phase 1 and in `reconstruct`, and every anchor is known.
    assert not witness.query_state[at_start].any()
    assert witness.query_state[~at_start].abs().min() > 0
    assert witness.present[at_start].all()


def test_phase_2_withholds_all_anchors_of_some_fields_and_the_states_are_of_one_path() -> None:
    witness, _ = asked("flow")
    moving = witness.t > 0
    absent = ~witness.present[moving]
    assert torch.equal(absent, absent[:, :1].expand_as(absent))
    assert absent.float().mean().item() == pytest.approx(P_DROP_ANCHORS, abs=0.02)
    # Anchors and queries at one place have one noise.
    torch.testing.assert_close(witness.query_state, witness.anchor_state)
    t = witness.t[moving][:, None, None]
    x_0 = (witness.query_state[moving] - t * witness.truth[moving]) / (1 - t)
    early = (t < 0.9).flatten()
    assert x_0[early].std().item() == pytest.approx(1, abs=0.03)


def test_an_anchor_in_a_gap_has_no_state_once_time_has_begun() -> None:
    weight = torch.ones(FIELDS, PLACES, 1)
    weight[:, :4] = 0
    witness, _ = asked("flow", anchor_weight=weight)
    moving = witness.t > 0
    assert not witness.present[moving][:, :4].any()
    assert witness.present[moving][:, 4:].float().mean() > 0.8
    assert witness.present[~moving].all()


@pytest.mark.parametrize(("phase", "p_drop_all"), [("autoencoder", 0), ("flow", P_DROP_ALL)])
def test_some_fields_are_read_from_the_latent_alone_and_some_from_nothing(
    phase: str, p_drop_all: float
) -> None:
    shares = asked(phase)[0].levels.bincount(minlength=3) / FIELDS
    expected = torch.tensor([p_drop_all, P_DROP_POINTS, 1 - p_drop_all - P_DROP_POINTS])
    torch.testing.assert_close(shares, expected, rtol=0, atol=0.03)


@pytest.mark.parametrize("phase", OBJECTIVE)
def test_a_network_without_a_latent_always_reads_the_points(phase: str, monkeypatch) -> None:
    monkeypatch.setattr(Witness, "has_latent", False)
    assert (asked(phase)[0].levels == DECODER_INPUTS.index("latent+points")).all()


def test_draws_for_different_ends_are_independent() -> None:
    witness, _ = asked("flow")
    columns = torch.stack(
        [
            witness.levels.float(),
            (witness.t == 0).float(),
            witness.query_state[:, 0, 0] - witness.t * witness.truth[:, 0, 0],
        ]
    )
    assert torch.corrcoef(columns).triu(1).abs().max() < 0.08
    moving = witness.t > 0
    pair = torch.stack([witness.levels[moving].float(), witness.t[moving]])
    assert torch.corrcoef(pair)[0, 1].abs() < 0.08


# What counts


def test_the_error_is_a_weighted_mean_over_what_counts() -> None:
    given, right = torch.randn(3, 10, 2), torch.randn(3, 10, 2)
    plain = (given - right).square().mean(dim=(1, 2))
    torch.testing.assert_close(weighted_error(given, right, torch.ones(3, 10, 2)), plain)
    weight = torch.rand(3, 10, 2) * (torch.rand(3, 10, 2) > 0.4)
    weight[2] = 0
    found = weighted_error(given, right, weight)
    one = (weight[0] * (given - right)[0].square()).sum() / weight[0].sum()
    torch.testing.assert_close(found[0], one)
    assert found[2] == 0
    assert weighted_error(given[:, :0], right[:, :0], weight[:, :0]).tolist() == [0] * 3


@pytest.fixture
def data(inside) -> FieldData:
    return inside(count=12)


def batch_of(data: FieldData, net: FieldFlow, step: int = 0, **options: int) -> TrainingBatch:
    given = {"seed": 0, "batch_size": 4, "anchor_shape": net.anchor_shape, **options}
    return FieldBatches(data, DATA, net.prior, **given)(step)


def test_dense_observations_weigh_more_down_to_a_floor(net_for, data) -> None:
    net = net_for(data, decoder="anchored")
    batch, loss = batch_of(data, net), OBJECTIVE["autoencoder"].loss
    dense = replace(batch, observed_fraction=torch.full((4,), 0.4))
    halved = replace(batch, observed_fraction=torch.full((4,), 0.2))
    ratio = loss(net, halved) / loss(net, dense)
    assert ratio.item() == pytest.approx(0.5**DENSITY_POWER, rel=1e-4)
    floor, below = (
        loss(net, replace(batch, observed_fraction=torch.full((4,), f)))
        for f in (LEAST_DENSITY, LEAST_DENSITY / 5)
    )
    assert torch.equal(floor, below)


def test_a_field_that_is_told_well_weighs_as_much_as_one_that_is_not(net_for, data) -> None:
    net = net_for(data)
    batch = batch_of(data, net)
    lattice = batch.posterior.lattice.clone()
    lattice[..., 1] *= 3
    wider = replace(batch, posterior=replace(batch.posterior, lattice=lattice))
    context = encode_batch(net, wider)
    error = net.stated_error(context, wider.posterior)
    torch.testing.assert_close(stated_weight(net, wider, context), 1 / error)
    assert (error > net.stated_error(context, batch.posterior)).all()
    # Of a network that states nothing the observed share decides.
    other = net_for(data, decoder="anchored")
    assert stated_weight(other, batch, encode_batch(other, batch)) is None


@pytest.mark.parametrize("kind", ARCHITECTURES.names())
@pytest.mark.parametrize("variables", [1, 3])
def test_the_loss_is_finite_and_depends_on_the_batch_alone(
    net_for, inside, kind: str, variables: int
) -> None:
    gappy = inside(count=12, shape=(16, 24), variables=variables, gaps=True)
    net = net_for(gappy, kind).train()
    config = DataConfig(queries=60, p_noise=0.5, p_sparse=0.5, p_variables=0.5)
    given = {"seed": 0, "batch_size": 4, "anchor_shape": net.anchor_shape}
    batches = FieldBatches(gappy, config, net.prior, **given)
    for objective in (OBJECTIVE[phase] for phase in net.phases if phase in OBJECTIVE):
        found = []
        for batch in map(batches, range(6)):
            first = objective.loss(net, batch)
            torch.manual_seed(77)
            assert torch.equal(objective.loss(net, batch), first)
            found.append(first.item())
            # Values that do not count change nothing.
            hidden = batch.query_weight == 0
            other = replace(batch, query_values=batch.query_values.masked_fill(hidden, 0.7))
            if objective.name == "reconstruction":
                assert torch.equal(objective.loss(net, other), first)
        assert torch.tensor(found).isfinite().all()
        assert len(set(found)) == 6


@pytest.mark.parametrize("phase", OBJECTIVE)
def test_a_field_weighs_the_same_in_every_batch(net_for, data, phase: str) -> None:
    # So that gradients are those of one large batch, however it is cut among processes.
    net = net_for(data)
    whole = batch_of(data, net)
    parts = [whole[i : i + 1] for i in range(4)]
    alone = torch.stack([OBJECTIVE[phase].loss(net, part) for part in parts])
    torch.testing.assert_close(alone.mean(), OBJECTIVE[phase].loss(net, whole))


def test_views_of_one_field_teach_its_latents_to_agree(net_for, data) -> None:
    net = net_for(data)
    batch = batch_of(data, net, batch_size=8, views=2)
    others = replace(batch, view_id=torch.arange(8))
    objective = OBJECTIVE["autoencoder"]
    latents = net.encoding(batch.inputs, batch.posterior).latent
    weight = WEIGHT * batch.observed_fraction.clamp(min=LEAST_DENSITY) ** DENSITY_POWER
    expected = (weight * info_nce(latents, batch.view_id)).mean()
    found = objective.loss(net, batch) - objective.loss(net, others)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)
    assert found > 0
    # By itself, with a weight of its own.
    alone = Contrastive(weight=3 * WEIGHT).loss(net, batch)
    torch.testing.assert_close(alone, 3 * expected, rtol=1e-3, atol=1e-6)
    off = Reconstruction(Contrastive(weight=0))
    torch.testing.assert_close(off.loss(net, batch), objective.loss(net, others))


def test_phase_2_leaves_the_encoder_alone(net_for, data) -> None:
    net = net_for(data)
    OBJECTIVE["flow"].prepare(net.train())
    assert not net.encoder.training
    assert net.decoder.training
    for step in range(3):  # so that some field keeps its points
        OBJECTIVE["flow"].loss(net, batch_of(data, net, step)).backward()
    assert all(p.grad is None for p in net.encoder.parameters())
    others = [*net.decoder.named_parameters(), *net.stage.named_parameters()]
    assert [name for name, p in others if p.grad is None or not p.grad.any()] == []
    OBJECTIVE["autoencoder"].prepare(net.train())
    assert all(p.requires_grad for p in net.parameters())
    assert net.encoder.training


def test_objectives_are_found_by_name() -> None:
    for name in OBJECTIVES.names():
        assert OBJECTIVES.get(name).name == name
    with pytest.raises(ValueError, match="Unknown objective 'contrastiv'; did you mean"):
        phase_objective("autoencoder", "contrastiv")
