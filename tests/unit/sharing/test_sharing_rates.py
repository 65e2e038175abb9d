"""Rates of clients that share a device, by hand."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ngtbench.backends.numpy import create
from ngtbench.errors import NgtBenchError
from ngtbench.harness.prepare import Stopwatch
from ngtbench.kernels.sharing import clients, interference, rates
from ngtbench.kernels.sharing.rounds import together, trials
from ngtbench.model.sharing import Served
from ngtbench.model.workload import Setup


def steady(begin_s: float, call_s: float, calls: int, events: int = 1) -> Served:
    """Return a client whose calls follow one another without a pause; the first is the warm-up."""
    edges = begin_s + call_s * np.arange(calls + 1)
    return Served(edges[:-1], edges[1:], events, None, 0)


def test_only_the_time_in_which_all_ran_counts() -> None:
    early, late = steady(0.0, 1.0, 10), steady(2.5, 1.0, 20)
    assert rates.window([early, late]) == (3.5, 10.0)
    assert rates.rates([early, late]) == pytest.approx([1.0, 1.0])
    alone = steady(0.0, 0.5, 10, events=8)
    assert rates.rates([alone]) == pytest.approx([16.0])


def test_of_a_call_that_is_cut_nothing_counts() -> None:
    found = rates.whole([steady(0.0, 1.0, 5), steady(0.5, 0.25, 20)])
    assert [len(one) for one in found] == [4, 16]  # those that begin before the window or end after it are left out
    fast = steady(0.0, 0.01, 900)
    edges = np.array([0.0, 2.0, 4.0, 6.0, 8.0, 9.5])  # a call takes 2 s beside the other, and what is left of one half as long
    slow = Served(edges[:-1], edges[1:], 1, None, 0)
    assert rates.rates([slow, fast]) == pytest.approx([0.5, 100.0])


def test_what_a_trial_does_outside_its_watch_is_no_work() -> None:
    begin = np.arange(6.0)
    halting = Served(begin, begin + 0.5, 3, None, 0)
    assert rates.rates([halting]) == pytest.approx([6.0])


def test_memory_that_processes_share_counts_once() -> None:
    one = Served(np.zeros(1), np.ones(1), 1, None, memory_b=80, shared_b=50)
    assert rates.memory_b([one]) == 80
    assert rates.memory_b([one, one, replace(one, memory_b=70, shared_b=40)]) == 3 * 30 + 50


class Looked:
    """Clients of which the second is wrong in the first look only."""

    said = "as asked"

    def __init__(self) -> None:
        self.looks = 0

    def serve(self, who: Sequence[int], window_s: float) -> list[Served]:
        self.looks += 1
        served = [steady(0.0, 0.01, int(window_s / 0.01)) for _ in who]
        return [
            replace(one, wrong="as asked" if client == 1 and self.looks == 2 else None)
            for client, one in zip(who, served, strict=True)
        ]


def test_a_client_that_was_wrong_in_the_first_look_stays_wrong() -> None:
    setup = Setup(SimpleNamespace(window_s=0.4), "float32", "cpu:0", 1, 1, create("cpu:0", 1))
    trial = trials(setup, Looked(), ([0], [0, 1]), lambda found: {}, np.array(7))
    assert list(trial(1, Stopwatch(setup.backend)).outputs["answers"]) == [0, 0]


class Late:
    """Clients of which the second begins late, and ever less so the longer a window is."""

    said = "as asked"

    def __init__(self, late_s: float) -> None:
        self.windows, self._late_s = list[float](), late_s

    def serve(self, who: Sequence[int], window_s: float) -> list[Served]:
        self.windows.append(window_s)
        first, second = steady(0.0, 0.01, int(window_s / 0.01)), steady(self._late_s, 0.01, int(window_s / 0.01))
        return [first, replace(second, wrong="as asked" if len(self.windows) == 1 else None)]


def test_clients_that_hardly_met_are_served_again() -> None:
    late = Late(0.15)
    first, second = together(late, (0, 1), 0.2)
    assert late.windows == [0.2, 0.4]
    assert len(first.end_s) == len(second.end_s) == 40
    assert (first.wrong, second.wrong) == (None, "as asked")  # in the window that was thrown away
    with pytest.raises(NgtBenchError, match="2 clients of a device did not run at the same time"):
        together(Late(9.0), (0, 1), 0.2)


def test_fairness() -> None:
    assert rates.fairness(np.array([2.0, 4.0])) == 0.5
    assert rates.jain(np.array([1.0, 0.0, 0.0, 0.0])) == 0.25
    assert rates.jain(np.array([3.0, 3.0])) == 1.0


def test_a_slow_program_gets_a_longer_window() -> None:
    assert rates.long_enough_s([steady(0.0, 0.001, 9)], 0.25) == 0.25
    assert rates.long_enough_s([steady(0.0, 0.001, 9), steady(0.0, 2.0, 2)], 0.25) == pytest.approx(2.0 * (rates.LEAST_CALLS + 1))


def test_time_slicing_of_two_looks_like_this() -> None:
    alone, sliced = [steady(0.0, 1.0, 30)], [steady(0.0, 2.0, 15), steady(0.0, 2.0, 15)]
    figures = clients.metrics([alone, sliced])
    assert figures["throughput_ratio"] == pytest.approx(1.0)
    assert figures["slowdown_ratio"] == pytest.approx(2.0)
    assert figures["event_s"] == pytest.approx(1.0)
    assert figures["latency_p99_ratio"] == pytest.approx(2.0)
    assert figures["fairness_ratio"] == figures["jain_ratio"] == pytest.approx(1.0)


def test_a_program_that_suffers_alone_looks_like_this() -> None:
    first, second = steady(0.0, 1.0, 30), steady(0.0, 0.5, 60)
    figures = interference.metrics([[first], [second], [steady(0.0, 4.0, 8), steady(0.0, 0.5, 64)]])
    assert figures["first_slowdown_ratio"] == figures["first_latency_p99_ratio"] == pytest.approx(4.0)
    assert figures["second_slowdown_ratio"] == figures["second_latency_p99_ratio"] == pytest.approx(1.0)
    assert figures["throughput_ratio"] == pytest.approx(1.25)
    assert figures["fairness_ratio"] == pytest.approx(0.25)
    assert (figures["first_event_s"], figures["second_event_s"]) == pytest.approx((4.0, 0.5))
