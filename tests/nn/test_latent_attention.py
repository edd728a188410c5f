"""Attention through learned vectors: sets, masks, cost."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mamba_diffae.nn.latent_attention import AttentionBlock, LatentAttention

D = 12


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def ones(*shape: int) -> torch.Tensor:
    return torch.ones(*shape, dtype=torch.bool)


def test_each_point_learns_of_every_other_through_one_vector() -> None:
    layer, tokens = LatentAttention(D, 1, 0), normal(2, 7, D).requires_grad_()
    y = layer(tokens, ones(2, 7))
    (gradient,) = torch.autograd.grad(y[0, 3].square().sum(), tokens)
    assert (gradient[0].abs().sum(-1) > 0).all()
    assert (gradient[1] == 0).all()


def test_a_set_twice_over_is_the_same_set() -> None:
    # Softmax weights halve: attention reads a measure, not a count.
    layer, tokens = LatentAttention(D, 5, 2), normal(2, 7, D)
    twice = layer(torch.cat([tokens, tokens], dim=1), ones(2, 14))
    torch.testing.assert_close(twice[:, :7], layer(tokens, ones(2, 7)), rtol=1e-5, atol=1e-5)


def test_masked_points_are_not_read_and_no_points_give_finite_gradients() -> None:
    layer, tokens = LatentAttention(D, 5, 1), normal(2, 7, D).requires_grad_()
    mask = ones(2, 7)
    mask[0, 2:], mask[1] = False, False
    y = layer(tokens, mask)
    torch.testing.assert_close(y[:1, :2], layer(tokens[:1, :2], mask[:1, :2]))
    (gradient,) = torch.autograd.grad(y[0, 0].sum() + y[1].sum(), tokens)
    assert (gradient[0, 1] != 0).any()
    assert (gradient[0, 2:] == 0).all()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("width", [8, 9])
def test_attention_of_equal_keys_is_the_average(width: int) -> None:
    block = AttentionBlock(width)
    attention = block.attention
    torch.nn.init.zeros_(attention.kv.weight[:width])
    queries, context = normal(1, 3, width), normal(1, 6, width, seed=1)
    value = attention.kv(block.norm(context))[..., width:].mean(dim=1, keepdim=True)
    expected = queries + attention.out(value)
    expected = expected + block.perceptron(expected)
    torch.testing.assert_close(block(queries, context, ones(1, 6)), expected)


def test_the_cost_is_linear_in_the_points() -> None:
    layer, block = LatentAttention(D, 5, 2), AttentionBlock(D)

    def operations(points: int, through: bool) -> int:
        tokens, mask = normal(1, points, D), ones(1, points)
        # Fused kernels are not counted.
        with FlopCounterMode(display=False) as count, sdpa_kernel(SDPBackend.MATH):
            layer(tokens, mask) if through else block(tokens, tokens, mask)
        return count.get_total_flops()

    few, more, most = (operations(n, through=True) for n in (64, 128, 192))
    assert most - more == more - few
    few, more, most = (operations(n, through=False) for n in (64, 128, 192))
    assert most - more > more - few
