"""Other packages that make a field of scattered values, each as its own documentation begins."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, ClassVar, final

import numpy as np

from mamba_diffae.fields import Grid, Observations, Prediction

Field = tuple[np.ndarray, np.ndarray | None]
"""Mean, and standard deviation where one is stated."""


class Peer(ABC):
    """A package that is given the places and values of one field, and the axes of a grid.

    Attributes:
        name: As tables name it.
        package: That is imported.
        about: What of it is used.
    """

    name: ClassVar[str]
    package: ClassVar[str]
    about: ClassVar[str]

    @property
    def installed(self) -> bool:
        """Whether it is there: the study does without."""
        return find_spec(self.package) is not None

    @property
    def version(self) -> str:
        """Of the package, which is installed."""
        return version(self.package)

    @abstractmethod
    def variable(self, coords: np.ndarray, values: np.ndarray, axes: Sequence[np.ndarray]) -> Field:
        """One variable on a grid, of shape (h, w).

        Args:
            coords: Places, shape (N, 2).
            values: Shape (N,).
            axes: Centres of the cells along both axes.
        """

    def field(self, coords: np.ndarray, values: np.ndarray, axes: Sequence[np.ndarray]) -> Field:
        """All variables, each by itself: values of shape (N, C) to fields of shape (h, w, C)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # fits of some variograms do not converge
            found = [self.variable(coords, column, axes) for column in values.T]
        stds = [std for _, std in found if std is not None]
        mean = np.stack([mean for mean, _ in found], axis=-1)
        return mean, np.stack(stds, axis=-1) if stds else None

    def predict(self, observations: Observations, targets: Grid) -> Prediction:
        """See `Predictor.predict`; averages over cells are taken as values at their centres."""
        axes = [axis.centres for axis in targets.axes]
        fields = [
            self.field(part.coords[0].numpy(), part.values[0].numpy(), axes)
            for part in observations.fields()
        ]
        stds = [std for _, std in fields if std is not None]
        mean = np.stack([mean for mean, _ in fields])
        return Prediction.of_mean(mean, np.stack(stds) if stds else None, targets)


@final
class PyKrige(Peer):
    """Ordinary kriging; the variogram by cross-validation over five folds."""

    name: ClassVar[str] = "PyKrige"
    package: ClassVar[str] = "pykrige"
    about: ClassVar[str] = "OrdinaryKriging; the variogram of five by GridSearchCV"

    def variable(self, coords: np.ndarray, values: np.ndarray, axes: Sequence[np.ndarray]) -> Field:
        """See `Peer.variable`."""
        from pykrige.ok import OrdinaryKriging
        from pykrige.rk import Krige
        from sklearn.model_selection import GridSearchCV

        models = ["linear", "power", "gaussian", "spherical", "exponential"]
        tried = {"method": ["ordinary"], "variogram_model": models}
        best = GridSearchCV(Krige(), tried, cv=min(5, len(values))).fit(coords, values).best_params_
        (y, x), (rows, columns) = coords.T, axes
        kriging = OrdinaryKriging(x, y, values, best["variogram_model"])
        mean, variance = kriging.execute("grid", columns, rows)
        return np.asarray(mean), np.sqrt(np.maximum(np.asarray(variance), 0))


@final
class GSTools(Peer):
    """Ordinary kriging; the covariance that fits the empirical variogram best."""

    name: ClassVar[str] = "GSTools"
    package: ClassVar[str] = "gstools"
    about: ClassVar[str] = "krige.Ordinary; of two models that with the best fit to vario_estimate"

    def variable(self, coords: np.ndarray, values: np.ndarray, axes: Sequence[np.ndarray]) -> Field:
        """See `Peer.variable`."""
        import gstools

        models = [getattr(gstools, name)(dim=2) for name in self._MODELS]
        bins, gamma = gstools.vario_estimate(coords.T, values)
        best = max(models, key=lambda model: self._fit(model, bins, gamma))
        kriging = gstools.krige.Ordinary(best, coords.T, values)
        mean, variance = kriging.structured(axes)
        return mean, np.sqrt(np.maximum(variance, 0))

    # Gaussian, Matern and Stable models fit weather best and are then ill-conditioned: errors of up
    # to 80 deviations, where these two are off by 0.2.
    _MODELS: ClassVar[Sequence[str]] = ("Exponential", "Spherical")

    @staticmethod
    def _fit(model: Any, bins: np.ndarray, gamma: np.ndarray) -> float:
        """Share of the variance of the variogram that a model explains, once fitted."""
        try:
            return float(model.fit_variogram(bins, gamma, return_r2=True)[2])
        except RuntimeError:  # it does not converge
            return -np.inf


@final
class Verde(Peer):
    """A plane and a biharmonic spline around it; its damping by cross-validation."""

    name: ClassVar[str] = "verde"
    package: ClassVar[str] = "verde"
    about: ClassVar[str] = "Trend(degree=1) and SplineCV over five dampings; no uncertainty"

    def variable(self, coords: np.ndarray, values: np.ndarray, axes: Sequence[np.ndarray]) -> Field:
        """See `Peer.variable`."""
        import verde

        rows, columns = np.meshgrid(*axes, indexing="ij")
        spline = verde.SplineCV(dampings=(None, 1e-10, 1e-7, 1e-4, 1e-1))
        both = verde.Chain([("trend", verde.Trend(degree=1)), ("spline", spline)])
        both.fit((coords[:, 1], coords[:, 0]), values)
        return np.asarray(both.predict((columns, rows))), None


PEERS: Sequence[Peer] = (PyKrige(), GSTools(), Verde())
