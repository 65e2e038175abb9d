"""Bounds with devices, and which algorithms are for them."""

from typing import Any

import numpy as np
import pytest

from ngtbench.errors import WorkloadError
from ngtbench.physics.scheduling import bounds
from ngtbench.physics.scheduling.choice import longest
from ngtbench.physics.scheduling.generate import atlas_like
from ngtbench.physics.scheduling.graph import Graph, fork_join
from ngtbench.physics.scheduling.simulate import Node, simulate
from ngtbench.workloads.scheduling.event_graph import Size, inputs


@pytest.mark.parametrize("offload", ["async", "blocking", "earliest"])
def test_no_simulated_schedule_beats_the_bound(offload: Any) -> None:
    draw = np.random.default_rng(3)
    for _ in range(40):
        count, events = int(draw.integers(1, 8)), int(draw.integers(1, 9))
        edges = [(a, b) for b in range(count) for a in range(b) if draw.random() < 0.4]
        graph = Graph(tuple(f"a{k}" for k in range(count)), draw.random(count), np.array(edges, np.int64).reshape(-1, 2))
        off = frozenset(np.flatnonzero(draw.random(count) < 0.5).tolist())
        threads, slots, devices = (int(n) for n in draw.integers(1, 4, 3))
        speedup = float(draw.choice([0.5, 3.0, 10.0]))
        node = Node(threads, slots, "oldest", devices, speedup, off, offload, launch_s=0.0)
        device_s = np.where(np.isin(np.arange(count), list(off)), graph.runtimes_s / speedup, np.inf)
        found_s = simulate(graph, events, node).makespan_s
        bound_s = bounds.offloaded_s(graph, events, threads, slots, devices, device_s, offload == "earliest")
        assert 0 < bound_s <= found_s * (1 + 1e-9)


def test_bounds_with_a_device() -> None:
    graph, never = fork_join([1.0, 6.0, 6.0, 1.0]), np.inf
    device_s = np.array([never, 2.0, 3.0, never])
    assert bounds.offloaded_s(graph, 2, 1, 1, 1, device_s) == 2 * 5  # kernels; the longest path is the same
    assert bounds.offloaded_s(graph, 8, 1, 8, 1, device_s) == 8 * 5
    assert bounds.offloaded_s(graph, 8, 1, 8, 4, device_s) == 8 * 2  # what threads keep
    assert bounds.offloaded_s(graph, 8, 1, 8, 1, device_s, choice=True) == 8 * 14 / 4  # at three times a thread
    slow_s = np.array([never, 20.0, 30.0, never])
    assert bounds.offloaded_s(graph, 1, 9, 1, 1, slow_s, choice=True) == 8
    assert bounds.offloaded_s(graph, 1, 9, 1, 1, slow_s) == 50


def test_what_may_be_offloaded_is_part_of_the_size() -> None:
    graph = atlas_like(1)
    assert np.asarray(inputs(Size(2, 1, 0.02), 1)["offloaded"]).tolist() == sorted(longest(graph, 0.25))
    assert np.asarray(inputs(Size(2, 1, 0.02, share=0.0), 1)["offloaded"]).tolist() == []
    with pytest.raises(WorkloadError, match="a multiple of 64 lanes"):
        Size(2, 1, 0.02, lanes=100)
