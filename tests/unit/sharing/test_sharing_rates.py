"""Rates of clients that share a device, by hand."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ngtbench.errors import NgtBenchError
from ngtbench.kernels.sharing import clients, interference, rates
from ngtbench.kernels.sharing.rounds import together
from ngtbench.model.sharing import Served


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


def test_of_a_call_that_is_half_inside_half_counts() -> None:
    slow, fast = steady(0.0, 1.0, 3), steady(0.0, 0.4, 5)  # all ran from 1.0 to 2.0
    assert rates.window([slow, fast]) == pytest.approx((1.0, 2.0))
    assert rates.rates([slow, fast]) == pytest.approx([1.0, 2.5])
    found = rates.latencies_s([steady(0.0, 1.0, 5), steady(0.5, 0.25, 20)])
    assert [len(one) for one in found] == [4, 16]  # those that begin before the window or end after it are left out


def test_pauses_between_calls_are_lost() -> None:
    begin = np.arange(6.0)
    halting = Served(begin, begin + 0.5, 1, None, 0)
    assert rates.rates([halting]) == pytest.approx([1.0])


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
