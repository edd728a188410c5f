"""The library's law before any observation, in scaled values."""

from __future__ import annotations

from mamba_diffae.priors.base import PriorConfig
from mamba_diffae.priors.field_law import FieldLaw
from mamba_diffae.priors.mixture.hybrid import HybridLaw
from mamba_diffae.priors.mixture.library import Library


def library_law(config: PriorConfig, library: Library, law: HybridLaw) -> FieldLaw:
    """N(μ, λ Φ Φᵀ + (1 - λ) κ K ⊗ C): docs/concepts.md, eq. (39).

    Args:
        config: Region and lattice.
        library: The exemplars' mean and components, in units of each variable's deviation.
        law: λ, κ, K and C.
    """
    deviation = library.deviation
    sill = (1 - law.share) * law.variance * deviation[:, None] * law.between * deviation
    return FieldLaw(
        config,
        mean=library.centre + deviation * library.mean,
        modes=law.share**0.5 * deviation[:, None] * library.modes,
        kernel=law.law,
        sill=sill,
        trend=sill.new_zeros(sill.shape),
        nugget=law.law.nugget * sill,
        within=law.within * deviation.square(),
    )
