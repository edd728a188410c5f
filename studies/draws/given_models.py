"""What draws, and is scored beside others: fitted models, each by its own way, and kriging."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, final

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.fields import FieldData, ShapeError, ValuesError
from studies.common.cache import fields_digest, weights_digest
from studies.draws.asked import Asked
from studies.draws.ways import KRIGING, UNTRAINED, Drawn, Way, by_flow, by_kriging, drawn

_DIGITS = 12
"""Of a digest in the name of a file."""


class DrawSource(ABC):
    """What makes draws of fields.

    Attributes:
        name: As tables name it.
        way: What it draws by.
    """

    name: str
    way: Way

    @property
    @abstractmethod
    def stem(self) -> str:
        """Tells it from others in names of files."""

    @property
    @abstractmethod
    def key(self) -> dict[str, Any]:
        """All of it that its draws depend on, JSON values."""

    @abstractmethod
    def draw(self, asked: Asked) -> Drawn:
        """Draws of fields."""


@final
class KrigingGaussian(DrawSource):
    """Kriging, with the Gaussian that it states in place of draws.

    Args:
        fields: With splits: it learns from those of "train".
    """

    def __init__(self, fields: FieldData) -> None:
        self.name, self.fields = KRIGING.label, fields
        self.way = Way(KRIGING.key, "stated Gaussian")
        self._digest = fields_digest(fields)

    @property
    def stem(self) -> str:
        """See `DrawSource.stem`."""
        return KRIGING.key

    @property
    def key(self) -> dict[str, Any]:
        """See `DrawSource.key`."""
        return {"learned_from": self._digest}

    def draw(self, asked: Asked) -> Drawn:
        """See `DrawSource.draw`."""
        return by_kriging(self.fields, asked)


@final
class GivenModel(DrawSource):
    """A fitted model.

    It draws by its decoder of draws, in one evaluation, where that has learned; else by its flow;
    else its prior's draws go through the decoder of the mean.

    Args:
        name: As it was given.
        model: Fitted.
        steps: Of Heun's solver, if it draws by its flow.
    """

    def __init__(self, name: str, model: FieldAutoencoder, steps: int) -> None:
        self.name, self.model = name, model
        self._digest = weights_digest(model.fitted.network)
        if model.fitted.network.writes_draws:
            self.way = Way("decoder", "decoder of draws")
        else:
            self.way = by_flow(steps) if "flow" in model.fitted.phases else UNTRAINED

    @property
    def stem(self) -> str:
        """See `DrawSource.stem`."""
        return f"{self._digest[:_DIGITS]}-{self.way.key}"

    @property
    def key(self) -> dict[str, Any]:
        """See `DrawSource.key`."""
        fitted = self.model.fitted
        calibration = None if fitted.calibration is None else fitted.calibration.to_dict()
        config = fitted.network.config.model_dump(mode="json")
        by = {"way": self.way.key, "calibration": calibration}
        return {"weights": self._digest, "config": config, **by}

    def draw(self, asked: Asked) -> Drawn:
        """See `DrawSource.draw`."""
        return drawn(self.way, self.model, asked)

    @property
    def about(self) -> str:
        """What draws, and how it is calibrated, in words."""
        calibration = self.model.fitted.calibration
        told = "not calibrated" if calibration is None else calibration.describe()
        return f"{self.way.label}; preset {self.model.fitted.preset}; {told}"


def open_models(names: Sequence[str], steps: int, device: str) -> list[GivenModel]:
    """Fitted models of one native grid.

    Args:
        names: Folders, or names of models that come with the package.
        steps: Of Heun's solver, for those that draw by their flow.
        device: "auto", "cpu" or "cuda".

    Raises:
        ValuesError: If there are no steps.
        ShapeError: If their native grids have different shapes.
        ValueError: As `FieldAutoencoder.from_pretrained`.
    """
    if steps < 1:
        raise ValuesError(f"{steps} steps of Heun's solver were asked; give 1 or more.")
    opened = [FieldAutoencoder.from_pretrained(name, device=device) for name in names]
    if len({model.grid.shape for model in opened}) > 1:
        shapes = (model.grid.describe_shape() for model in opened)
        told = ", ".join(f"{n} of {s}" for n, s in zip(names, shapes, strict=True))
        raise ShapeError(
            f"Models of different native grids were given: {told} cells. Draws are compared cell "
            "by cell; give models of one grid."
        )
    return [GivenModel(name, model, steps) for name, model in zip(names, opened, strict=True)]
