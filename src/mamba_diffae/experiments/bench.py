"""Where contenders are trained and judged; what is done once is found again when resumed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np

from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import (
    Predictor,
    Score,
    classical_methods,
    judge,
    true_coarse_bicubic,
)
from mamba_diffae.experiments.contenders import Cost, Entry
from mamba_diffae.experiments.kept import kept
from mamba_diffae.experiments.local_estimate import LOCAL_ESTIMATE, local_estimate
from mamba_diffae.experiments.reconstruction import (
    Protocol,
    contexts_of,
    our_predictors,
    rendered,
)
from mamba_diffae.experiments.request import OnProgress, Request
from mamba_diffae.experiments.side_by_side import train_here, train_side_by_side
from mamba_diffae.experiments.trained import Trained, fields_digest, shared_folder
from mamba_diffae.experiments.training import Training
from mamba_diffae.fields import FieldBatch, GridField
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.sources import open_field
from mamba_diffae.training import Run
from mamba_diffae.training.checkpoint import LAST, Checkpoint
from mamba_diffae.training.continuation import EXPORT

SCALES = (32, 64, 96)
AT_ONCE = 2
"""Trainings side by side, each on a core of its own."""
_QUICK_FIELDS, _QUICK_SIZE = 48, 48
"""Fields that a quick experiment trains and judges on, and their pixels a side at most."""


@final
@dataclass(frozen=True)
class Setup:
    """How large an experiment is.

    Attributes:
        preset: Sizes of the networks.
        cost: Of every training.
        count: Test fields that are judged; None: all.
        seeds: Trainings of each of the two best; one of the others.
        drifting: Fields whose drift is measured.
    """

    preset: str
    cost: Cost
    count: int | None = None
    seeds: int = 3
    drifting: int = 16


@final
class Bench:
    """Training and judging on the same fields and observations.

    Args:
        request: What is asked.
        setup: How large it is.
        on_progress: Told of every training and every judgement.
    """

    def __init__(self, request: Request, setup: Setup, on_progress: OnProgress) -> None:
        self.request, self.setup, self.tell = request, setup, on_progress
        self.quick = request.scale == "quick"
        self.source, self.truth = _few(request) if self.quick else (request.source, request.truth)
        self.trained = Trained(request, self.source, self.truth, setup.preset)
        test = self.truth.split("test")
        self.test = test if setup.count is None else test.distinct(setup.count)
        native = self.truth.size
        self.scales = [*(scale for scale in SCALES if scale < native), native]
        self.protocol = Protocol(self.scales, seed=request.seed)
        self.observations = self.protocol.observe(self.test)
        self.cells = self.observations.cells or native

    def train(self, entries: Sequence[Entry]) -> None:
        """Train what is not trained yet, at the quick scale in this process."""
        trainings = [self.training(e) for e in entries]
        if self.quick:
            train_here(trainings, self.truth, self.tell)
        else:
            train_side_by_side(trainings, AT_ONCE, self.tell)

    def training(self, entry: Entry) -> Training:
        """Folder and command of a training."""
        return self.trained.training(entry)

    def run(self, entry: Entry) -> Run:
        """The run that it left."""
        return Run.open(self.training(entry).folder)

    def model(self, entry: Entry) -> FieldAutoencoder:
        """What was trained, as it was after the phase that the entry names."""
        folder = self.training(entry).folder
        model = FieldAutoencoder.from_pretrained(folder, device=self.request.device)
        if entry.after is not None:
            Checkpoint(folder / entry.after / LAST).load_ema(model._fitted()[0])
        return model

    def weights(self, entry: Entry) -> str:
        """What tells its weights from any others."""
        file = self.training(entry).folder / EXPORT / "model.safetensors"
        return hashlib.sha256(file.read_bytes()).hexdigest()

    def parameters(self, entry: Entry) -> int:
        """How many weights it has."""
        return sum(p.numel() for p in self.model(entry)._fitted()[0].parameters())

    def scores(self, entry: Entry, *, briefly: bool = False) -> list[Score]:
        """How a network does on the test fields.

        Args:
            entry: Its training, which is done.
            briefly: Leave out the decoder asked at the scale.
        """

        def predictors() -> dict[str, Predictor]:
            found = self._predictors(entry)
            return {m: p for m, p in found.items() if not (briefly and "asked" in m)}

        key = {"weights": self.weights(entry), "briefly": briefly}
        return self.kept_scores(entry.slug, key, predictors)

    def scores_without_network(self, entry: Entry) -> list[Score]:
        """How the classical methods, the prior by itself and an oracle do.

        Args:
            entry: Who has the prior.
        """

        def predictors() -> dict[str, Predictor]:
            oracle = {f"oracle: true {self.cells}², bicubic": self._oracle()}
            return {**self.without_network(entry), **oracle}

        return self.kept_scores("without-network", {}, predictors)

    def without_network(self, entry: Entry) -> dict[str, Predictor]:
        """The classical methods, and the prior by itself."""
        estimate = {LOCAL_ESTIMATE: local_estimate(self.model(entry))}
        return {**classical_methods(self.truth.split("train")), **estimate}

    def facts(self, trained: Sequence[Entry]) -> dict[str, str]:
        """How it was done, for the report."""
        told = {f"training of {e.name}, seed {e.seed}": self.training(e).command for e in trained}
        protocol, beside = self.protocol, f"at most {AT_ONCE} side by side, one thread on one core"
        return {
            "judged on": f"{len(self.test)} fields, {protocol.fraction:.0%} of the cells, pattern "
            f"{protocol.pattern}, seed {protocol.seed}",
            "trainings": f"preset {self.setup.preset}, "
            + ("one after the other in one process" if self.quick else f"{beside} each"),
            **told,
        }

    def any_fields(self, entry: Entry) -> dict[str, Predictor]:
        """A network in each of its contexts, for any observations."""
        model = self.model(entry)
        found = {name: partial(rendered, model, kind) for name, kind in contexts_of(model).items()}
        return _named(entry, model, found)

    def _predictors(self, entry: Entry) -> dict[str, Predictor]:
        """A network on the test fields; one trained at coarse pixels is asked at finer ones."""
        if entry.contender.size is not None:
            return self.any_fields(entry)
        model = self.model(entry)
        return _named(entry, model, our_predictors(model, self.observations, self.tell))

    def _oracle(self) -> Predictor:
        return true_coarse_bicubic(self.test, self.cells)

    def kept_scores(
        self,
        name: str,
        key: Mapping[str, object],
        predictors: Callable[[], dict[str, Predictor]],
        observations: FieldBatch | None = None,
    ) -> list[Score]:
        """Scores on the test fields, found again when nothing has changed.

        Args:
            name: Of the file that keeps them.
            key: What they depend on, beside the fields.
            predictors: Makes the methods by display name.
            observations: What was seen of the test fields; None: `self.observations`.
        """
        seed, seen = self.request.seed, self.observations if observations is None else observations

        def make() -> list[dict]:
            found = judge(
                predictors(), self.test, seen, self.scales, seed=seed,
                on_progress=lambda method, scale: self.tell(f"{method} at {scale}²"),
            )  # fmt: skip
            return [score.to_dict() for score in found]

        about = {"source": self.source, "fields": len(self.test), "scales": self.scales}
        file = self.request.folder / "scores" / f"{name}.json"
        return [Score.from_dict(s) for s in kept(file, {**about, "seed": seed, **key}, make)]


def _named(
    entry: Entry, model: FieldAutoencoder, predictors: Mapping[str, Predictor]
) -> dict[str, Predictor]:
    """Predictors by the contender's name in place of the kind of its network."""
    kind = model.model.kind
    return {name.replace(kind, entry.name, 1): p for name, p in predictors.items()}


def _few(request: Request) -> tuple[str, GridField]:
    """A few small fields, in a file beside the models that are trained on them."""
    few = request.truth.distinct(_QUICK_FIELDS)
    values, kind = few.at(min(_QUICK_SIZE, few.size)), few.values.dtype
    file = shared_folder(request) / f"fields-{fields_digest(few)}.npy"
    if not file.exists():
        with atomic_file(file) as temporary:
            np.save(temporary, np.rint(values).astype(kind) if kind.kind in "iu" else values)
    return str(file), open_field(file)
