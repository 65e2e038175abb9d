"""LoadGen's runs: believed only where its count is ours, ended whatever the system does, and its own costs kept apart."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput, NgtBenchError
from ngtbench.model.workload import Array

pytest.importorskip("mlperf_loadgen", reason="pip install 'ngtbench[ml]'")

from ngtbench.kernels.ml import loadgen, loadgen_queue, loadgen_serve
from ngtbench.kernels.ml.loadgen import Load, Scenario, judged, run
from ngtbench.kernels.ml.loadgen_queue import Queued
from ngtbench.kernels.ml.loadgen_serve import Asked, Counted, Direct, Null

LONG = 200_000  # queries: a run that nobody ends takes longer than a test may
pytestmark = pytest.mark.timeout(60, method="thread")  # a signal waits until LoadGen returns


class Seen:
    """A system that keeps what it was asked, and then does something."""

    samples = 32

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self._then, self.batches = then, list[Array]()

    def answer(self, index: Array) -> None:
        self.batches.append(index)
        self._then()

    @property
    def answered(self) -> int:
        return sum(map(len, self.batches))


class Kept:
    """Clients that keep what is completed."""

    def __init__(self) -> None:
        self.ids = list[int]()

    def complete(self, ids: list[int]) -> None:
        self.ids += ids


LOADS: dict[Scenario, Load] = {
    "SingleStream": Load("SingleStream", 0.2, 1e6, 1, queries=100),
    "MultiStream": Load("MultiStream", 0.2, 500e3, 1, queries=1000, together=8),
    "Offline": Load("Offline", 0.02, 60e3, 1),
    "Server": Load("Server", 0.5, 2000, 1, bound_s=10.0),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield tmp_path
    assert not list(tmp_path.iterdir()), "LoadGen's files are left"


@pytest.mark.parametrize("scenario", LOADS)
def test_a_run_counts_what_was_answered(scenario: Scenario) -> None:
    system = Seen(lambda: time.sleep(2e-3) if scenario == "Offline" else None)
    found = run(system, LOADS[scenario], 16)
    assert not found.invalid
    assert found.samples == system.answered
    assert found.queries == {"Offline": 1, "MultiStream": found.samples // 8}.get(scenario, found.samples)
    assert 0 < found.p50_s <= found.p90_s <= found.p99_s <= found.p999_s
    assert found.own_s > 0
    assert max(map(len, system.batches)) <= 16
    assert {index.dtype for index in system.batches} == {np.dtype(np.int64)}
    asked = np.unique(np.concatenate(system.batches))
    assert asked.min() >= 0
    assert 16 < len(asked) <= 32
    assert asked.max() < 32
    if scenario == "MultiStream":
        assert {len(index) for index in system.batches} == {8}


def test_a_server_batches_what_waits() -> None:
    system = Seen(lambda: time.sleep(0.02))
    found = run(system, LOADS["Server"], 16)
    assert not found.invalid
    assert found.samples == system.answered
    assert max(map(len, system.batches)) == 16


def test_another_seed_asks_for_other_samples() -> None:
    systems = [Seen(lambda: time.sleep(1e-3)) for _ in range(3)]
    for system, seed in zip(systems, (1, 1, 2), strict=True):
        run(system, Load("SingleStream", 0.05, 1000, seed), 1)
    first, again, other = (np.concatenate(system.batches)[:4].tolist() for system in systems)
    assert first == again != other


def _raise() -> None:
    raise RuntimeError("the engine broke")


@pytest.mark.parametrize("scenario", LOADS)
def test_what_the_system_raises_ends_the_run(scenario: Scenario) -> None:
    system = Seen(_raise)
    queries = 1 if scenario == "Offline" else 5000
    with pytest.raises(RuntimeError, match="the engine broke"):
        run(system, Load(scenario, 0.2, 10e3, 1, queries=queries, together=8 if scenario == "MultiStream" else 1), 16)
    assert len(system.batches) == 1, "nothing is answered after an error"
    assert run(Null(8), LOADS["Server"], 1).samples > 0, "the next run is none the worse"


@pytest.mark.parametrize(("sleep_s", "rate_hz"), [(0.02, 2000), (0.05, 10), (1.0, 2000)])
def test_overload_ends_and_does_not_meet_the_bound(sleep_s: float, rate_hz: float) -> None:
    system = Seen(lambda: time.sleep(sleep_s))
    load = Load("Server", 1.0, rate_hz, 1, queries=LONG if rate_hz > 10 else 700, bound_s=0.01, percentile=0.99)
    found = run(system, load, 1)
    assert "late" in found.invalid or "overload" in found.invalid
    assert found.samples == system.answered < found.queries


def test_a_system_that_does_not_return_is_given_up() -> None:
    free = threading.Event()
    try:
        with pytest.raises(NgtBenchError, match="has not returned"):
            run(Seen(free.wait), Load("Server", 0.2, 200, 1, limit_s=0.1), 4)
    finally:
        free.set()
    assert run(Null(8), LOADS["Server"], 1).samples > 0


@pytest.mark.parametrize("scenario", ["SingleStream", "Offline"])
def test_after_its_limit_nothing_is_answered(scenario: Scenario) -> None:
    system = Seen(lambda: time.sleep(0.1))
    found = run(system, Load(scenario, 0.2, 10e3, 1, queries=1000 if scenario == "SingleStream" else 1, limit_s=0.5), 1)
    assert found.invalid == "stopped after 0.5 s"
    assert found.samples == system.answered <= 6


def test_too_few_queries_are_loadgens_word() -> None:
    found = run(Null(8), Load("SingleStream", 0.2, 100, 1), 1)
    assert found.invalid.startswith("LoadGen says INVALID: Decrease the expected latency")


def test_a_valid_run_of_one_sample_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = loadgen._settings

    def without_duration(load: Load, asked: Asked) -> Any:
        settings = made(load, asked)
        settings.min_duration_ms = 0
        return settings

    monkeypatch.setattr(loadgen, "_settings", without_duration)
    found = run(Null(8), Load("Offline", 0.2, 100, 1), 1)
    assert found.samples == 1
    assert found.invalid.startswith("1 queries in ")


@pytest.mark.parametrize("wrong", [{"duration_s": 0.0}, {"rate_hz": 0.0}, {"queries": 0}])
def test_a_load_needs_a_duration_a_rate_and_queries(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="one sample, as VALID"):
        replace(LOADS["Offline"], **wrong)


SAID = {
    "result_validity": "VALID", "result_query_count": 100, "generated_samples_per_query": 8,
    "result_50.00_percentile_latency_ns": 1, "result_90.00_percentile_latency_ns": 2,
    "result_99.00_percentile_latency_ns": 3, "result_99.90_percentile_latency_ns": 4,
}  # fmt: skip
MULTI = Load("MultiStream", 1.0, 100.0, 1, queries=100, together=8)


def test_what_loadgen_says_is_compared_with_our_count() -> None:
    found = judged(MULTI, SAID, Counted(100, 800, 1.0, 3e-6))
    assert (found.invalid, found.queries, found.samples, found.samples_hz) == ("", 100, 800, 800.0)
    assert (found.p50_s, found.p90_s, found.p99_s, found.p999_s, found.own_s) == pytest.approx((1e-9, 2e-9, 3e-9, 4e-9, 3e-6))
    for counted in (Counted(100, 799, 1.0, 0.0), Counted(101, 800, 1.0, 0.0), Counted(99, 800, 1.0, 0.0, "stopped")):
        with pytest.raises(NgtBenchError, match="LoadGen counts 100 queries of 800 samples"):
            judged(MULTI, SAID, counted)
    assert judged(MULTI, SAID, Counted(100, 700, 1.0, 0.0, "stopped")).invalid == "stopped"
    assert "in 0.5 s" in judged(MULTI, SAID, Counted(100, 800, 0.5, 0.0)).invalid
    few = SAID | {"result_query_count": 50}
    assert "50 queries" in judged(MULTI, few, Counted(50, 400, 1.0, 0.0)).invalid
    bad = SAID | {"result_validity": "INVALID", "result_invalid_reason": "Reduce target QPS"}
    assert judged(MULTI, bad, Counted(100, 800, 1.0, 0.0)).invalid == "LoadGen says INVALID: Reduce target QPS"


@pytest.mark.parametrize("key", SAID)
def test_a_log_that_lacks_something_is_no_result(key: str) -> None:
    rest = {name: value for name, value in SAID.items() if name != key}
    with pytest.raises(NgtBenchError, match="LoadGen's log lacks"):
        judged(MULTI, rest, Counted(100, 800, 1.0, 0.0))


class Ticking(Kept):
    """A clock that only clients and the system advance."""

    now = 0

    def complete(self, ids: list[int]) -> None:
        super().complete(ids)
        self.now += 70

    def compute(self) -> None:
        self.now += 1000


@pytest.mark.parametrize(("kind", "ids", "own_ns"), [(Direct, 1, 70), (Direct, 4, 70), (Direct, 7, 20), (Queued, 1, 70)])
def test_our_own_time_is_what_the_system_does_not_take(
    kind: type[Direct], ids: int, own_ns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = Ticking()
    for module in (loadgen_serve, loadgen_queue):
        monkeypatch.setattr(module, "clock", lambda: clients.now)
    system = Seen(clients.compute)
    with kind(system, clients, Asked(4, 1.0)) as serving:
        serving.issue(list(range(ids)), list(range(ids)))
    assert clients.ids == list(range(ids))
    counted = serving.counted()
    assert (counted.queries, counted.samples) == (1, ids)
    assert counted.own_s == pytest.approx(own_ns * 1e-9)
