"""The trainer: what it computes, and that nothing is lost however it is stopped."""

import errno
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import toy
from torch import Tensor, nn
from toy import CONFIG, Toy, ToyBatch, ToyObjective, batches, curve, fit, weights

from mamba_diffae.fields.atomic import DiskFullError
from mamba_diffae.training import Checkpoint, NonFiniteLossError, Run, TrainingInterrupted
from mamba_diffae.training.resume import finished


@pytest.fixture
def whole(tmp_path: Path) -> tuple[list[tuple], dict[str, list]]:
    """Curve and averaged weights of a training that was never stopped."""
    run = Run.create(tmp_path / "whole", {})
    return (weights(fit(run)), curve(run))[::-1]


def with_config(**changes: object):
    return CONFIG.model_copy(update=changes)


# What it computes


def test_it_learns_and_keeps_the_best(run: Run) -> None:
    model = fit(run, with_config(steps=60))
    assert not model.training
    rows = run.metrics()
    losses = [row["loss"] for row in rows if "loss" in row]
    scores = {row["step"]: row["validation"]["score"] for row in rows if "validation" in row}
    assert len(losses) == 60
    assert scores[60] > 0.5 * scores[3]  # they are negative errors
    assert list(scores) == list(range(3, 61, 3))
    best = Checkpoint(run.path / "autoencoder" / "best")
    assert best.state.best_score == max(scores.values()) == scores[best.state.step]
    kept = Toy()
    best.load_ema(kept)
    assert toy.validate(kept.eval())["score"] == best.state.best_score
    assert Run.open(run.path).facts["elapsed"].keys() == {"autoencoder"}


def test_the_best_is_the_highest_finite_score(run: Run) -> None:
    scores = iter([float("nan"), 1.0, 3.0, 2.0])
    fit(run, validate=lambda _: {"score": next(scores), "other": 9.0})
    state = Checkpoint(run.path / "autoencoder" / "best").state
    assert (state.step, state.best_score) == (9, 3.0)


def test_the_average_is_the_one_declared(run: Run) -> None:
    config = with_config(ema_decay=0.5)
    raw: list[Tensor] = []

    class Watched(ToyObjective):
        def loss(self, model: Toy, batch: ToyBatch) -> Tensor:
            raw.append(model.decoder.weight.detach().clone())
            return super().loss(model, batch)

    model = Toy()
    averaged = fit(run, config, model=model, objective=Watched())
    expected, *later = [*raw[1:], model.decoder.weight.detach()]
    for n, current in enumerate(later, start=1):
        decay = min(0.5, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * current
    torch.testing.assert_close(averaged.decoder.weight.detach(), expected)
    assert averaged.seen == model.seen == 48  # counters are copied, not averaged


def test_accumulated_batches_equal_one_large_batch(tmp_path: Path) -> None:
    plain = with_config(validate_every=100)
    one = fit(Run.create(tmp_path / "1", {}), plain, model=Still(), batches=lambda i: batches(i, 8))
    two = fit(Run.create(tmp_path / "2", {}), with_config(accumulation=2), model=Still())
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(two.state_dict()[name], tensor, rtol=1e-5, atol=1e-6)
    rows = [Run.open(tmp_path / k).metrics() for k in "12"]
    losses = [[row["loss"] for row in r if "loss" in row] for r in rows]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


class Still(Toy):
    """Buffers that do not depend on how samples are batched."""

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(torch.tanh(self.encoder(x)))


def test_gradients_are_clipped(run: Run) -> None:
    class Steep(ToyObjective):
        def loss(self, model: Toy, batch: ToyBatch) -> Tensor:
            return 1e4 * super().loss(model, batch)

    fit(run, with_config(steps=1, clip_norm=0.5), objective=Steep())
    content = torch.load(run.path / "autoencoder" / "last" / "optimizer.pt", weights_only=True)
    moments = [state["exp_avg"] for state in content["state"].values()]
    norm = torch.cat([m.flatten() for m in moments]).norm()
    assert norm.item() == pytest.approx((1 - 0.9) * 0.5, rel=1e-4)


def test_what_is_frozen_stays(run: Run) -> None:
    before = weights(Toy())
    after = weights(fit(run, objective=ToyObjective(frozen=True), phase="flow"))
    assert after["encoder.weight"] == before["encoder.weight"]
    assert after["decoder.weight"] != before["decoder.weight"]
    assert (run.path / "flow" / "last").is_dir()


def test_decay_is_for_matrices_that_allow_it(run: Run) -> None:
    class Idle(ToyObjective):
        def prepare(self, model: Toy) -> None:
            model.encoder.weight._no_weight_decay = True

        def loss(self, model: Toy, batch: ToyBatch) -> Tensor:
            return 0.0 * sum(p.sum() for p in model.parameters())

    before = weights(Toy())
    after = weights(fit(run, with_config(weight_decay=0.1), objective=Idle()))
    assert {name for name in before if before[name] != after[name]} == {"decoder.weight"}
    assert abs(after["decoder.weight"][0][0]) < abs(before["decoder.weight"][0][0])


@pytest.mark.parametrize("device", ["tpu", "cuda"])
def test_a_device_that_is_not_there_is_refused(run: Run, device: str, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=f"{device}.*choose auto"):
        fit(run, device=device)


# However it is stopped


@pytest.mark.parametrize("when", ["10", "saving"])
def test_killed_and_resumed_is_never_stopped(tmp_path: Path, when: str, whole) -> None:
    folder = tmp_path / "killed"
    killed = subprocess.run([sys.executable, toy.__file__, folder, when], check=False)
    assert killed.returncode == -signal.SIGKILL
    names = [p.name for p in (folder / "autoencoder").iterdir()]
    left = {".tmp" if name.startswith(".tmp-") else name for name in names}
    assert left == ({".old-last", ".tmp", "best"} if when == "saving" else {"last", "best"})
    run = Run.open(folder)
    assert run.metrics()[-1]["step"] == (8 if when == "saving" else 10)  # beyond the checkpoint
    resumed = fit(run, resume=True)
    assert (curve(run), weights(resumed)) == whole
    assert sorted(p.name for p in (folder / "autoencoder").iterdir()) == ["best", "last"]


@pytest.mark.parametrize("accumulation", [1, 3])
def test_ctrl_c_finishes_the_step_saves_and_says_how_to_resume(
    run: Run, tmp_path: Path, accumulation: int, capfd
) -> None:
    config = with_config(accumulation=accumulation)
    never_stopped = Run.create(tmp_path / "never", {})
    expected = weights(fit(never_stopped, config))

    former = signal.getsignal(signal.SIGINT)
    message = r"after step 6 of 12 .* saved in .*last; go on with `mamba-diffae fit emoji --resume`"
    with pytest.raises(TrainingInterrupted, match=message):
        fit(run, config, objective=toy.at(5 * accumulation, toy.interrupt))
    assert "once more" in capfd.readouterr().err
    assert signal.getsignal(signal.SIGINT) is former
    assert Checkpoint(run.path / "autoencoder" / "last").state.step == 6
    resumed = fit(run, config, resume=True)
    assert (curve(run), weights(resumed)) == (curve(never_stopped), expected)


def test_sigterm_saves_as_ctrl_c_does(run: Run, capfd) -> None:
    former = signal.getsignal(signal.SIGTERM)
    end = toy.at(5, lambda: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(TrainingInterrupted, match="Stopped by SIGTERM after step") as stopped:
        fit(run, objective=end)
    assert stopped.value.number == signal.SIGTERM
    assert "SIGTERM: finishing this step" in capfd.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is former
    assert Checkpoint(run.path / "autoencoder" / "last").state.step in (5, 6)


@pytest.fixture
def _heard() -> Iterator[None]:
    """Ctrl-C as in a terminal: a process begun in the background ignores it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.usefixtures("_heard")
def test_a_second_ctrl_c_stops_at_once(run: Run) -> None:
    def insist() -> None:
        listening = signal.getsignal(signal.SIGINT)
        toy.interrupt()
        while signal.getsignal(signal.SIGINT) is listening:  # two at once would count as one
            time.sleep(0.01)
        toy.interrupt()
        time.sleep(10)  # until it comes

    with pytest.raises(KeyboardInterrupt) as stopped:
        fit(run, objective=toy.at(5, insist))
    assert stopped.type is KeyboardInterrupt
    assert Checkpoint(run.path / "autoencoder" / "last").state.step == 4


def test_it_trains_outside_the_main_thread(run: Run, whole) -> None:
    results: list[nn.Module] = []
    thread = threading.Thread(target=lambda: results.append(fit(run)))
    thread.start()
    thread.join()
    assert weights(results[0]) == whole[1]


def spoiled(index: int) -> ToyBatch:
    batch = batches(index)
    return replace(batch, y=batch.y / 0) if index == 6 else batch


def test_a_loss_that_is_not_finite_names_step_and_data_and_keeps_the_checkpoint(run, whole) -> None:
    message = r"loss is inf, on fields 24 to 27, in step 7 .*'autoencoder'.*last\. .*--resume"
    with pytest.raises(NonFiniteLossError, match=message):
        fit(run, batches=spoiled)
    assert Checkpoint(run.path / "autoencoder" / "last").state.step == 4
    resumed = fit(run, resume=True)
    assert (curve(run), weights(resumed)) == whole


def test_a_gradient_that_is_not_finite_does_not_reach_the_weights(run: Run) -> None:
    class Kink(ToyObjective):
        def loss(self, model: Toy, batch: ToyBatch) -> Tensor:
            y = model(batch.x)
            return (y - y.detach()).square().sum().sqrt()  # 0, with gradient 0 · ∞

    model, before = Toy(), weights(Toy())
    with pytest.raises(NonFiniteLossError, match=r"gradient's norm is nan, on .* step 1.*none yet"):
        fit(run, model=model, objective=Kink())
    assert weights(model)["decoder.weight"] == before["decoder.weight"]


def test_a_full_disk_loses_nothing(run: Run, monkeypatch, whole) -> None:
    write = Path.write_bytes

    def full(self: Path, content: bytes) -> int:
        if self.name == "optimizer.pt" and (run.path / "autoencoder" / "last").exists():
            write(self, content[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        message = r"disk is full: .*last needs [\d.]+ MB .* are free .*free some space.*--resume"
        with pytest.raises(DiskFullError, match=message):
            fit(run)
    assert sorted(p.name for p in (run.path / "autoencoder").iterdir()) == ["best", "last"]
    assert Checkpoint(run.path / "autoencoder" / "last").state.step == 4
    resumed = fit(run, resume=True)
    assert (curve(run), weights(resumed)) == whole


# Resuming


def test_the_best_is_remembered_when_resumed(run: Run) -> None:
    scores = iter([3.0, 2.0, 1.0, 2.5])

    options = {"validate": lambda _: {"score": next(scores)}}
    with pytest.raises(TrainingInterrupted):
        fit(run, objective=toy.at(5, toy.interrupt), **options)
    fit(run, resume=True, **options)
    assert Checkpoint(run.path / "autoencoder" / "best").state.step == 3


def test_a_finished_phase_is_not_trained_again(run: Run, whole) -> None:
    fit(run)

    def never(index: int) -> ToyBatch:
        raise AssertionError(index)

    again = fit(run, resume=True, batches=never)
    assert (curve(run), weights(again)) == whole


def test_a_phase_that_shorter_settings_end_is_finished(run: Run) -> None:
    with pytest.raises(TrainingInterrupted):
        fit(run, with_config(steps=9), objective=toy.at(5, toy.interrupt))
    assert not finished(run, "autoencoder")
    fit(run, with_config(steps=4), objective=toy.at(0, toy.interrupt), resume=True)
    assert finished(run, "autoencoder")


def test_resume_without_a_checkpoint_starts(run: Run, whole) -> None:
    run.log({"phase": "autoencoder", "step": 1, "loss": 9.0})  # killed before its first checkpoint
    assert weights(fit(run, resume=True)) == whole[1]
    assert curve(run) == whole[0]


def test_a_checkpoint_is_not_overwritten_unasked(run: Run) -> None:
    fit(run)
    with pytest.raises(ValueError, match=r"already holds a checkpoint; .*--resume.*--overwrite"):
        fit(run)


def test_a_checkpoint_that_does_not_fit_is_refused(run: Run) -> None:
    fit(run)
    with pytest.raises(ValueError, match=r"last is a checkpoint of another architecture"):
        fit(run, model=Toy(width=6), resume=True)
    with pytest.raises(ValueError, match=r"'adamw'.*expected .*'adam'"):
        fit(run, with_config(optimizer="adam"), resume=True)
    (run.path / "autoencoder" / "last" / "model.safetensors").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged"):
        fit(run, resume=True)


@pytest.mark.parametrize(
    ("kind", "function"), [("wall", "monotonic"), ("processor", "process_time")]
)
def test_a_budget_of_time_stops_training_and_is_kept_when_resumed(
    run: Run, monkeypatch, kind: str, function: str
) -> None:
    clock = SimpleNamespace(now=0.0)
    other = SimpleNamespace(monotonic=lambda: 0.0, process_time=lambda: 0.0)
    setattr(other, function, lambda: clock.now)
    monkeypatch.setattr("mamba_diffae.training.loop.trainer.time", other)
    config = with_config(steps=1000, minutes=1, warmup_steps=0, clock=kind)

    def slow(index: int) -> None:
        clock.now += 10

    def stopped(index: int) -> None:
        slow(index)
        if index == 3:
            toy.interrupt()

    with pytest.raises(TrainingInterrupted):
        fit(run, config, objective=toy.Eventful(stopped))
    clock.now += 3600  # a break counts for nothing
    fit(run, config, objective=toy.Eventful(slow), resume=True)
    rows = [row for row in run.metrics() if "loss" in row]
    assert [row["seconds"] for row in rows] == [10, 20, 30, 40, 50, 60]
    assert rows[-1]["learning_rate"] == config.learning_rate_at(5, seconds=50)
    assert Run.open(run.path).facts["elapsed"] == {"autoencoder": 60}
