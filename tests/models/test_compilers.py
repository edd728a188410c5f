"""Networks under torch.export and torch.compile, with the prior's posterior as an input."""

import pytest
import torch
from torch import Tensor, nn

from mamba_diffae.fields import Observations
from mamba_diffae.models.base import FieldFlow
from mamba_diffae.priors import PriorPosterior

TWO = ("row", "column")  # fewer operations to trace


class FromTensors(nn.Module):
    """A network whose `forward` has tensors only, as an exported program has."""

    def __init__(self, net: FieldFlow) -> None:
        super().__init__()
        self.net = net

    def forward(
        self,
        noisy: Tensor,
        query: Tensor,
        t: Tensor,
        coords: Tensor,
        values: Tensor,
        mask: Tensor,
        lattice: Tensor,
        observed: Tensor,
    ) -> Tensor:
        seen = Observations(coords, values, mask)
        return self.net(noisy, query, t, seen, PriorPosterior(lattice, observed))


def arguments(net: FieldFlow, observed, queries: int, points: int) -> tuple[Tensor, ...]:
    asked, seen = observed(points=queries, seed=1), observed(points=points, missing=0.3)
    posterior = net.prior.posterior(seen)
    given = (asked.values, asked.coords, torch.tensor([0.2, 0.9]))
    return (*given, seen.coords, seen.values, seen.mask, posterior.lattice, posterior.observed)


@pytest.mark.parametrize("kind", ["autoencoder", "mamba-diffusion"])
def test_it_exports_with_any_number_of_points(network, observed, kind: str) -> None:
    net = network(kind, directions=TWO)
    tensors, auto = FromTensors(net), {1: torch.export.Dim.AUTO}
    points = (auto, auto, None, auto, auto, auto, None, None)
    with torch.no_grad():
        given = arguments(net, observed, 40, 50)
        exported = torch.export.export(tensors, given, strict=False, dynamic_shapes=points)
        program = exported.module()
        for sizes in ((77, 90), (500, 400)):  # of so many places a tree finds the nearest
            other = arguments(net, observed, *sizes)
            torch.testing.assert_close(program(*other), tensors(*other), rtol=0, atol=1e-5)


def test_it_compiles_without_a_break(network, observed) -> None:
    net = network(directions=TWO)
    tensors, given = FromTensors(net), arguments(net, observed, 9, 20)
    compiled = torch.compile(tensors, backend="aot_eager", fullgraph=True)
    velocity = compiled(*given)
    torch.testing.assert_close(velocity, tensors(*given), rtol=0, atol=1e-5)
    velocity.sum().backward()
    assert net.encoder.to_latent.weight.grad.abs().sum() > 0
