"""What trainer, sampler and evaluator need of any network: the velocity of a flow over a field."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from mamba_diffae.flow import NoiseLaw, coloured_noise, fit_noise_law
from mamba_diffae.models.config import Context, FieldConfig
from mamba_diffae.models.presets import preset_config
from mamba_diffae.models.prior import AnaloguePrior


class FieldFlow(nn.Module, ABC):
    """A velocity u(x_t, t | observations), in pieces that are each computed once.

    The flow's state is the field at the queries and, for networks that have them, at fixed anchors.
    `condition` is what the observations give, `site` what the queries' places give; neither depends
    on t. Then at every stage `anchor_flow` moves the anchors, and `query_flow` the queries, reading
    them.

    Attributes:
        kind: Name on the shell and in checkpoints.
        config_class: What the network is built from.
        phases: Training phases the network has, in their order.
        streams: Whether a query's value is free of the other queries, so that they may come in
            chunks.
        has_latent: Whether there is a latent, and with it a choice of context.
        anchors: Positions of the anchors, shape (A, D); A = 0 where there are none.
        prior: What says, before the network looks, what a field probably is; None: nothing does.
    """

    kind: ClassVar[str]
    config_class: ClassVar[type[FieldConfig]]
    phases: ClassVar[tuple[str, ...]]
    has_latent: ClassVar[bool]
    streams: bool = False
    config: FieldConfig
    anchors: Tensor
    prior: AnaloguePrior | None

    noise_weights: Tensor
    noise_mixing: Tensor

    def __init__(self, config: FieldConfig) -> None:
        super().__init__()
        self.config = config
        self.prior = None
        lattices = len(config.noise_cells)
        self.register_buffer("noise_weights", torch.full((lattices,), 1 / lattices))
        self.register_buffer("noise_mixing", torch.eye(config.value_dim))

    @classmethod
    def from_preset(cls, preset: str, **fields: Any) -> Self:
        """A network of a preset's sizes; any field of the config can be given by keyword."""
        return cls(preset_config(preset, cls.kind, cls.config_class, fields))  # pyright: ignore[reportCallIssue]

    @abstractmethod
    def condition(
        self,
        input_coords: Tensor,
        input_values: Tensor,
        input_mask: Tensor,
        *,
        latent: Tensor | None = None,
        context: Context | Tensor = "latent+points",
        estimate: Tensor | None = None,
    ) -> Any:
        """Everything the observations say.

        Args:
            input_coords: Shape (B, L, D).
            input_values: Shape (B, L, C), scaled.
            input_mask: Shape (B, L).
            latent: Used in place of the encoded one, shape (B, latent_dim).
            context: What the decoder reads: nothing, the latent, or the encoded points as well; a
                tensor of levels (see `CONTEXTS`), shape (B,), says so for each field.
            estimate: What the prior makes of the observations, if it is known already.
        """

    def condition_on_latent(self, latent: Tensor) -> Any:
        """Everything a latent alone says, shape (B, latent_dim); a latent of zeros says nothing."""
        raise ValueError(f"{self.kind} has no latent; it needs observations.")

    @abstractmethod
    def site(self, condition: Any, query_coords: Tensor) -> Any:
        """Everything the places of the queries (B, N, D) say."""

    def anchor_flow(
        self, condition: Any, t: Tensor, x: Tensor, present: Tensor | None = None
    ) -> tuple[Any, Tensor]:
        """Tokens of the anchors and their velocity.

        Args:
            condition: From `condition`.
            t: Shape (B,).
            x: State at the anchors, shape (B, A, C).
            present: False where an anchor's state is not known, shape (B, A); None: all known.
        """
        return None, x

    @abstractmethod
    def query_flow(self, condition: Any, site: Any, t: Tensor, x: Tensor, written: Any) -> Tensor:
        """Velocity at the queries, shape (B, N, C), from their state and what the anchors wrote."""

    def origin(self, coords: Tensor, keys: Tensor) -> Tensor:
        """The x_0 from which the posterior mean x_0 + u(x_0, 0) is read, (B, N, C)."""
        return self.noise(coords, keys)

    def noise(self, coords: Tensor, keys: Tensor) -> Tensor:
        """x_0 at any places (B, N, D), for keys (B,): a random function of the network's law."""
        return coloured_noise(coords, keys, self.noise_law)

    @property
    def noise_law(self) -> NoiseLaw:
        """How x_0 is correlated: white between lattices and channels until it is learned."""
        weights = self.noise_weights.tolist()
        kept = [(n, w) for n, w in zip(self.config.noise_cells, weights, strict=True) if w > 0]
        mixing = tuple(tuple(row) for row in self.noise_mixing.tolist())
        return NoiseLaw(tuple(n for n, _ in kept), tuple(w for _, w in kept), mixing)

    def remember(self, values: Tensor) -> None:
        """Let the prior keep complete fields, as `AnaloguePrior.remember` takes them."""
        assert self.prior is not None
        self.prior.remember(values)

    def learn_noise(self, residual: Tensor) -> None:
        """Give x_0 the correlation of what the mean leaves open.

        Args:
            residual: Truth minus mean of unseen fields, shape (S, n, ..., n, C).
        """
        law = fit_noise_law(residual, self.config.noise_cells)
        weight = dict(zip(law.cells, law.weights, strict=True))
        weights = torch.tensor([weight.get(cells, 0.0) for cells in self.config.noise_cells])
        self.noise_weights.copy_(weights)
        self.noise_mixing.copy_(torch.tensor(law.mixing))

    def frozen_in_diffusion(self) -> Sequence[nn.Module]:
        """Parts that phase 2 leaves as phase 1 made them."""
        return ()

    def forward(
        self,
        noisy_values: Tensor,
        query_coords: Tensor,
        t: Tensor,
        input_coords: Tensor,
        input_values: Tensor,
        input_mask: Tensor | None = None,
        estimate: Tensor | None = None,
    ) -> Tensor:
        """The velocity at the queries; anchors, where there are any, count as not known.

        Args:
            noisy_values: x_t, shape (B, N, C).
            query_coords: Shape (B, N, D).
            t: Shape (B,).
            input_coords: Observed places, shape (B, L, D).
            input_values: Observed values, shape (B, L, C), scaled.
            input_mask: Shape (B, L); None: all real.
            estimate: What the prior makes of the observations; None: it is asked. A network with a
                prior is exported and compiled with the estimate as an input.

        Returns:
            Shape (B, N, C).
        """
        if input_mask is None:
            input_mask = torch.ones_like(input_coords[..., 0], dtype=torch.bool)
        condition = self.condition(input_coords, input_values, input_mask, estimate=estimate)
        shape = (len(query_coords), len(self.anchors))
        absent = torch.zeros(shape, dtype=torch.bool, device=t.device)
        state = noisy_values.new_zeros(*shape, noisy_values.shape[-1])
        written, _ = self.anchor_flow(condition, t, state, absent)
        site = self.site(condition, query_coords)
        return self.query_flow(condition, site, t, noisy_values, written)
