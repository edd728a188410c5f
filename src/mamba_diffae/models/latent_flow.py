"""What latents there are: a flow from noise to the latents of training fields."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mamba_diffae.flow import Preconditioning, fold, normals, solve
from mamba_diffae.models.config import LatentFlowConfig
from mamba_diffae.nn.embedding import TimeEmbedding

_STILL = 1e-3
"""Deviation, of the average, that a coordinate has which does not vary."""
_ANYWHERE = 0x1A7E
"""Marks the keys of a latent's noise, apart from those of the field that is drawn from it."""


@final
class LatentFlow(nn.Module):
    """A flow over standardised latents: uncorrelated, of mean 0 and of variance 1 on average.

    The network is a perceptron whose input comes again beside the hidden vector in every layer.
    What it gives is preconditioned along every principal axis of the latents, so that before any
    training it draws from the Gaussian of their mean and covariance: docs/concepts.md, eq. (34).

    Args:
        config: Sizes.

    Reference:
        Preechakul et al. (2022), Diffusion autoencoders, arXiv 2111.15640, appendix A: the latent
        DDIM's network; here its velocity is learned by flow matching, Lipman et al. (2022), arXiv
        2210.02747.
    """

    mean: Tensor
    axes: Tensor
    unit: Tensor
    sigma: Tensor

    def __init__(self, config: LatentFlowConfig) -> None:
        super().__init__()
        self.config = config
        z, width = config.latent_dim, config.width
        self.register_buffer("mean", torch.zeros(z))
        self.register_buffer("axes", torch.eye(z))
        self.register_buffer("unit", torch.ones(()))
        self.register_buffer("sigma", torch.ones(z))
        self.time = TimeEmbedding(width)
        entering = [z, *[width + z] * (config.blocks - 1)]
        self.layers = nn.ModuleList(_Layer(entry, width) for entry in entering)
        self.out = nn.Linear(width + z, z)
        for weight in self.out.parameters():
            nn.init.zeros_(weight)

    def fit_gaussian(self, latents: Tensor) -> None:
        """Take mean and covariance of latents, shape (S, latent_dim); axes by falling variance."""
        self.mean.copy_(latents.mean(dim=0))
        variance, axes = torch.linalg.eigh((latents - self.mean).T.double().cov(correction=0))
        variance, axes = variance.flip(0), axes.flip(1)
        self.axes.copy_(axes.T)
        self.unit.copy_(variance.mean().clamp(min=1e-12).sqrt())
        self.sigma.copy_((variance.clamp(min=0).sqrt() / self.unit).clamp(min=_STILL))

    def standardise(self, latents: Tensor) -> Tensor:
        """Latents (..., latent_dim) along their own axes, each of the variance `sigma` squared."""
        return (latents - self.mean) @ self.axes.T / self.unit

    def restore(self, standardised: Tensor) -> Tensor:
        """The inverse of `standardise`."""
        return self.unit * standardised @ self.axes + self.mean

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The velocity.

        Args:
            x_t: State between noise and standardised latents, shape (B, latent_dim).
            t: Time, shape (B,).

        Returns:
            Shape (B, latent_dim).
        """
        c_skip, _, c_out = (c[:, 0] for c in Preconditioning.at(t, self.sigma))
        # σ c_in x_t: every axis with its own variance, else the many small ones would dominate.
        entry, time = c_out * x_t, F.silu(self.time(t))
        h = entry
        for layer in self.layers:
            h = torch.cat([layer(h, time), entry], dim=-1)
        return c_skip * x_t + c_out * self.out(h)

    @torch.no_grad()
    def sample(self, keys: Tensor, *, solver: str = "heun", steps: int = 20) -> Tensor:
        """Draw latents.

        Args:
            keys: One for each, shape (B,), int64; a latent depends on its own key alone.
            solver: "heun" or "euler".
            steps: Steps of the solver.

        Returns:
            In the unit of the encoder, shape (B, latent_dim).

        Raises:
            ValueError: If the solver is unknown or wants fresh noise, or `steps` is below 1.
        """
        x_0 = normals(fold(keys, _ANYWHERE), self.config.latent_dim)

        def velocity(x: Tensor, t: float, stage: int) -> Tensor:
            return self(x, x.new_full((len(x),), t))

        return self.restore(solve(velocity, x_0, solver=solver, steps=steps).x)


@final
class _Layer(nn.Module):
    """A layer whose output is scaled by the time, normalised and passed through SiLU."""

    def __init__(self, entry: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(entry, width)
        self.scale = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, h: Tensor, time: Tensor) -> Tensor:
        return F.silu(self.norm(self.linear(h) * (1 + self.scale(time))))
