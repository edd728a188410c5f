"""The linear code: what it keeps of a field, and how little is lost."""

import pytest
import torch

from mamba_diffae.fields import Observations
from mamba_diffae.models.codes.pca import PrincipalCode
from mamba_diffae.models.config import AutoencoderConfig
from mamba_diffae.priors import PriorPosterior

P, C = 24, 2


def fields(count: int, rank: int) -> torch.Tensor:
    """Fields (count, P, C) around another centre than zero that vary in `rank` directions."""
    generator = torch.Generator().manual_seed(1)
    directions = torch.linalg.qr(torch.randn(P * C, rank, generator=generator))[0].T
    loud = torch.logspace(0, -1, rank)
    values = 0.3 + (torch.randn(count, rank, generator=generator) * loud) @ directions
    return values.unflatten(1, (P, C))


def fresh(dim: int) -> PrincipalCode:
    return PrincipalCode(dim, AutoencoderConfig(value_dim=C, prior_shape=(4, 6)))


def fitted(values: torch.Tensor, dim: int, known: torch.Tensor | None = None) -> PrincipalCode:
    code = fresh(dim)
    code.fit(values, torch.ones_like(values, dtype=torch.bool) if known is None else known)
    return code


def encode(code: PrincipalCode, values: torch.Tensor) -> torch.Tensor:
    """Of fields that a prior is sure of."""
    nothing = torch.zeros(len(values), 0, C)
    seen = Observations(nothing, nothing, nothing.bool())
    std, observed = torch.zeros(len(values), P, 1), torch.zeros_like(values, dtype=torch.bool)
    return code.encode(seen, PriorPosterior.of(values, std, observed))


def decoded(code: PrincipalCode, values: torch.Tensor) -> torch.Tensor:
    return code.decode(encode(code, values))


def test_what_varies_in_fewer_directions_than_the_code_has_comes_back() -> None:
    for count in (20, 200):  # fewer fields than values, and more
        values = fields(count, rank=8)
        error = (decoded(fitted(values, 12), values) - values).square().mean().sqrt()
        assert error < 0.01 * values.std()  # axes are of 8 bits


def test_it_is_a_projection() -> None:
    values = fields(300, rank=30)
    code = fitted(values, 10)
    once = decoded(code, values)
    torch.testing.assert_close(decoded(code, once), once, rtol=0, atol=0.02)
    left, kept = (x.flatten(1) for x in (values - once, once - values.mean(dim=0)))
    assert torch.cosine_similarity(left, kept).abs().max() < 0.05


def test_it_keeps_as_much_variance_as_principal_components_can() -> None:
    values = fields(300, rank=30)
    variance = torch.linalg.eigvalsh(values.flatten(1).T.cov()).flip(0)
    lost = (decoded(fitted(values, 10), values) - values).square().sum(dim=(1, 2)).mean()
    torch.testing.assert_close(lost, variance[10:].sum(), rtol=0.02, atol=0.0)


def test_coordinates_vary_alike_and_the_code_of_the_centre_is_zero() -> None:
    values = fields(500, rank=30)
    code = fitted(values, 24)
    deviation = encode(code, values).std(dim=0)
    assert deviation.max() < 4 * deviation.min()  # components themselves: 7 to 1
    torch.testing.assert_close(code.decode(torch.zeros(1, 24))[0], values.mean(dim=0))


def test_equal_fields_leave_a_code_of_nothing() -> None:
    code = fitted(torch.full((5, P, C), 0.25), 8)
    assert encode(code, torch.rand(2, P, C)).abs().max() == 0
    assert code.decode(torch.rand(2, 8)).unique() == 0.25


def test_the_axes_are_the_same_each_time() -> None:
    one, other = (fitted(fields(60, rank=20), 16) for _ in range(2))
    assert torch.equal(one.axes, other.axes)


@pytest.mark.parametrize("under", [0.0, 99.0, torch.nan])
def test_gaps_have_the_mean_and_land_counts_nothing(under: float) -> None:
    values = fields(200, rank=6)
    known = torch.rand(values.shape, generator=torch.Generator().manual_seed(0)) < 0.9
    known[:, 3] = False  # land
    code = fitted(torch.where(known, values, under), 8, known)
    counted = (values * known).sum(0) / known.sum(0).clamp(min=1)
    torch.testing.assert_close(code.centre.unflatten(0, (P, C)), counted)
    axes = (code.axes * code.unit).unflatten(1, (P, C))
    assert not axes[:, 3].any()
    filled = torch.where(known, values, counted)
    error = (decoded(code, filled) - values)[known].square().mean().sqrt()
    assert error < 0.4 * values[known].std()


def test_a_code_of_no_numbers_says_nothing() -> None:
    code = fitted(fields(5, rank=2), 0)
    assert encode(code, fields(2, rank=2)).shape == (2, 0)
    assert not code.decode(torch.zeros(2, 0)).any()
