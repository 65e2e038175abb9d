"""The largest rate that meets a bound: within 5 %, confirmed, and refused where LoadGen itself is what was measured."""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.model.workload import Array

pytest.importorskip("mlperf_loadgen", reason="pip install 'ngtbench[ml]'")

from ngtbench.kernels.ml import loadgen, loadgen_rate
from ngtbench.kernels.ml.loadgen import Load, Result
from ngtbench.kernels.ml.loadgen_rate import RUNS, STEP, below, borne, checked, search
from ngtbench.kernels.ml.loadgen_serve import Null, System

LOAD = Load("Server", 1.0, 1000.0, 7, bound_s=0.01, percentile=0.99)
GOOD = Result("", 1000, 1000, 1000.0, 1e-3, 2e-3, 8e-3, 9e-3, "", 1e-6)


class Some:
    samples = 16

    def answer(self, index: Array) -> None:
        pass


def runner(
    borne_hz: float, asked: list[Load], null_p99_s: float = 1e-3, confirms: Callable[[Load], bool] = lambda load: True
) -> Callable[[System, Load, int], Result]:
    """Return a LoadGen of a system that bears so many queries a second."""

    def run(system: System, load: Load, largest: int) -> Result:
        if isinstance(system, Null):
            return replace(GOOD, p99_s=null_p99_s, samples_hz=load.rate_hz)
        asked.append(load)
        return GOOD if load.rate_hz <= borne_hz and confirms(load) else replace(GOOD, invalid="2000 queries were late")

    return run


@pytest.mark.parametrize("factor", [1.1, 2.0, 4.0])
@pytest.mark.parametrize("most", [1000.0, 999.0, 617.0, 250.0, 31.0, 4.1])
def test_the_rate_is_found_to_5_percent(most: float, factor: float) -> None:
    found = search(lambda rate: rate <= most, lambda rate: True, 1000.0, 1.0, factor)
    assert found is not None
    assert most / STEP <= found <= most


def test_what_meets_beyond_the_start_is_found_up_to_the_first_step() -> None:
    tried = list[float]()
    found = search(lambda rate: not tried.append(rate), lambda rate: True, 1000.0, 1.0, 2.0)  # type: ignore[func-returns-value]
    assert found is not None
    assert 2000.0 / STEP <= found <= 2000.0 == pytest.approx(max(tried), rel=STEP - 1)


@pytest.mark.parametrize("confirmed", [False, True])
def test_where_no_rate_will_do_there_is_none(confirmed: bool) -> None:
    tried = list[float]()

    def meets(rate: float) -> bool:
        tried.append(rate)
        return not confirmed

    assert search(meets, lambda rate: False, 1000.0, 100.0) is None
    assert min(tried) >= 100.0
    assert len(tried) < 12


def test_a_rate_that_fails_again_is_stepped_down(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[Load]()

    def confirms(load: Load) -> bool:  # once in the search, never more than twice in a row at the rate that is to be confirmed
        at = [one.rate_hz for one in asked]
        return load.rate_hz <= 450 or at.count(load.rate_hz) != RUNS

    monkeypatch.setattr(loadgen, "run", runner(500.0, asked, confirms=confirms))
    found = borne(Some(), LOAD, 4)
    assert 450 / STEP <= found.rate_hz <= 450
    assert [load.rate_hz for load in asked[-RUNS:]] == [found.rate_hz] * RUNS
    assert len(found.runs) == RUNS


def test_runs_have_seeds_of_their_own_and_queries_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[Load]()
    monkeypatch.setattr(loadgen, "run", runner(500.0, asked))
    borne(Some(), LOAD, 4)
    assert len({load.seed for load in asked}) == len(asked)
    assert {load.queries for load in asked} == {1000}, "ten beyond the percentile"


def test_latencies_are_medians_of_the_confirming_runs() -> None:
    runs = tuple(replace(GOOD, p99_s=value) for value in (3.0, 1.0, 2.0))
    assert loadgen_rate.Borne(1.0, runs, GOOD).middle("p99_s") == 2.0


def test_too_slow_at_any_rate_does_not_meet_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[Load]()
    monkeypatch.setattr(loadgen, "run", runner(0.1, asked))
    with pytest.raises(Unavailable, match=r"^does not meet the bound: 99 % of queries within 0.01 s, down to 100 queries/s"):
        borne(Some(), replace(LOAD, limit_s=10.0), 4)
    with pytest.raises(Unavailable, match=r"^too slow to be known: 1000 queries at 90 a second last over 10 s"):
        borne(Some(), replace(LOAD, rate_hz=90.0, limit_s=10.0), 4)
    assert max(load.queries / load.rate_hz for load in asked) <= 10.0, "no run is longer than the limit"


def test_a_p99_that_loadgen_alone_could_have_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not below(3.0e-3, 1e-3)
    assert below(2.9e-3, 1e-3).startswith("below what LoadGen itself costs here")
    monkeypatch.setattr(loadgen, "run", runner(500.0, [], null_p99_s=4e-3))
    with pytest.raises(Unavailable, match=r"below what LoadGen itself costs here: p99 0.008 s, without a system 0.004 s"):
        borne(Some(), LOAD, 4)


def test_only_valid_results_are_let_through() -> None:
    assert checked(GOOD, "Offline") is GOOD
    with pytest.raises(NgtBenchError, match="Offline: LoadGen says INVALID"):
        checked(replace(GOOD, invalid="LoadGen says INVALID"), "Offline")


class Sleeping:
    """One batch after the other, 10 ms each."""

    samples = 16

    def answer(self, index: Array) -> None:
        time.sleep(0.01)


@pytest.mark.timeout(120, method="thread")
def test_a_server_of_known_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loadgen_rate, "NULLS", 0.0)  # a busy machine may make LoadGen slow: that is not what is tested
    found = borne(Sleeping(), Load("Server", 0.3, 400.0, 1, bound_s=0.08, percentile=0.8), 2)
    assert not any(one.invalid for one in found.runs)
    assert 10 < found.rate_hz < 2.5 * 2 / 0.01, "two a batch of 10 ms, and short runs bear a little more"
    assert 0.01 <= found.middle("p50_s") <= found.middle("p90_s")
    assert np.isfinite(found.null.p99_s)
