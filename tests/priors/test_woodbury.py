"""The Woodbury identity against the dense solution."""

import pytest
import torch

from mamba_diffae.priors.woodbury import correction


@pytest.mark.parametrize("rank", [1, 6, 30])
@pytest.mark.parametrize("negative", [False, True])
def test_it_is_the_dense_conditional_mean(rank: int, negative: bool) -> None:
    B, P, nugget = 3, 12, 0.05
    observed = torch.tensor([0, 3, 4, 9])
    A = torch.randn(40, P, dtype=torch.float64)
    S = A.T @ A / 40
    L = torch.linalg.cholesky(S[observed][:, observed] + nugget * torch.eye(4))
    Z = torch.randn(B, rank, P, dtype=torch.float64)
    weight = torch.rand(B, rank, dtype=torch.float64) / rank
    if negative:  # what is taken out was in: of the first exemplars
        Z, weight = A[:rank].expand(B, -1, -1), torch.full_like(weight, -1 / 40)
    residual = torch.randn(B, 4, dtype=torch.float64)
    found = correction(S[observed], L, Z, observed, weight, residual)
    for b in range(B):
        full = S + (weight[b, :, None] * Z[b]).T @ Z[b]
        K = full[observed][:, observed] + nugget * torch.eye(4)
        expected = full[:, observed] @ torch.linalg.solve(K, residual[b])
        torch.testing.assert_close(found[b], expected, rtol=1e-6, atol=1e-8)
