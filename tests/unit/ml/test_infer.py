"""Inference under load: every answer judged, every scenario a full set of metrics, stale and wrong engines rejected."""

import importlib.util
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench import backends, workloads
from ngtbench.errors import NgtBenchError, Unavailable, WorkloadError
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.plan import plan
from ngtbench.harness.prepare import Stopwatch, prepare
from ngtbench.model.case import Case, Resources, Selection
from ngtbench.model.workload import Array, Arrays
from ngtbench.workloads.ml import infer as workload
from ngtbench.workloads.ml.infer import Size
from tests.machines import machine

pytest.importorskip("mlperf_loadgen", reason="pip install 'ngtbench[ml]'")

from ngtbench.kernels.ml import infer, infer_numpy, loadgen
from ngtbench.kernels.ml.infer import Engine
from ngtbench.kernels.ml.loadgen import Load, Result
from ngtbench.kernels.ml.loadgen_serve import System
from tests.unit.ml.serving import SIZES, Faulty, Served, W, asks

METRICS = {metric.name for metric in W.metrics}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(loadgen, "run", asks())
    monkeypatch.setattr(infer, "_GUESS_S", 1e-4)
    yield


@pytest.mark.parametrize("layout", ["aos", "soa"])
@pytest.mark.parametrize("scenario", SIZES)
@pytest.mark.usefixtures("quick")
def test_every_scenario_gives_right_answers_and_all_metrics(scenario: str, layout: Any) -> None:
    case = Served(replace(SIZES[scenario], layout=layout))
    for k in range(3):
        trial = case.trial(k)
        assert set(trial.metrics) == METRICS
        assert all(math.isfinite(value) and value > 0 for value in trial.metrics.values())
        verdict = case.judged(trial.outputs)
        assert verdict.passed, verdict.reason
    wanted = {"SingleStream": 2e-3, "MultiStream": 1e-3, "Offline": 1e-3, "Server": 1 / 500}[scenario]
    assert trial.metrics["per_sample_s"] == pytest.approx(wanted, rel=0.06)
    assert trial.metrics["latency_p99_s"] == 8e-3
    assert trial.metrics["null_p99_s"] == pytest.approx(8e-5)
    assert layout in case.said[-1]


def _stale(engine: Engine) -> Engine:
    kept = list[Array]()

    def run() -> Arrays:  # what the call before would have returned
        kept.append(np.array(engine.run()["outputs"]))
        return {"outputs": kept[-2] if len(kept) > 1 else np.zeros_like(kept[0])}

    return Engine(engine.inputs, run)


def _once(engine: Engine) -> Engine:
    first = {"outputs": np.array(engine.run()["outputs"])}
    return Engine(engine.inputs, lambda: first)


def _changed(change: Callable[[Array], Array]) -> Faulty:
    return lambda engine: Engine(engine.inputs, lambda: {"outputs": change(np.array(engine.run()["outputs"]))})


FAULTS: dict[str, Faulty] = {
    "stale": _stale,
    "computed once": _once,
    "zeros": _changed(np.zeros_like),
    "not a number": _changed(lambda logits: np.full_like(logits, np.nan)),
    "scaled": _changed(lambda logits: logits * np.float32(1.01)),
    "turned round": _changed(lambda logits: logits[::-1] if len(logits) > 1 else logits + 1),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", SIZES)
@pytest.mark.usefixtures("quick")
def test_a_wrong_engine_is_rejected(scenario: str, fault: str) -> None:
    case = Served(SIZES[scenario], FAULTS[fault])
    assert not case.judged(case.trial().outputs).passed


@pytest.mark.parametrize("left", [{"outputs": np.full((16, 5), np.nan, np.float32)}, {}])
@pytest.mark.usefixtures("quick")
def test_answers_of_the_trial_before_do_not_count(left: dict[str, Array]) -> None:
    alive = [True]

    def dies(engine: Engine) -> Engine:
        return Engine(engine.inputs, lambda: engine.run() if alive[0] else left)

    case = Served(SIZES["Offline"], dies)
    assert case.judged(case.trial(0).outputs).passed
    alive[0] = False
    assert not case.judged(case.trial(1).outputs).passed


@pytest.mark.usefixtures("quick")
def test_what_was_not_asked_for_is_computed_after_the_run_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Served(SIZES["SingleStream"])
    monkeypatch.setattr(loadgen, "run", asks(share=0.5))
    pooled, after = case.trials._pooled, list[int]()
    rest, answer = pooled.rest, pooled.answer

    def counted() -> None:
        monkeypatch.setattr(pooled, "answer", noted)
        rest()

    def noted(index: Array) -> None:
        after.extend(index.tolist())
        answer(index)

    monkeypatch.setattr(pooled, "rest", counted)
    trial = case.trial()
    assert case.judged(trial.outputs).passed
    assert len(after) == len(set(after)) == 32


def test_the_smallest_engine_that_takes_them_is_used() -> None:
    size, used = Size("Server", 64, largest=12), list[int]()

    def noted(engine: Engine) -> Engine:
        def run() -> Arrays:
            used.append(len(engine.inputs["x"]))
            return engine.run()

        return Engine(engine.inputs, run)

    pooled = Served(size, noted).trials._pooled
    used.clear()
    for n in range(1, 13):
        pooled.answer(np.arange(n))
    assert used == [1, 2, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12]


@pytest.mark.usefixtures("quick")
def test_loadgen_is_given_more_queries_until_they_last(monkeypatch: pytest.MonkeyPatch) -> None:
    rates, run = list[float](), asks()

    def short(system: System, load: Load, largest: int) -> Result:
        rates.append(load.rate_hz)
        result = run(system, load, largest)
        return replace(result, invalid="" if len(rates) in (3, 4) else "INVALID: pre-generates more queries", samples_hz=1e6)

    monkeypatch.setattr(loadgen, "run", short)
    case = Served(SIZES["Offline"])
    case.trial()
    assert rates[1:4] == [2 * rates[0], 4 * rates[0], 4 * rates[0]], "doubled, and the empty run the same"
    with pytest.raises(NgtBenchError, match="Offline: INVALID"):
        case.trial()


@pytest.mark.usefixtures("quick")
def test_a_search_goes_on_from_where_the_last_one_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    rates, run = list[float](), asks()

    def noted(system: System, load: Load, largest: int) -> Result:
        rates.append(load.rate_hz)
        return run(system, load, largest)

    monkeypatch.setattr(loadgen, "run", noted)
    case = Served(SIZES["Server"])
    first = case.trial(0)
    before = len(rates)
    again = case.trial(1)
    assert len(rates) - before < before
    assert rates[before] == pytest.approx(1 / first.metrics["per_sample_s"])
    assert again.metrics["per_sample_s"] <= first.metrics["per_sample_s"]


@pytest.mark.usefixtures("quick")
def test_a_bound_that_is_never_met_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loadgen, "run", asks(bears_hz=0.0))
    with pytest.raises(Unavailable, match="does not meet the bound"):
        Served(SIZES["Server"]).trial(0)


def test_a_real_case_from_inputs_to_verdict() -> None:
    ready = prepare(Case("ml/infer", 1, "XS", "numpy", "float32"), Resources("cpu:0", 1, False), 1)
    assert ready.verdict.passed, ready.verdict.reason
    assert ready.variant is not None
    assert "LoadGen" in ready.variant
    trial = ready.run(1, Stopwatch(ready.backend))
    assert ready.check(trial.outputs).passed
    assert trial.metrics["per_sample_s"] == trial.metrics["latency_p90_s"] > trial.metrics["latency_p50_s"] > 0
    assert trial.metrics["samples"] >= 100


@pytest.mark.parametrize("wrong", [{"duration_s": 0.5}, {"largest": 0}, {"largest": 65}, {"percentile": 1.0}, {"bound_s": 0.0}])
def test_sizes_that_make_no_sense_are_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(WorkloadError, match=r"a run lasts a second or more|a bound is a time"):
        replace(SIZES["Offline"], **wrong)


def test_both_layouts_hold_samples_of_their_own() -> None:
    size = Size("Offline", 8, largest=8, layout="soa")
    inputs = HostInputs(W.inputs(size, 1), "float32").wide()
    assert inputs["x"].shape == (16, 8)
    aos = workload.reference(replace(size, layout="aos"), **inputs | {"x": inputs["x"].T})
    assert np.array_equal(workload.reference(size, **inputs)["outputs"], aos["outputs"])


def test_without_loadgen_it_is_skipped_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "mlperf_loadgen" else found(name, *rest))
    backends.missing.cache_clear()
    try:
        planned = plan(machine(), Selection(workloads=("ml/infer",), impls=("numpy",), sizes=("XS",)))
    finally:
        backends.missing.cache_clear()
    (skip,) = planned.skipped
    assert not planned.jobs
    assert (skip.reason, skip.remedy) == ("package mlperf_loadgen is not installed", "pip install 'ngtbench[ml]'")


def test_the_quick_suite_has_a_case_that_lasts_seconds() -> None:
    sizes = [workloads.size(W, name) for name in W.quick]
    assert [size.duration_s for size in sizes] == [1.0]
    assert infer_numpy.numpy.__module__.endswith(W.impls[0].entry.partition(":")[0])
