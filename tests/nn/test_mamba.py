"""Mamba blocks over scattered points: sets in, sets out; and the recurrence, term by term."""

import math

import pytest
import torch
from torch import Tensor, nn

from mamba_diffae.fields.geometry import Geometry
from mamba_diffae.nn.mamba import LinearTimeInvariantBlock, MultiDirectionalMambaBlock, Paths

D = 8
SQUARE = Geometry.unit(2)
DIRECTIONS = ("row", "row_reversed", "column", "hilbert_reversed")


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def scattered(count: int, seed: int = 0) -> Tensor:
    return torch.rand(2, count, 2, generator=torch.Generator().manual_seed(seed))


def seeded(module: nn.Module) -> nn.Module:
    for number, parameter in enumerate(module.parameters()):
        parameter.data = parameter.data + 0.3 * normal(*parameter.shape, seed=number)
    return module


def mix(block: nn.Module, tokens: Tensor, coords: Tensor, mask: Tensor, *vector) -> Tensor:
    kind = "distance" if isinstance(block, MultiDirectionalMambaBlock) else "count"
    return block(tokens, Paths.through(coords, mask, DIRECTIONS, kind, 0.1, SQUARE), *vector)


@pytest.fixture(params=["mamba", "trapezoidal", "time-invariant"])
def block(request) -> nn.Module:
    kinds = {
        "mamba": lambda: MultiDirectionalMambaBlock(D, 2, len(DIRECTIONS)),
        "trapezoidal": lambda: MultiDirectionalMambaBlock(
            D, 2, len(DIRECTIONS), discretisation="exponential-trapezoidal"
        ),
        "time-invariant": lambda: LinearTimeInvariantBlock(D, len(DIRECTIONS), d_state=4),
    }
    return seeded(kinds[request.param]())


def test_padding_changes_nothing(block: nn.Module) -> None:
    tokens, coords = normal(2, 20, D), scattered(20)
    mask = torch.ones(2, 20, dtype=torch.bool)
    expected = mix(block, tokens, coords, mask)
    padded = mix(
        block,
        torch.cat([normal(2, 7, D, seed=9), tokens], dim=1),
        torch.cat([scattered(7, seed=9), coords], dim=1),
        torch.arange(27).expand(2, -1) >= 7,
    )
    torch.testing.assert_close(padded[:, 7:], expected, rtol=1e-5, atol=1e-5)


def test_shuffled_points_give_shuffled_tokens(block: nn.Module) -> None:
    tokens, coords = normal(2, 20, D), scattered(20)
    mask = torch.ones(2, 20, dtype=torch.bool)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    expected = mix(block, tokens, coords, mask)[:, order]
    given = mix(block, tokens[:, order], coords[:, order], mask)
    torch.testing.assert_close(given, expected, rtol=1e-5, atol=1e-5)


def test_every_token_depends_on_every_other(block: nn.Module) -> None:
    tokens = normal(2, 12, D).requires_grad_()
    y = mix(block, tokens, scattered(12), torch.ones(2, 12, dtype=torch.bool))
    for place in (0, 5, 11):
        (gradient,) = torch.autograd.grad(y[0, place].square().sum(), tokens, retain_graph=True)
        assert (gradient[0].abs().sum(-1) > 0).all()
        assert (gradient[1] == 0).all()
    y.square().sum().backward()
    unused = [name for name, p in block.named_parameters() if not p.grad.abs().sum() > 0]
    assert unused == []


def test_a_modulation_changes_nothing_until_it_has_learned() -> None:
    block = MultiDirectionalMambaBlock(D, 2, len(DIRECTIONS), modulation_dim=3)
    tokens, coords, mask = normal(2, 9, D), scattered(9), torch.ones(2, 9, dtype=torch.bool)
    a, b = (mix(block, tokens, coords, mask, normal(2, 3, seed=s)) for s in (1, 2))
    assert torch.equal(a, b)
    seeded(block)
    a, b = (mix(block, tokens, coords, mask, normal(2, 3, seed=s)) for s in (1, 2))
    assert (a - b).abs().max() > 1e-3


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("count", [41, 81, 161])
def test_the_memory_is_a_distance_not_a_number_of_points(count: int, periodic: bool) -> None:
    # One state, as it is at initialisation: decay 1/4 and dt = 1/2 for one unit of length.
    block, length_scale = MultiDirectionalMambaBlock(D, 1, 1), 0.3
    nn.init.zeros_(block.dt_down.weight)
    x = torch.linspace(0.05, 0.95, count)
    coords = torch.stack([torch.zeros_like(x), x], dim=-1)[None]
    tokens = normal(D).repeat(1, count, 1).requires_grad_()
    mask = torch.ones(1, count, dtype=torch.bool)
    geometry = Geometry(extent=(1.0, 1.0), periodic=(False, periodic))
    y = block(tokens, Paths.through(coords, mask, ("row",), "distance", length_scale, geometry))
    (gradient,) = torch.autograd.grad(y[0, count // 2].sum(), tokens)
    first, quarter = gradient[0, 0].norm(), gradient[0, count // 4].norm()
    expected = math.exp(-0.5 / 4 * 0.225 / length_scale)
    assert (first / quarter).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("directions", [("none",), ("row", "column", "diagonal", "antidiagonal")])
def test_the_time_invariant_block_is_its_recurrence(directions: tuple[str, ...]) -> None:
    K, N, L, padded = len(directions), 4, 11, 3
    block = seeded(LinearTimeInvariantBlock(D, K, N))
    tokens, coords = normal(1, L + padded, D), scattered(L + padded)[:1]
    mask = torch.arange(L + padded)[None] < L
    paths = Paths.through(coords, mask, directions, "count", 1.0, SQUARE)
    given = block(tokens, paths)[0, :L].detach().double()

    block, tokens = block.double(), tokens.double()
    u = block.norm(tokens)[0]
    A = -block.A_log.exp()
    systems = []
    for k in range(K):
        W_B, W_C = block.W_B.weight[k * N : (k + 1) * N], block.W_C[k].weight
        h, y = torch.zeros(N, dtype=torch.float64), torch.zeros_like(u)
        for p in paths.order[0, k].tolist():
            if mask[0, p]:
                h = torch.exp(A[k] / L) * h + W_B @ u[p] / L
                y[p] = W_C @ h
        systems.append(y)
    mixed = block.fuse(torch.cat(systems, dim=-1)) + block.D * u
    expected = (tokens[0] + mixed * torch.sigmoid(block.gate(u)))[:L]
    torch.testing.assert_close(given, expected.detach(), rtol=1e-5, atol=1e-5)


def test_one_set_of_paths_serves_a_batch() -> None:
    coords, mask = scattered(6)[:1], torch.ones(1, 6, dtype=torch.bool)
    paths = Paths.through(coords, mask, ("row",), "distance", 0.1, SQUARE)
    wide = paths.expand(3)
    assert wide.step is not None
    assert (wide.order.shape, wide.step.shape, wide.mask.shape) == ((3, 1, 6), (3, 1, 6), (3, 6))
    learned = Paths.through(coords, mask, ("row",), "learned", 0.1, SQUARE)
    assert learned.step is None
    assert learned.expand(3).step is None


def test_values_break_ties_between_points_at_one_place() -> None:
    coords, mask = torch.full((1, 5, 2), 0.5), torch.ones(1, 5, dtype=torch.bool)
    values = normal(1, 5, 1)
    paths = Paths.through(coords, mask, ("row",), "count", 1.0, SQUARE, values)
    assert torch.equal(paths.order[0, 0], values[0, :, 0].argsort())
