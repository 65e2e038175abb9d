"""Latencies at a share of Offline's rate, and the watch, which is open during the runs that count and then alone."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from ngtbench.errors import Unavailable, WorkloadError
from ngtbench.model.workload import Array

pytest.importorskip("mlperf_loadgen", reason="pip install 'ngtbench[ml]'")

from ngtbench.kernels.ml import infer, loadgen, loadgen_rate
from ngtbench.kernels.ml.infer import Pooled
from ngtbench.kernels.ml.loadgen import Load, Result
from ngtbench.kernels.ml.loadgen_rate import held
from ngtbench.kernels.ml.loadgen_serve import System
from tests.unit.ml.serving import SIZES, Served, W, asks

SHARED = replace(SIZES["Server"], share=0.8)
OFFLINE_HZ = 1000.0  # of the LoadGen that takes no time


class Noted:
    """A LoadGen that takes no time and notes what was run, and a watch that notes when."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, bears_hz: float = 900.0) -> None:
        self.runs, self._run = list[tuple[Load, bool, int]](), asks(bears_hz=bears_hz)
        self.open, self.opened, self.spent_s = False, 0, 1.0
        monkeypatch.setattr(loadgen, "run", self.run)
        monkeypatch.setattr(infer, "_GUESS_S", 1e-4)

    def run(self, system: System, load: Load, largest: int) -> Result:
        self.runs.append((load, isinstance(system, Pooled), self.opened if self.open else 0))
        return self._run(system, load, largest)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self.open, self.opened = True, self.opened + 1
        yield
        self.open = False

    def trial(self, case: Served, k: int) -> dict[str, float]:
        self.runs.clear()
        self.opened = 0
        return dict(case.trials(k, self).metrics)


def test_a_share_of_offlines_rate_arrives_whatever_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    noted, case = Noted(monkeypatch), Served(replace(SHARED, bound_s=1e-6))
    metrics = noted.trial(case, 0)
    assert [(load.scenario, real) for load, real, _ in noted.runs] == [("Offline", True), ("Server", True), ("Server", False)]
    assert [load.rate_hz for load, _, _ in noted.runs[1:]] == pytest.approx([0.8 * OFFLINE_HZ] * 2)
    assert noted.runs[1][0].queries == 1000, "ten beyond the percentile"
    assert noted.runs[1][0].bound_s == 1.0, "a second, so that LoadGen goes on"
    assert metrics["per_sample_s"] == metrics["latency_p99_s"] == 8e-3
    assert metrics["null_p99_s"] == pytest.approx(8e-5)
    noted.trial(case, 1)
    assert [load.rate_hz for load, _, _ in noted.runs] == pytest.approx([0.8 * OFFLINE_HZ] * 2), "measured once"


def test_overload_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    noted, case = Noted(monkeypatch, bears_hz=700.0), Served(SHARED)
    with pytest.raises(Unavailable, match=r"^overloaded at 800 queries/s: overload"):
        noted.trial(case, 0)


def test_latencies_that_loadgen_alone_could_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loadgen_rate, "NULLS", 1000.0)
    with pytest.raises(Unavailable, match="below what LoadGen itself costs here"):
        Noted(monkeypatch).trial(Served(SHARED), 0)


@pytest.mark.parametrize("scenario", [*SIZES, "share"])
def test_the_watch_was_last_open_during_what_counts(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noted, case = Noted(monkeypatch), Served(SIZES.get(scenario, SHARED))
    for k in (0, 1):
        metrics = noted.trial(case, k)
        last = [(load, real) for load, real, opened in noted.runs if opened == noted.opened]
        assert all(real for _, real in last)
        assert len(last) == (loadgen_rate.RUNS if scenario == "Server" else 1)
        assert metrics["samples"] == 64 * len(last)
        assert {load.scenario for load, _ in last} == {case.size.scenario}
        assert noted.runs[-1][1:] == (False, 0), "a system that does nothing comes last, unwatched"


class Sleeping:
    samples = 16

    def answer(self, index: Array) -> None:
        time.sleep(0.01)


@pytest.mark.timeout(60, method="thread")
def test_a_server_at_twice_what_it_can_do_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.perf_counter()
    with pytest.raises(Unavailable, match="overloaded at 400 queries/s"):
        held(Sleeping(), Load("Server", 0.3, 400.0, 1, bound_s=0.3, percentile=0.9), 2)
    assert time.perf_counter() - began < 30


@pytest.mark.parametrize("wrong", [{"share": 1.0}, {"share": -0.5}, {"share": 0.5, "scenario": "Offline"}])
def test_shares_that_make_no_sense_are_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(WorkloadError, match="a share of the rate of Offline arrives in Server"):
        replace(SIZES["Server"], **wrong)


def test_each_network_and_share_has_a_size() -> None:
    sizes = W.sizes.values()
    shares = {(type(size.network).__name__, size.share) for size in sizes if size.share}
    assert shares == {(name, at) for name in ("DeepSets", "Part") for at in (0.5, 0.8, 0.95)}
    assert {"JetMlp", "DeepSets", "Tagger", "CaloAe", "ParticleNet", "Gpt"} <= {type(size.network).__name__ for size in sizes}
