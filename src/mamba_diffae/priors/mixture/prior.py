"""A mixture of Gaussians: kriging, all training fields, and those most like the observations."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from mamba_diffae.fields import FieldData, Observations
from mamba_diffae.priors.base import Prior, PriorConfig, PriorPosterior
from mamba_diffae.priors.conditional import Conditional
from mamba_diffae.priors.exemplars import GAP, choose, encode
from mamba_diffae.priors.field_law import FieldLaw
from mamba_diffae.priors.kriging.draws import DrawKey, draw_stationary
from mamba_diffae.priors.kriging.neighbourhoods import EXACT
from mamba_diffae.priors.kriging.prior import KrigingPrior
from mamba_diffae.priors.kriging.seen import Seen, coarse
from mamba_diffae.priors.leave_out import Folds
from mamba_diffae.priors.mixture.draws import draw_library
from mamba_diffae.priors.mixture.familiarity import Reference
from mamba_diffae.priors.mixture.gaussians import COMPONENTS, Gaussians
from mamba_diffae.priors.mixture.hybrid import HybridLaw
from mamba_diffae.priors.mixture.lattice import LatticeMap
from mamba_diffae.priors.mixture.learned import Learned
from mamba_diffae.priors.mixture.library import Components, Library, principal_components
from mamba_diffae.priors.mixture.library_law import library_law
from mamba_diffae.priors.mixture.on_lattice import on_lattice
from mamba_diffae.priors.mixture.posterior import MixturePosterior
from mamba_diffae.priors.mixture.targets import Targets
from mamba_diffae.priors.mixture.tuning import Numbers, tune
from mamba_diffae.priors.mixture.weighed import Weighed, counted
from mamba_diffae.priors.mixture.weights import ByCount

MODES = 128
"""Principal components of the training fields, at most."""
_LEAST = 1e-6
"""Variance that a value of a field has, at least."""
_FEW = 8
"""Validation fields from which numbers are learned, at least; else training fields serve, each with
its own group hidden."""


@final
class MixturePrior(Prior):
    """Kriging, a library of training fields and its analogues, weighed by left-out observations.

    * kriging: see `KrigingPrior`, several laws; ordinary, without the training fields' mean.
    * library: N(μ, Σ), μ the mean of the training fields, Σ their covariance shrunk towards the
      stationary one of kriging, see `HybridLaw`; gappy POD with correlated residuals.
    * analogues: the training fields nearest to the observations; their weighted mean, and Σ with
      their covariance added.

    A field's weights follow from the errors of each component at observations that are left out,
    see `log_weights`, and from odds learned at the same number of places. So where a field
    resembles nothing in training the answer is that of kriging. How much is shrunk, how short the
    residual's lengths are, how much analogues count, the odds and how wide deviations must be are
    chosen on validation fields, or on training fields whose own group is hidden.

    Args:
        config: Lattice, sizes, and how many training fields are kept: none is kriging alone.
        modes: Principal components, at most.
    """

    learns_from_points: ClassVar[bool] = True
    answers_anywhere: ClassVar[bool] = True
    exemplars: Tensor
    centre: Tensor
    modes: Tensor
    variance: Tensor
    numbers: Tensor

    def __init__(self, config: PriorConfig, modes: int = MODES) -> None:
        super().__init__(config)
        if modes < 1:
            raise ValueError(f"The mixture prior was given modes={modes}; give one at least.")
        E, size, C = config.exemplars, config.cells * config.value_dim, config.value_dim
        self.kriging = KrigingPrior(config)
        M, K = min(modes, E), len(COMPONENTS)
        self.register_buffer("exemplars", torch.zeros(E, size, dtype=torch.int8))
        self.register_buffer("groups", torch.zeros(E, dtype=torch.int64))
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("modes", torch.zeros(M, size, dtype=torch.float16))
        self.register_buffer("variance", torch.ones(C, dtype=torch.float64))
        self.register_buffer("numbers", torch.tensor(Numbers(), dtype=torch.float64))
        for name, part in zip(ByCount._fields, ByCount.neutral(K, C), strict=True):
            self.register_buffer(f"usual_{name}", part)
        for name, part in zip(Reference._fields, Reference.neutral(), strict=True):
            self.register_buffer(f"reference_{name}", part)
        self._library: Library | None = None

    @property
    def fitted(self) -> bool:
        """Whether kriging has laws."""
        return self.kriging.fitted

    def fit(
        self, data: FieldData | Observations, validation: FieldData | Observations | None = None
    ) -> None:
        """See `Prior.fit`.

        Args:
            data: Training fields, or snapshots of scattered points: of these the library keeps what
                kriging makes of them, with gaps where it cannot tell.
            validation: Fields of the same kind from which numbers are learned.
        """
        self.kriging.fit(data)
        if not len(self.exemplars):
            return
        self.variance.copy_(self._keep(data))
        tune(self, data, validation if validation is not None and len(validation) >= _FEW else None)

    def keep(self, data: FieldData | Observations) -> None:
        """See `Prior.keep`."""
        self._keep(data)

    def _keep(self, data: FieldData | Observations) -> Tensor:
        """Exemplars, their mean and components; returns their variance, shape (C,)."""
        self._library = None
        chosen = choose(len(data), len(self.exemplars))
        if isinstance(data, Observations):
            from mamba_diffae.priors.mixture.reconstruction import reconstructed

            rows = torch.from_numpy(chosen)
            self.exemplars.copy_(reconstructed(self.kriging, data[rows]))
            self.groups.copy_(rows)
        else:
            kept = data.take(chosen)
            # The lattice is equally spaced, also where its shape is that of an uneven grid.
            self.exemplars.copy_(encode(kept.at(kept.grid.regrid(self.config.shape))))
            self.groups.copy_(torch.as_tensor(kept.groups))
        found = principal_components(self._codes(), len(self.modes), self.config.value_dim)
        self.centre.copy_(found.mean)
        self.modes.copy_(found.modes)
        return found.variance

    def fields(self) -> tuple[Tensor, Tensor]:
        """See `Prior.fields`; mirrored ones too, if they count."""
        codes = self._codes()
        shape = (-1, self.config.cells, self.config.value_dim)
        known = codes != GAP
        values = torch.where(known, codes.float() / 127, self.centre)
        return values.reshape(shape), known.reshape(shape)

    @torch.no_grad()
    def posterior(
        self,
        observations: Observations,
        groups: Tensor | None = None,
        keys: Tensor | None = None,
    ) -> PriorPosterior:
        """See `Prior.posterior`; fields observed in the same places share their systems."""
        return on_lattice(self, observations, groups, keys)

    @torch.no_grad()
    def condition(self, observations: Observations, groups: Tensor | None = None) -> Conditional:
        """See `Prior.condition`."""
        return MixturePosterior(self, observations, groups)

    def unseen(
        self, fields: int, places: int, cells: LatticeMap | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Mean, deviation, weights and familiarity of fields that were not observed at all."""
        C, kriging = self.config.value_dim, self.kriging
        mean = kriging.mean.cpu().expand(fields, places, C).clone()
        std = (kriging.deviation * (1 + kriging.trend).sqrt()).cpu().expand_as(mean).clone()
        weights = torch.zeros(fields, len(COMPONENTS) if len(self.exemplars) else 1).double()
        weights[:, 0] = 1
        if len(self.exemplars) and cells is not None:
            mean[:] = cells(self.centre.cpu().double().unflatten(0, (-1, C)))
            std[:] = self.variance.cpu().sqrt()
        return mean, std, weights, torch.ones(fields, dtype=torch.float64)

    def draw_unseen(self, targets: Targets, keys: Tensor, white: bool) -> Tensor:
        """Draws of fields that were not observed at all, shape (F, K, M, C).

        Args:
            targets: Where, M of them.
            keys: Shape (F, K).
            white: Whether the nugget at the targets is drawn.
        """
        law, draws = self.law(), DrawKey.of(keys)
        if law is None:
            found = draw_stationary(self.kriging.stationary(), targets.boxes, draws, white)
        else:
            geometry = self.config.geometry
            found = draw_library(self.library(), law, geometry, targets, draws, white)
        found = found.movedim(-1, 0).unflatten(0, keys.shape)
        return self.kriging.mean.cpu() + self.kriging.deviation.cpu() * found

    def weigh(self, observations: Observations, groups: Tensor | None = None) -> Weighed:
        """Components and weights of fields that were observed alike, at one place at least."""
        seen = self.kriging.see(observations)
        gaussians = self.given(seen, self.hidden(groups), self.law())
        read = [len(seen.place[seen.kind == c].unique()) for c in range(seen.variables)]
        usual = self.usual().at_each(seen.places, read)
        if gaussians.learned is None:
            one = torch.ones_like(gaussians.errors())
            return Weighed(gaussians, one, None, one, one)
        told, w = counted(gaussians, usual)
        p = self.reference().p_value(told, usual)
        widths = usual.widths(gaussians.misfit())
        both = (part[..., None] * widths for part in (usual.inflation, usual.rough))
        return Weighed(gaussians, w, p, *both)

    def given(self, seen: Seen, hidden: Tensor | None, law: HybridLaw | None) -> Gaussians:
        """Components under a hybrid law, given what was seen."""
        geometry, config = self.config.geometry, self.config
        few = self.reduced(seen)
        places = few.coords[few.first]
        folds = Folds.like_targets(geometry.embed(places), geometry.embed(config.centres()))
        learned = None
        if law is not None:
            share = float(self.numbers[2])
            learned = Learned(self.library(), law, share, few, config, hidden)
        # What training fields say of means is for the library: kriging serves fields of any kind.
        krige = partial(self.kriging.kriged, ordinary=law is not None)
        return Gaussians(krige(seen), learned, folds, None if few is seen else krige(few))

    def reduced(self, seen: Seen) -> Seen:
        """What was seen, as so many readings that one system is solved for all."""
        return coarse(seen, self.config, EXACT)

    def hidden(self, groups: Tensor | None) -> Tensor | None:
        """Exemplars of the fields' own groups, mirrored ones too, shape (F, E), bool."""
        if groups is None:
            return None
        own = groups[:, None] == self.groups.cpu()
        return torch.cat([own, own], dim=1) if self.config.mirrored else own

    def law(self, numbers: Numbers | None = None) -> HybridLaw | None:
        """The hybrid law of library and analogues; None: there are no exemplars."""
        family = self.kriging.family()
        if not len(self.exemplars) or family is None:
            return None
        given = Numbers(*self.numbers.tolist()) if numbers is None else numbers
        usual = family.usual.law
        law = replace(usual, length=tuple(a * given.length for a in usual.length))
        variance = self._spread()
        between = self.kriging.between.cpu()
        return HybridLaw(given.share, law, variance, between, given.within)

    def field_law(self) -> FieldLaw:
        """See `Prior.field_law`: the library's law, or kriging's without one."""
        law = self.law()
        if law is None:
            return self.kriging.field_law()
        return library_law(self.config, self.library(), law)

    def _spread(self) -> float:
        """Variance around the mean of the exemplars, in units of the usual deviation."""
        count = len(self.exemplars)
        if count < 2:
            return 1.0
        around = self.variance.cpu() / self.kriging.deviation.cpu().square()
        return max(float(around.mean()) * count / (count - 1), _LEAST)

    def usual(self) -> ByCount:
        """What is usual at each number of places."""
        return ByCount(*(getattr(self, f"usual_{name}").cpu() for name in ByCount._fields))

    def reference(self) -> Reference:
        """How unlike training fields their own kind is."""
        return Reference(*(getattr(self, f"reference_{n}").cpu() for n in Reference._fields))

    @torch.no_grad()
    def condition_increment(self, change: Tensor, observed: Tensor) -> Tensor:
        """See `Prior.condition_increment`, by the library's law."""
        from mamba_diffae.priors.mixture.increment import left_of

        law = self.law()
        if law is None:
            return self.kriging.condition_increment(change, observed)
        return left_of(change, observed, self.library(), law, self.kriging.deviation.cpu(), self)

    def library(self) -> Library:
        """Exemplars and components as numbers, made once."""
        if self._library is None:
            found = Components(self.centre.cpu(), self.modes.cpu(), self.variance.cpu())
            centre, deviation = self.kriging.mean.cpu(), self.kriging.deviation.cpu()
            self._library = Library(self.config, self._codes().cpu(), found, centre, deviation)
        return self._library

    def _codes(self) -> Tensor:
        """The exemplars, and mirrored ones if they count."""
        if not self.config.mirrored:
            return self.exemplars
        shape = (-1, *self.config.shape, self.config.value_dim)
        return torch.cat([self.exemplars, self.exemplars.reshape(shape).flip(-2).flatten(1)])

    def _load_from_state_dict(self, *args: Any, **options: Any) -> None:
        """What was made of other exemplars is dropped."""
        super()._load_from_state_dict(*args, **options)
        self._library = None

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles leave out what is computed from the exemplars."""
        return {**self.__dict__, "_library": None}
