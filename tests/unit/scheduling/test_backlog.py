"""Events that arrive by themselves: as queues whose waiting times are known, and refusals."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.physics.scheduling.backlog import backlog, backlogs
from ngtbench.physics.scheduling.graph import chain, fork_join
from ngtbench.physics.scheduling.simulate import Node, simulate


@pytest.mark.parametrize("servers", [1, 2, 3])
def test_of_one_algorithm_events_end_as_in_a_queue_of_so_many_servers(servers: int) -> None:
    arrivals_s, free_s, want = np.random.default_rng(1).exponential(size=200).cumsum() / servers, [0.0] * servers, list[float]()
    for arrival_s in arrivals_s.tolist():  # Kiefer and Wolfowitz's recursion
        first = free_s.index(min(free_s))
        free_s[first] = max(arrival_s, free_s[first]) + 0.9
        want.append(free_s[first])
    history = simulate(chain([0.9]), 200, Node(servers, servers), arrivals_s)
    assert history.finished_s == pytest.approx(want, rel=1e-12)
    assert (history.admitted_s == history.begin_s[:, 0]).all()


def test_waiting_times_are_those_of_a_queue_with_equal_service() -> None:
    found = backlog(chain([0.25, 0.5, 0.25]), Node(3, 1), 20_000, 0.7, 1)
    waiting = 0.7**2 / (2 * (1 - 0.7))  # Pollaczek and Khinchine: those that wait as one arrives, on average
    assert found.waiting_mean == pytest.approx(waiting, rel=0.1)
    assert found.latency_p50_s > 1.0


def test_the_nearer_to_what_a_node_can_do_the_longer_is_the_queue() -> None:
    found = backlogs(fork_join([1.0, 4.0, 4.0, 4.0, 1.0]), Node(2, 3), 400, 1)
    for few, more in pairwise(found):
        assert few.latency_p50_s < more.latency_p50_s
        assert few.latency_p99_s < more.latency_p99_s
        assert few.waiting_mean < more.waiting_mean
        assert few.waiting_most < more.waiting_most
    assert found[-1].drain_s > found[0].drain_s
    assert [one.arrivals_per_s / found[0].arrivals_per_s for one in found] == pytest.approx([1.0, 1.6, 1.9, 2.1])


def test_events_that_come_one_by_one_never_wait_and_drain_in_the_time_of_one() -> None:
    found = backlog(chain([1.0, 2.0]), Node(1, 1), 50, 1e-6, 1)
    assert (found.waiting_mean, found.waiting_most) == (0.0, 0)
    assert found.latency_p99_s == pytest.approx(3.0)
    assert found.drain_s == pytest.approx(3.0)


@pytest.mark.parametrize("arrivals_s", [[0.0], [0.0, np.nan], [0.0, np.inf], [2.0, 1.0], [-1.0, 1.0], [[0.0, 1.0]]])
def test_arrivals_that_are_none_are_refused(arrivals_s: Any) -> None:
    with pytest.raises(BadInput, match="for 2 events: give a finite time of each"):
        simulate(chain([1.0]), 2, Node(1, 1), np.array(arrivals_s))


@pytest.mark.parametrize("rate_per_s", [0.0, -1.0, np.nan, np.inf])
def test_a_rate_that_is_none_is_refused(rate_per_s: float) -> None:
    with pytest.raises(BadInput, match="arrivals per second: give a number above 0"):
        backlog(chain([1.0]), Node(1, 1), 2, rate_per_s, 1)
