"""What trainer, sampler and evaluator need of any network: the velocity of a flow over a field."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn

from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.flow import NoiseLaw, coloured_noise, fit_noise_law
from mamba_diffae.models.config import DecoderInputs, FieldConfig
from mamba_diffae.models.presets import preset_config
from mamba_diffae.priors import NoPrior, Prior, PriorConfig, PriorPosterior


class State(NamedTuple):
    """Values of x_t, or of noise, at the queries (B, N, C) and at the anchors (B, A, C)."""

    queries: Tensor
    anchors: Tensor


class FieldFlow(nn.Module, ABC):
    """A velocity u(x_t, t | observations), in pieces that are each computed once.

    The flow's state is the field at the queries and, for networks that have them, at fixed anchors.
    `encode_context` gives what the observations say, `query_features` what the queries' places
    say; neither depends on t. Then at every stage `anchor_flow` moves the anchors, and `query_flow`
    the queries, reading them.

    Attributes:
        kind: Name on the shell and in checkpoints.
        config_class: What the network is built from.
        phases: Training phases the network has, in their order.
        optional_phases: Those of them that are trained only where they are asked for.
        has_latent: Whether there is a latent, and with it a choice of decoder inputs.
        anchors: Positions of the anchors, shape (A, D); A = 0 where there are none.
        prior: What says, before the network looks, what a field probably is.
    """

    kind: ClassVar[str]
    config_class: ClassVar[type[FieldConfig]]
    phases: ClassVar[tuple[str, ...]]
    optional_phases: ClassVar[tuple[str, ...]] = ()
    has_latent: ClassVar[bool] = False
    config: FieldConfig
    anchors: Tensor
    prior: Prior

    noise_weights: Tensor
    noise_mixing: Tensor

    def __init__(self, config: FieldConfig) -> None:
        super().__init__()
        self.config = config
        self.prior = NoPrior(
            PriorConfig(
                geometry=config.geometry, shape=config.observed_shape, value_dim=config.value_dim
            )
        )
        lattices = len(config.noise_shapes)
        self.register_buffer("noise_weights", torch.full((lattices,), 1 / lattices))
        self.register_buffer("noise_mixing", torch.eye(config.value_dim))

    @classmethod
    def from_preset(cls, preset: str, **fields: Any) -> Self:
        """A network of a preset's sizes; any field of the config can be given by keyword."""
        return cls(preset_config(preset, cls.kind, cls.config_class, fields))  # pyright: ignore[reportCallIssue]

    @property
    def streams(self) -> bool:
        """Whether a query's value is free of the other queries, so that they may come in chunks."""
        return False

    @property
    def writes_draws(self) -> bool:
        """Whether it has learned to write a draw in one evaluation; see `models.drawing`."""
        return False

    @property
    def anchor_shape(self) -> tuple[int, ...]:
        """Anchors along each axis; of no anchors, zeros."""
        return (0,) * self.config.coord_dim

    @abstractmethod
    def encode_context(
        self,
        observations: Observations,
        *,
        latent: Tensor | None = None,
        decoder_inputs: DecoderInputs | Tensor = "latent+points",
        posterior: PriorPosterior | None = None,
    ) -> Any:
        """Everything the observations say.

        Args:
            observations: Of B fields: inside coordinates, scaled values.
            latent: Used in place of the encoded one, shape (B, latent_dim).
            decoder_inputs: What the decoder reads: nothing, the latent, or the encoded points as
                well; a tensor of levels (see `DECODER_INPUTS`), shape (B,), says so for each field.
            posterior: What the prior makes of the observations, if it is known already.
        """

    def latent_context(self, latent: Tensor) -> Any:
        """Everything a latent alone says, shape (B, latent_dim); a latent of zeros says nothing."""
        raise ValueError(f"{self.kind} has no latent; it needs observations.")

    @abstractmethod
    def query_features(self, context: Any, query_coords: Tensor) -> Any:
        """Everything the places of the queries (B, N, D) say."""

    def anchor_flow(
        self, context: Any, t: Tensor, x: Tensor, present: Tensor | None = None
    ) -> tuple[Any, Tensor]:
        """What queries read of the anchors, and the anchors' velocity.

        Args:
            context: From `encode_context`.
            t: Shape (B,).
            x: State at the anchors, shape (B, A, C).
            present: False where an anchor's state is not known, shape (B, A); None: all known.
        """
        return None, x

    @abstractmethod
    def query_flow(
        self, context: Any, features: Any, t: Tensor, x: Tensor, anchor_output: Any
    ) -> Tensor:
        """Velocity at the queries, shape (B, N, C), from their state and the anchors' output."""

    def mean_initial_state(self, coords: Tensor, keys: Tensor) -> Tensor:
        """The x_0 from which the posterior mean x_0 + u(x_0, 0) is read, (B, N, C)."""
        return self.noise(coords, keys)

    def noise(self, coords: Tensor, keys: Tensor) -> Tensor:
        """x_0 at any places (B, N, D), for keys (B,): a random function of the network's law."""
        return coloured_noise(coords, keys, self.noise_law, self.config.geometry)

    @property
    def noise_law(self) -> NoiseLaw:
        """How x_0 is correlated: white between lattices and variables until it is learned."""
        pairs = zip(self.config.noise_shapes, self.noise_weights.tolist(), strict=True)
        shapes, weights = zip(*((shape, w) for shape, w in pairs if w > 0), strict=True)
        return NoiseLaw(shapes, weights, tuple(tuple(row) for row in self.noise_mixing.tolist()))

    def base_mean(self, context: Any, coords: Tensor) -> Tensor:
        """The prior's mean at places (B, N, D), shape (B, N, C); 0 where there is no prior."""
        return coords.new_zeros(*coords.shape[:-1], self.config.value_dim)

    def gated_mean(self, context: Any, coords: Tensor, mean: Tensor) -> Tensor:
        """The network's mean at places (B, N, D), as far as it is better than the prior's.

        Args:
            context: From `encode_context`.
            coords: Shape (B, N, D).
            mean: The network's own, shape (B, N, C).

        Returns:
            Shape (B, N, C): `mean` itself where no gate was fitted; see `SkillGate`.
        """
        return mean

    def trust(self, context: Any) -> Tensor | None:
        """How much of what the network learned counts, g of eq. (35), (B, 1, C); None: all."""
        return None

    def prior_std(self, context: Any, coords: Tensor) -> Tensor:
        """The prior's deviation at places (B, N, D), shape (B, N, 1); 0 where it states none."""
        return torch.zeros_like(coords[..., :1])

    def stated_error(self, context: Any, posterior: PriorPosterior) -> Tensor | None:
        """Squared error that the prior states for the mean from which a decoder starts.

        Args:
            context: From `encode_context`.
            posterior: What the prior makes of the observations.

        Returns:
            Of each field, shape (B,), without a gradient; None where nothing is stated.
        """
        return None

    def fit_prior(
        self,
        data: FieldData | Observations,
        validation: FieldData | Observations | None = None,
    ) -> None:
        """Let the prior, and what rests on it, learn from training fields (inside, scaled).

        Args:
            data: Fields, or observations of them; these only where `Prior.learns_from_points`.
            validation: Others of their kind, by which a prior may choose its numbers.

        Raises:
            ValueError: If this prior does not learn from observations.
        """
        if isinstance(data, Observations) and not self.prior.learns_from_points:
            raise ValueError(
                f"The prior {type(self.prior).__name__} learns from fields on a grid, not from "
                "scattered points; choose one that does, such as 'kriging', or 'none'."
            )
        self.prior.fit(data, validation)  # pyright: ignore[reportArgumentType]

    def fit_noise(self, residual: Tensor, weight: Tensor | None = None) -> None:
        """Give x_0 the correlation of what the mean leaves open.

        Args:
            residual: Truth minus mean of unseen fields, shape (S, *shape, C).
            weight: What each value counts, of the same shape: 0 in gaps; None: all alike.
        """
        shapes = self.config.noise_shapes
        periodic = self.config.geometry.periodic
        law = fit_noise_law(residual, shapes, weight=weight, periodic=periodic)
        found = dict(zip(law.shapes, law.weights, strict=True))
        self.noise_weights.copy_(torch.tensor([found.get(shape, 0.0) for shape in shapes]))
        self.noise_mixing.copy_(torch.tensor(law.mixing))

    def frozen_in_flow(self) -> Sequence[nn.Module]:
        """Parts that phase 2 leaves as phase 1 made them."""
        return ()

    def velocities(
        self,
        context: Any,
        query_coords: Tensor,
        t: Tensor,
        state: State,
        present: Tensor | None = None,
    ) -> State:
        """The velocity of the whole state, at one time.

        Args:
            context: From `encode_context`.
            query_coords: Shape (B, N, D).
            t: Shape (B,).
            state: x_t at queries and anchors.
            present: See `anchor_flow`.
        """
        output, anchors = self.anchor_flow(context, t, state.anchors, present)
        features = self.query_features(context, query_coords)
        return State(self.query_flow(context, features, t, state.queries, output), anchors)

    def forward(
        self,
        noisy_values: Tensor,
        query_coords: Tensor,
        t: Tensor,
        observations: Observations,
        posterior: PriorPosterior | None = None,
    ) -> Tensor:
        """The velocity at the queries; anchors, where there are any, count as not known.

        Args:
            noisy_values: x_t, shape (B, N, C).
            query_coords: Shape (B, N, D).
            t: Shape (B,).
            observations: Inside coordinates, scaled values.
            posterior: What the prior makes of them; None: it is asked. A network with a prior is
                exported and compiled with the posterior as an input.

        Returns:
            Shape (B, N, C).
        """
        context = self.encode_context(observations, posterior=posterior)
        shape = (len(query_coords), len(self.anchors))
        absent = torch.zeros(shape, dtype=torch.bool, device=t.device)
        anchors = noisy_values.new_zeros(*shape, noisy_values.shape[-1])
        state = State(noisy_values, anchors)
        return self.velocities(context, query_coords, t, state, absent).queries
