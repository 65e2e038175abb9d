"""A training is judged by its first steps, its last parameters and its score: each thing that can be wrong is found."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ngtbench import backends
from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.prepare import Stopwatch
from ngtbench.harness.validate import Checker
from ngtbench.kernels.ml import train_torch
from ngtbench.model.record import Verdict
from ngtbench.model.workload import Array, Setup, Trial
from ngtbench.physics.networks import parameters
from ngtbench.physics.networks.jet_mlp import JetMlp
from ngtbench.physics.samples import jets, order
from ngtbench.workloads.ml import jet_mlp, train

SMALL = train.Size(jet_mlp.TASK, events=8192, tests=2048, epochs=4, batch=256, fraction=0.25, steps=2, checked=2048)
NARROW = replace(SMALL, task=replace(jet_mlp.TASK, network=JetMlp((16, 16, 5))))


class Bench:
    """A training of this size, as the harness would build and judge it."""

    def __init__(self, size: train.Size = SMALL, dtype: str = "float32", entry: Callable[..., Any] = train_torch.eager) -> None:
        self.backend = backends.load("torch", "cpu:0", 1)
        self.inputs = HostInputs(train.inputs(size, 1), dtype)
        workload = replace(train.WORKLOAD, sizes={"XS": size})
        self.checker = Checker(workload, "XS", self.inputs, self.backend)
        self.said: list[str] = []
        self.setup = Setup(size, dtype, "cpu:0", 1, 1, self.backend, say=self.said.append)
        self.trial = entry(self.setup, **self.inputs.on(self.backend))

    def take(self, k: int = 1) -> Trial:
        trial: Trial = self.trial(k, Stopwatch(self.backend))
        return trial

    def judge(self, outputs: Any) -> Verdict:
        return self.checker.check(outputs)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@pytest.fixture(scope="module")
def trial(bench: Bench) -> Trial:
    return bench.take()


def test_a_training_passes_and_says_that_reruns_are_equal(bench: Bench, trial: Trial) -> None:
    verdict = bench.judge(trial.outputs)
    assert verdict.passed, verdict.reason
    assert any("reruns equal to the bit" in text for text in bench.said)
    assert 0 < trial.metrics["to_target_s"] <= trial.metrics["wall_s"]
    assert 0 < trial.metrics["epochs_to_target"] <= 4
    best = np.argmax(jets.log_posterior(jets.Size(), bench.inputs.wide()["test_x"]), axis=1) == bench.inputs.wide()["test_label"]
    assert float(trial.outputs["score"]) + trial.metrics["below_optimum"] == pytest.approx(best.mean())
    assert trial.metrics["reached_ratio"] == pytest.approx((float(trial.outputs["score"]) - 0.2) / (best.mean() - 0.2))
    assert trial.metrics["peak_memory_b"] > 1 << 20


def test_another_trial_is_another_training(bench: Bench, trial: Trial) -> None:
    again, other = bench.take(1), bench.take(2)
    for name, tensor in trial.outputs.items():
        assert torch.equal(tensor, again.outputs[name])
        assert not torch.equal(tensor, other.outputs[name])


def start(outputs: dict[str, Any]) -> Any:
    made = parameters.values(SMALL.network, int(outputs["seed"]))
    return torch.tensor(np.concatenate([array.reshape(-1) for array in made.values()]))


WRONG: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "another seed": ("first_losses", lambda out: {"seed": out["seed"] + 1}),
    "loss off by 0.1 %": ("first_losses", lambda out: {"losses": out["losses"] * 1.001}),
    "gradient off by 1 %": ("first_gradient", lambda out: {"gradient": out["gradient"] * 1.01}),
    "steps longer by a fifth": ("first_weights", lambda out: {"weights": out["weights"] + 0.2 * (out["weights"] - start(out))}),
    "answers of others": ("answers", lambda out: {"answers": out["answers"].roll(1, 0)}),
    "score better than told by answers": ("told_score", lambda out: {"score": out["score"] + 0.001}),
    "fewer answers": ("shapes", lambda out: {"answers": out["answers"][:-1]}),
    "no parameters": ("shapes", lambda out: {"trained": out["trained"][:0]}),
}


@pytest.mark.parametrize("fault", WRONG)
def test_each_fault_is_found_by_its_own_check(fault: str, bench: Bench, trial: Trial) -> None:
    broken, change = WRONG[fault]
    verdict = bench.judge({**trial.outputs, **change(dict(trial.outputs))})
    assert not verdict.passed
    assert f"invariant {broken} =" in str(verdict.reason)


def test_a_network_that_learned_nothing_fails() -> None:
    bench = Bench(replace(SMALL, rate=0.0))
    reason = bench.judge(bench.take().outputs).reason
    assert reason is not None
    assert "short_of_target" in reason


def test_a_leak_of_labels_fails() -> None:
    def leaky(events: int, seed: int, first: int) -> dict[str, Array]:
        drawn = dict(jet_mlp.TASK.draw(events, seed, first))
        shown = np.arange(16) == 15 - drawn["label"][:, None]
        return {**drawn, "x": (drawn["x"] + 6 * shown).astype(np.float32)}

    bench = Bench(replace(SMALL, task=replace(jet_mlp.TASK, draw=leaky)))
    reason = bench.judge(bench.take().outputs).reason
    assert reason is not None
    assert "above_optimum" in reason


def test_a_loss_that_is_not_finite_ends_the_case() -> None:
    bench = Bench(replace(SMALL, rate=1e30))
    with pytest.raises(NgtBenchError, match=r"the loss is (nan|inf) after \d+ steps: training diverged"):
        bench.take()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_lower_precision_passes_its_bounds_and_not_those_of_float32(dtype: str) -> None:
    bench = Bench(NARROW, dtype)
    outputs = bench.take().outputs
    assert bench.judge(outputs).passed, bench.judge(outputs).reason
    assert not Bench(NARROW).judge(outputs).passed


def test_what_a_device_or_a_network_has_no_digits_for_is_not_trained() -> None:
    with pytest.raises(Unavailable, match="has no tf32 units"):
        Bench(dtype="tf32")
    with pytest.raises(Unavailable, match="is not trained in bfloat16"):
        Bench(replace(SMALL, float32_only=True), "bfloat16")


def test_a_training_that_is_only_told_of_is_found(bench: Bench, trial: Trial) -> None:
    best = torch.tensor(jets.log_posterior(jets.Size(), bench.inputs.wide()["test_x"]), dtype=torch.float32)
    mixed = torch.where(torch.arange(len(best))[:, None] % 2 == 0, trial.outputs["answers"], best)
    reason = bench.judge({**trial.outputs, "answers": mixed}).reason
    assert "invariant answers" in str(reason)


def test_half_of_the_events_count_where_one_class_is_trained_on() -> None:
    assert train.work(replace(SMALL, only=2), 4).events == train.work(SMALL, 4).events // 2


def test_activations_made_twice_give_the_same_training(trial: Trial) -> None:
    outputs = Bench(entry=train_torch.checkpointed).take().outputs
    assert torch.equal(outputs["trained"], trial.outputs["trained"])


def test_steps_repeated_otherwise_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn_anew(number: int, seed: int, epoch: int) -> Array:
        return np.random.default_rng().permutation(number)

    monkeypatch.setattr(train_torch, "rows", drawn_anew)
    with pytest.raises(NgtBenchError, match="came out otherwise when repeated"):
        Bench()


def test_samples_come_in_another_order_each_epoch() -> None:
    first, second = order.rows(1000, 3, 0), order.rows(1000, 3, 1)
    assert sorted(first) == sorted(second) == list(range(1000))
    assert np.mean(first == second) < 0.02
    assert np.array_equal(first, order.rows(1000, 3, 0))


def test_training_and_test_samples_are_not_the_same() -> None:
    made = train.inputs(SMALL, 1)
    rows = {array.tobytes() for array in np.asarray(made["x"])}
    assert not rows & {array.tobytes() for array in np.asarray(made["test_x"])}


def test_one_class_alone_can_be_trained_on() -> None:
    made = train.inputs(replace(SMALL, only=2), 1)
    assert set(np.asarray(made["label"]).tolist()) == {2}
    assert len(np.asarray(made["x"])) == len(np.asarray(made["label"]))
    assert len(set(np.asarray(made["test_label"]).tolist())) == 5
