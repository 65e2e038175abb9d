"""Bounds are honest: no simulated schedule is faster, on any machine drawn, nor is the best of all that there are."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ngtbench.errors import BadInput
from ngtbench.physics.scheduling import bounds, values
from ngtbench.physics.scheduling.graph import Graph, chain, fork_join, made
from ngtbench.physics.scheduling.simulate import Node, Offload, Order, simulate

ORDERS: tuple[Order, ...] = ("fifo", "lifo", "rank", "oldest")
OFFLOADS: tuple[Offload, ...] = ("async", "blocking", "earliest")
ROUNDING = 1 + 1e-12


@st.composite
def graphs(draw: st.DrawFn, most: int = 8) -> Graph:
    count = draw(st.integers(1, most))
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    runtimes_s = [draw(st.integers(1, 20)), *draw(st.lists(st.integers(0, 20), min_size=count - 1, max_size=count - 1))]
    return made([f"a{k}" for k in range(count)], [float(t) for t in runtimes_s], edges)


@st.composite
def nodes(draw: st.DrawFn, graph: Graph, slots: int = 4) -> Node:
    return Node(
        threads=draw(st.integers(1, 4)),
        slots=draw(st.integers(1, slots)),
        order=draw(st.sampled_from(ORDERS)),
        devices=draw(st.integers(0, 3)),
        speedup=draw(st.sampled_from((0.25, 1.0, 3.0, 16.0))),
        offloaded=draw(st.frozensets(st.integers(0, graph.count - 1))),
        offload=draw(st.sampled_from(OFFLOADS)),
        launch_s=draw(st.sampled_from((0.0, 0.5))),
    )


def most_per_s(graph: Graph, node: Node) -> float:
    choice = node.offload == "earliest"
    return bounds.events_per_s(graph, node.threads, node.slots, node.devices, node.speedup, node.offloaded, choice)


@settings(max_examples=500, deadline=None)
@given(st.data(), graphs(), st.integers(1, 9))
def test_no_simulated_schedule_beats_its_bound(data: st.DataObject, graph: Graph, events: int) -> None:
    node = data.draw(nodes(graph))
    history = simulate(graph, events, node)
    assert (history.runs == 1).all()
    assert history.ordered(graph).sum() == events * len(graph.edges)
    assert events / history.makespan_s <= most_per_s(graph, node) * ROUNDING
    if not (node.devices and node.offloaded):
        assert bounds.makespan_s(graph, events, node.threads, node.slots) <= history.makespan_s * ROUNDING


def placements(graph: Graph, node: Node) -> Iterator[list[bool]]:
    """Return which algorithms are on a device, in every way that the machine may choose."""
    free = [node.devices > 0 and a in node.offloaded for a in range(graph.count)]
    every = [(False, True) if may and node.offload == "earliest" else (may,) for may in free]
    return map(list, itertools.product(*every))


def optimum_s(graph: Graph, node: Node) -> float:
    """Return the least makespan of one event, by trying all; launches are free.

    Of some best schedule let algorithms be given, in the order in which they start there, to the lane of their kind that is
    free first, as early as their inputs are there: none starts later than in it, so that this is a best one, too.
    """
    best = np.inf
    orders = [order for order in itertools.permutations(range(graph.count)) if feasible(graph, order)]
    for on_device, order in itertools.product(placements(graph, node), orders):
        ends, lanes = dict[int, float](), ([0.0] * node.threads, [0.0] * node.devices)
        for a in order:
            mine, takes_s = lanes[on_device[a]], float(graph.runtimes_s[a]) / (node.speedup if on_device[a] else 1.0)
            first = min(range(len(mine)), key=mine.__getitem__)
            ends[a] = mine[first] = max([mine[first], *(ends[int(p)] for p in graph.inputs[a])]) + takes_s
        best = min(best, max(ends.values()))
    return best


def feasible(graph: Graph, order: tuple[int, ...]) -> bool:
    return all(order.index(a) < order.index(b) for a, b in graph.edges.tolist())


WAITS = made("abcd", [2.0, 3.0, 2.0, 2.0], [(0, 2), (0, 3)])


@settings(max_examples=150, deadline=None)
@given(st.data(), graphs(most=5))
@example(None, WAITS)
def test_no_simulated_schedule_beats_the_best_of_all_nor_that_the_bound(data: st.DataObject | None, graph: Graph) -> None:
    node = data.draw(nodes(graph, slots=1)) if data else Node(2, 1)
    best_s = optimum_s(graph, node)
    assert 1 / best_s <= most_per_s(graph, node) * ROUNDING
    assert simulate(graph, 1, node).makespan_s * ROUNDING >= best_s


def test_the_best_of_all_is_known_of_some_graphs() -> None:
    assert optimum_s(WAITS, Node(2, 1)) == 5.0
    assert optimum_s(chain([1.0, 2.0, 3.0]), Node(3, 1)) == 6.0
    assert optimum_s(fork_join([1.0, 4.0, 4.0, 4.0, 1.0]), Node(2, 1)) == 10.0
    assert optimum_s(chain([1.0, 8.0]), Node(1, 1, devices=1, speedup=4.0, offloaded=frozenset({1}))) == 3.0
    slow = frozenset({0})
    assert optimum_s(chain([1.0, 8.0]), Node(1, 1, devices=1, speedup=0.5, offloaded=slow)) == 10.0
    assert optimum_s(chain([1.0, 8.0]), Node(1, 1, devices=1, speedup=0.5, offloaded=slow, offload="earliest")) == 9.0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.integers(1, 4),
    st.integers(1, 12),
    st.sampled_from(ORDERS),
)
def test_chains_and_forks_are_as_fast_as_they_can_be_and_no_faster(
    times: list[int], threads: int, events: int, order: Order
) -> None:
    node = Node(threads, threads, order)  # an event per thread: each chain runs through
    whole = chain([float(t) for t in times])
    assert simulate(whole, events, node).makespan_s == -(-events // threads) * sum(times)
    fork = fork_join([1.0, *([float(times[0])] * len(times)), 1.0])
    assert simulate(fork, events, Node(threads, 1, order)).makespan_s == events * (2 + times[0] * -(-len(times) // threads))
    for graph, slots in ((whole, threads), (fork, 1)):
        assert bounds.makespan_s(graph, events, threads, slots) <= simulate(graph, events, Node(threads, slots, order)).makespan_s


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"threads": 0}, "0 threads"),
        ({"threads": 1.5}, "1.5 threads"),
        ({"threads": 10**9}, "1000000000 threads"),
        ({"slots": 0}, "0 slots"),
        ({"devices": -1}, "-1 devices"),
        ({"speedup": 0.0}, "a speed-up of 0.0"),
        ({"speedup": np.nan}, "a speed-up of nan"),
        ({"speedup": np.inf}, "a speed-up of inf"),
        ({"speedup": 1e-308}, "a speed-up of 1e-308"),
        ({"launch_s": -1e-6}, "a launch of -1e-06 s"),
        ({"launch_s": np.nan}, "a launch of nan s"),
        ({"launch_s": np.inf}, "a launch of inf s"),
        ({"order": "random"}, "order 'random'"),
        ({"offload": "never"}, "offload 'never'"),
        ({"offloaded": frozenset({3})}, "no algorithm number 3: there are 3"),
        ({"offloaded": frozenset({-1})}, "no algorithm number -1"),
        ({"offloaded": frozenset({"a0"})}, "no algorithm number 'a0'"),
    ],
)
def test_a_machine_that_is_none_is_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        simulate(chain([1.0, 2.0, 3.0]), 2, Node(**{"threads": 1, "slots": 1, **words}))


@pytest.mark.parametrize("events", [0, -1, 1.5, 1 << 21])
def test_no_events_and_more_than_can_be_simulated_are_refused(events: Any) -> None:
    with pytest.raises(BadInput, match="events of 3 algorithms: simulate one or more, and at most 4194304"):
        simulate(chain([1.0, 2.0, 3.0]), events, Node(1, 1))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"threads": 0}, "0 threads"),
        ({"slots": 0}, "0 slots"),
        ({"devices": -1}, "-1 devices"),
        ({"devices": 1, "speedup": 0.0}, "speed-up 0.0"),
        ({"devices": 1, "speedup": np.nan}, "speed-up nan"),
        ({"devices": 1, "offload": (3,)}, "no algorithm number 3"),
        ({"devices": 1, "offload": (-1,)}, "no algorithm number -1"),
    ],
)
def test_a_bound_of_no_machine_is_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        bounds.events_per_s(chain([1.0, 2.0, 3.0]), **{"threads": 1, "slots": 1, **words})


@pytest.mark.parametrize(("events", "threads", "slots"), [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_a_makespan_of_nothing_is_refused(events: int, threads: int, slots: int) -> None:
    with pytest.raises(BadInput, match="give 1 or more of each"):
        bounds.makespan_s(chain([1.0]), events, threads, slots)


@pytest.mark.parametrize(
    ("runtimes", "edges", "said"),
    [
        (np.array([1e308, 1e308]), np.zeros((0, 2), np.int64), "more seconds in all than a number can hold"),
        (np.array(["1", "2"]), np.zeros((0, 2), np.int64), "runtimes of type <U1"),
        (np.array([1.0, 2.0]), np.array([[0.0, 1.0]]), "edges of float64"),
        (np.array([[1.0, 2.0]]), np.zeros((0, 2), np.int64), "a runtime of each"),
    ],
)
def test_what_is_no_graph_is_refused(runtimes: Any, edges: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Graph(("a", "b"), runtimes, edges)


def test_steps_whose_sum_is_beyond_whole_numbers_are_still_summed() -> None:
    assert Graph(("a", "b"), np.array([2**62, 2**62]), np.zeros((0, 2), np.int64)).work_s == 2.0**63


def test_no_chain_has_fewer_than_no_steps() -> None:
    with pytest.raises(BadInput, match="-1 steps"):
        values.jump(-1)
