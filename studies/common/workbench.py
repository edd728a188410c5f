"""Where candidates are trained and scored; what is done once is found again when resumed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from mamba_diffae.benchmark import OnProgress, Protocol, Request
from mamba_diffae.benchmark.network_methods import network_predictors, rendering_predictors
from mamba_diffae.benchmark.protocol import default_scales
from mamba_diffae.benchmark.run import classical_predictors, coarse_oracle
from mamba_diffae.benchmark.wording import in_words
from mamba_diffae.estimator import FieldAutoencoder
from mamba_diffae.evaluation import Method, Predictor, Score, score
from mamba_diffae.fields import LATTICE_LIMIT, FieldData, Observations
from mamba_diffae.fields.atomic import atomic_file
from mamba_diffae.sources import open_field
from mamba_diffae.training import Run
from mamba_diffae.training.loop.checkpoint import LAST, Checkpoint
from mamba_diffae.training.resume import EXPORT
from studies.common.cache import cached_json, fields_digest
from studies.common.candidates import Cost, Job
from studies.common.local_estimate import LOCAL_ESTIMATE, LocalEstimate
from studies.common.model_store import ModelStore, shared_folder
from studies.common.side_by_side import train_here, train_side_by_side
from studies.common.training_job import TrainingJob

AT_ONCE = 2
"""Trainings side by side, each on a core of its own."""
_QUICK_FIELDS, _QUICK_CELLS = 48, 48
"""Of a quick study: fields to train and score on, and cells along their longest axis, at most."""
_SCORES_FORMAT = 3
"""Of the cached scores: they have a shape, and errors in the units of the variables."""


@final
@dataclass(frozen=True)
class Setup:
    """How large a study is.

    Attributes:
        preset: Sizes of the networks.
        cost: Of every training.
        count: Test fields that are scored; None: all.
        seeds: Trainings of a candidate that differ in their seed only.
        n_drift_fields: Fields whose drift is measured.
    """

    preset: str
    cost: Cost
    count: int | None = None
    seeds: int = 3
    n_drift_fields: int = 16


@final
class Workbench:
    """Training and scoring on the same fields and observations.

    Args:
        request: What is asked.
        setup: How large it is.
        on_progress: Told of every training and every score.
    """

    def __init__(self, request: Request, setup: Setup, on_progress: OnProgress) -> None:
        self.request, self.setup, self.tell = request, setup, on_progress
        self.quick = request.scale == "quick"
        self.source, self.truth = _few(request) if self.quick else (request.source, request.truth)
        self.store = ModelStore(request, self.source, self.truth, setup.preset)
        test = self.truth.split("test")
        self.test = test if setup.count is None else test.distinct(setup.count)
        self.scales = default_scales(self.truth.grid)
        self.protocol = Protocol(self.scales, seed=request.seed)
        self.observations = self.protocol.observe(self.test)
        self.observed_shape = self.truth.grid.lattice_shape(LATTICE_LIMIT)

    def train(self, jobs: Sequence[Job]) -> None:
        """Train what is not trained yet, at the quick scale in this process."""
        trainings = [self.training(job) for job in jobs]
        if self.quick:
            train_here(trainings, self.truth, self.tell)
        else:
            train_side_by_side(trainings, AT_ONCE, self.tell)

    def training(self, job: Job) -> TrainingJob:
        """Folder and command of a training."""
        return self.store.training(job)

    def run(self, job: Job) -> Run:
        """The run that it left."""
        return Run.open(self.training(job).folder)

    def model(self, job: Job) -> FieldAutoencoder:
        """What was trained, as it was after the phase that the job names."""
        folder = self.training(job).folder
        model = FieldAutoencoder.from_pretrained(folder, device=self.request.device)
        if job.after is not None:
            Checkpoint(folder / job.after / LAST).load_ema(model.fitted.network)
        return model

    def weights(self, job: Job) -> str:
        """What tells its weights from any others."""
        file = self.training(job).folder / EXPORT / "model.safetensors"
        return hashlib.sha256(file.read_bytes()).hexdigest()

    def parameters(self, job: Job) -> int:
        """How many weights it has."""
        return sum(p.numel() for p in self.model(job).fitted.network.parameters())

    def scores(self, job: Job, *, native_only: bool = False) -> list[Score]:
        """How a network does on the test fields.

        Args:
            job: Its training, which is done.
            native_only: Leave out the decoder asked at the scale.
        """

        def predictors() -> dict[Method, Predictor]:
            if (
                job.candidate.native_size is not None
            ):  # trained at coarse cells, asked at finer ones
                return self.any_fields(job)
            model, seen = self.model(job), self.observations
            return network_predictors(model, job.network, seen, self.tell, native_only=native_only)

        key = {"weights": self.weights(job), "native only": native_only}
        return self.cached_scores(job.file_stem, key, predictors)

    def scores_without_network(self, job: Job) -> list[Score]:
        """How the simple methods, the prior by itself and an oracle do.

        Args:
            job: Its network has the prior.
        """

        def predictors() -> dict[Method, Predictor]:
            return {**self.without_network(job), **coarse_oracle(self.test)}

        return self.cached_scores("without-network", {}, predictors)

    def without_network(self, job: Job) -> dict[Method, Predictor]:
        """The simple methods, and the prior by itself."""
        estimate: dict[Method, Predictor] = {LOCAL_ESTIMATE: LocalEstimate(self.model(job))}
        return {**classical_predictors(self.truth.split("train")), **estimate}

    def any_fields(self, job: Job) -> dict[Method, Predictor]:
        """A network by what its decoder reads, for any observations."""
        return rendering_predictors(self.model(job), job.network)

    def facts(self, trained: Sequence[Job]) -> dict[str, str]:
        """How it was done, for the report."""
        told = {f"training of {j.label}, seed {j.seed}": self.training(j).command for j in trained}
        protocol, beside = self.protocol, f"at most {AT_ONCE} side by side, one thread on one core"
        return {
            "scored on": f"{len(self.test)} fields, {protocol.fraction:.0%} of the cells, pattern "
            f"{protocol.pattern}, seed {protocol.seed}",
            "trainings": f"preset {self.setup.preset}, "
            + ("one after the other in one process" if self.quick else f"{beside} each"),
            **told,
        }

    def cached_scores(
        self,
        name: str,
        key: Mapping[str, object],
        predictors: Callable[[], dict[Method, Predictor]],
        observations: Observations | None = None,
    ) -> list[Score]:
        """Scores on the test fields, found again when nothing has changed.

        Args:
            name: Of the file that holds them.
            key: What they depend on, beside the fields.
            predictors: Makes the methods.
            observations: What was seen of the test fields; None: `self.observations`.
        """
        seed, seen = self.request.seed, self.observations if observations is None else observations

        def make() -> list[dict]:
            found = score(
                predictors(), self.test, seen, self.scales, seed=seed, on_progress=self._tell_scored
            )
            return [s.to_dict() for s in found]

        about = {"source": self.source, "fields": len(self.test), "scales": self.scales}
        about |= {"seed": seed, "format": _SCORES_FORMAT}
        file = self.request.folder / "scores" / f"{name}.json"
        return [Score.from_dict(stored) for stored in cached_json(file, {**about, **key}, make)]

    def _tell_scored(self, method: Method, scale: int) -> None:
        self.tell(f"{method} at {in_words(self.truth.grid.scaled_shape(scale))}")


def _few(request: Request) -> tuple[str, FieldData]:
    """A few small fields, in a file beside the models that are trained on them."""
    few, kind = request.truth.distinct(_QUICK_FIELDS), request.truth.values.dtype
    small = few.at(few.grid.scaled_shape(min(_QUICK_CELLS, max(few.shape))))
    file = shared_folder(request) / f"fields-{fields_digest(few)}.npz"
    if not file.exists():
        values = small.values
        if kind.kind in "iu":
            values = np.rint(values).astype(kind)
        arrays = {
            "values": values,
            "variables": [variable.name for variable in small.variables],
            "units": [part.unit for part in (*small.variables, *small.grid.axes)],
            "axis_names": small.grid.names,
            "periodic": [axis.name for axis in small.grid.axes if axis.periodic],
            **{axis.name: axis.edges for axis in small.grid.axes},
        }
        if not small.complete or small.grid.mask is not None:
            arrays["mask"] = small.valid_mask()
        with atomic_file(file) as temporary, temporary.open("wb") as opened:
            np.savez(opened, **arrays)
    return str(file), open_field(file)
