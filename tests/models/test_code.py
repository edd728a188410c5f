"""The linear code: what it keeps of a field, and how little is lost."""

import torch

from mamba_diffae.models.code import PrincipalCode

P, C = 48, 2


def fields(count: int, rank: int) -> torch.Tensor:
    """Fields (count, P) around another centre than zero that vary in `rank` directions."""
    generator = torch.Generator().manual_seed(1)
    directions = torch.linalg.qr(torch.randn(P, rank, generator=generator))[0].T
    loud = torch.logspace(0, -1, rank)
    return 0.3 + (torch.randn(count, rank, generator=generator) * loud) @ directions


def learned(values: torch.Tensor, latent_dim: int) -> PrincipalCode:
    code = PrincipalCode(latent_dim, P)
    code.learn(values)
    return code


def decoded(code: PrincipalCode, values: torch.Tensor) -> torch.Tensor:
    return code.decode(code.encode(values.unflatten(1, (-1, C))), C).flatten(1)


def test_what_varies_in_fewer_directions_than_the_latent_has_comes_back() -> None:
    for count in (20, 200):  # fewer fields than values, and more
        values = fields(count, rank=8)
        error = (decoded(learned(values, 12), values) - values).square().mean().sqrt()
        assert error < 0.01 * values.std()  # axes are of 8 bits


def test_it_keeps_as_much_variance_as_principal_components_can() -> None:
    values = fields(300, rank=30)
    variance = torch.linalg.eigvalsh(values.T.cov()).flip(0)
    lost = (decoded(learned(values, 10), values) - values).square().sum(dim=1).mean()
    torch.testing.assert_close(lost, variance[10:].sum(), rtol=0.02, atol=0.0)


def test_coordinates_vary_alike_and_the_code_of_the_centre_is_zero() -> None:
    values = fields(500, rank=30)
    code = learned(values, 24)
    deviation = code.encode(values.unflatten(1, (-1, C))).std(dim=0)
    assert deviation.max() < 4 * deviation.min()  # components themselves: 7 to 1
    torch.testing.assert_close(code.decode(torch.zeros(1, 24), C).flatten(), values.mean(dim=0))


def test_equal_fields_leave_a_code_of_nothing() -> None:
    code = learned(torch.full((5, P), 0.25), 8)
    assert code.encode(torch.rand(2, P // C, C)).abs().max() == 0
    assert code.decode(torch.rand(2, 8), C).unique() == 0.25


def test_the_axes_are_the_same_each_time() -> None:
    one, other = (learned(fields(60, rank=20), 16) for _ in range(2))
    assert torch.equal(one.axes, other.axes)
