"""The model of a machine: exact where the answer is known, never better than the bounds, and offload that does no harm."""

import itertools
import json
from typing import Any

import numpy as np
import pytest

from ngtbench.physics.scheduling import bounds
from ngtbench.physics.scheduling.generate import atlas_like
from ngtbench.physics.scheduling.graph import Graph, chain, fork_join, made
from ngtbench.physics.scheduling.simulate import Node, Offload, Order, simulate

ORDERS: tuple[Order, ...] = ("fifo", "lifo", "rank", "oldest")
OFFLOADS: tuple[Offload, ...] = ("async", "blocking", "earliest")


def whole(seed: int, scale: float = 1e6) -> Graph:
    """Return a drawn graph with runtimes in whole units, whose sums are exact."""
    graph = atlas_like(seed)
    return Graph(graph.names, np.rint(graph.runtimes_s * scale), graph.edges)


@pytest.mark.parametrize("order", ORDERS)
def test_one_thread_takes_the_work_and_many_the_longest_path_exactly(order: Order) -> None:
    graph = whole(1)
    assert simulate(graph, 1, Node(1, 1, order)).makespan_s == graph.work_s
    assert simulate(graph, 1, Node(10_000, 1, order)).makespan_s == graph.critical_s
    assert simulate(graph, 2, Node(1, 2, order)).makespan_s == 2 * graph.work_s


@pytest.mark.parametrize(
    ("graph", "threads", "events", "slots", "makespan_s"),
    [
        (chain([1, 2, 3]), 2, 4, 2, 12),  # two events at once, each 6
        (chain([1, 2, 3]), 1, 2, 2, 12),
        (fork_join([1, 4, 4, 4, 4, 1]), 2, 1, 1, 10),
        (fork_join([1, 4, 4, 4, 4, 1]), 4, 3, 1, 18),
    ],
)
def test_known_schedules(graph: Graph, threads: int, events: int, slots: int, makespan_s: float) -> None:
    assert simulate(graph, events, Node(threads, slots)).makespan_s == makespan_s
    assert makespan_s - 4 <= bounds.makespan_s(graph, events, threads, slots) <= makespan_s


def test_rates_that_last_are_bounded_by_threads_slots_and_devices() -> None:
    graph, last = chain([1, 3]), frozenset({1})
    assert bounds.events_per_s(graph, 4, 100) == 1.0
    assert bounds.events_per_s(graph, 100, 2) == 0.5
    assert bounds.events_per_s(graph, 10, 10, 1, 2.0, last) == pytest.approx(2 / 3)
    assert bounds.events_per_s(graph, 10, 10, 1, 2.0, last, choice=True) == 3.0
    assert bounds.events_per_s(graph, 10, 5, 9, 2.0, last) == 2.0
    assert bounds.events_per_s(graph, 10, 10, 0, 2.0, last) == 2.5
    assert bounds.events_per_s(chain([0, 0]), 4, 2, 1, 2.0, last, choice=True) == np.inf


def listed(graph: Graph, threads: int, urgency: tuple[int, ...]) -> float:
    """Return the makespan of the schedule that always starts the most urgent ready algorithm; written anew, by hand."""
    ends, free = dict[int, float](), [0.0] * threads
    left = set(range(graph.count))
    now = 0.0
    while left:
        ready = [a for a in urgency if a in left and all(ends.get(int(p), np.inf) <= now for p in graph.inputs[a])]
        thread = min(range(threads), key=lambda t: free[t])
        if ready and free[thread] <= now:
            ends[ready[0]] = free[thread] = now + float(graph.runtimes_s[ready[0]])
            left.remove(ready[0])
        else:
            now = min(time for time in (*ends.values(), *free) if time > now)
    return max(ends.values())


@pytest.mark.parametrize("seed", range(6))
def test_no_schedule_beats_the_optimum_and_the_optimum_not_the_bound(seed: int) -> None:
    draw = np.random.default_rng(seed)
    edges = [(a, b) for a in range(6) for b in range(a + 1, 6) if draw.random() < 0.35]
    graph = made("abcdef", [float(t) for t in draw.integers(1, 9, 6)], edges)
    best = min(listed(graph, 2, order) for order in itertools.permutations(range(6)))
    assert bounds.makespan_s(graph, 1, 2, 1) <= best
    for order in ORDERS:
        assert simulate(graph, 1, Node(2, 1, order)).makespan_s >= best


def test_upward_rank_is_what_two_threads_need() -> None:
    graph = atlas_like(1)
    share = {order: bounds.makespan_s(graph, 4, 2, 1) / simulate(graph, 4, Node(2, 1, order)).makespan_s for order in ORDERS}
    assert share["rank"] > 0.99
    assert max(share["fifo"], share["lifo"]) < 0.97
    assert max(share.values()) <= 1 + 1e-12


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("offload", OFFLOADS)
def test_every_algorithm_runs_once_after_its_inputs_and_no_lane_does_two_things(order: Order, offload: Offload) -> None:
    graph = whole(2)
    heavy = frozenset(int(a) for a in np.argsort(-graph.runtimes_s)[2:9])
    history = simulate(graph, 6, Node(4, 3, order, 2, 10.0, heavy, offload, 5.0))
    assert (history.runs == 1).all()
    assert history.ordered(graph).tolist() == (6 * np.bincount(graph.edges[:, 1], minlength=graph.count)).tolist()
    for lane in range(6):
        begun = np.sort(history.begin_s[history.lane == lane])
        ended = np.sort(history.end_s[history.lane == lane])
        assert (begun[1:] >= ended[:-1]).all()
    assert len(np.unique(history.lane[:, list(heavy)])) > 1
    rate = bounds.events_per_s(graph, 4, 3, 2, 10.0, heavy, choice=offload == "earliest")
    assert 6 / history.makespan_s <= rate * 1.5  # of so few events some may end together; a rate that lasts is below


def rate(graph: Graph, node: Node, events: int = 60) -> float:
    """Return events per second between the first and the last third."""
    ended = np.sort(simulate(graph, events, node).finished_s)
    return (2 * events // 3 - events // 3) / float(ended[2 * events // 3] - ended[events // 3])


def test_offload_by_choice_is_never_slower_than_none_and_naive_offload_is() -> None:
    graph = atlas_like(1)
    heavy = frozenset(int(a) for a in np.argsort(-graph.runtimes_s)[2:9])
    alone = rate(graph, Node(32, 64))
    for devices in (1, 4):
        assert rate(graph, Node(32, 64, "oldest", devices, 10.0, heavy, "earliest")) >= alone
    slow = Node(32, 64, "oldest", 1, 4.0, heavy, "async")
    assert rate(graph, slow) < alone
    assert rate(graph, slow) <= bounds.events_per_s(graph, 32, 64, 1, 4.0, heavy) * 1.05
    assert bounds.events_per_s(graph, 32, 64) == pytest.approx(32 / graph.work_s)
    blocking = Node(32, 64, "oldest", 1, 10.0, heavy, "blocking")
    assert rate(graph, blocking) <= rate(graph, Node(32, 64, "oldest", 1, 10.0, heavy, "async"))


def test_by_the_rule_of_the_earliest_end_what_a_device_was_given_ends_before_what_it_is_given_now() -> None:
    graph = made("abc", [6, 3, 3], [(1, 2)])  # a on the device, 3 s; b would end there after 4.5 s: on a thread after 3 s
    history = simulate(graph, 3, Node(2, 1, "oldest", 1, 2.0, frozenset({0, 1}), "earliest", 0.0))
    assert (history.lane[:, :2] == 2).tolist() == [[True, False]] * 3
    assert history.makespan_s == 18


def test_latencies_spread_and_the_picture() -> None:
    history = simulate(chain([1, 2, 3]), 4, Node(1, 2, "lifo"))
    assert history.latencies_s.max() > history.latencies_s.min()
    assert simulate(chain([1, 2, 3]), 8, Node(1, 2, "lifo")).spread(2) > simulate(chain([1, 2, 3]), 8, Node(1, 2)).spread(2)
    trace: dict[str, Any] = json.loads(history.chrome(chain([1, 2, 3])))
    rows = trace["traceEvents"]
    assert len(rows) == 12
    assert {row["ph"] for row in rows} == {"X"}
    assert sum(row["dur"] for row in rows) == pytest.approx(24e6)
    assert {(row["name"], row["args"]["event"]) for row in rows} == {(f"a{k}", event) for k in range(3) for event in range(4)}
