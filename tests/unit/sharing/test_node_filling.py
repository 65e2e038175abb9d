"""Nodes filled with jobs: how threads are shared out, what is asked of each job, and memory that jobs share."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ngtbench import workloads
from ngtbench.backends.numpy import create
from ngtbench.errors import Unavailable
from ngtbench.kernels.scheduling import node_fill
from ngtbench.model.sharing import Clients, Program, Served
from ngtbench.model.workload import Setup

SIZES = workloads.load("scheduling/node_fill").sizes


class Asked(Exception):
    """What clients were asked for."""


def asked(size: str, threads: int, entry: str = "native", device: str = "cpu:0") -> list[tuple[str, str, int]]:
    """Return of each program its size, implementation and threads."""

    def clients(programs: Sequence[Program], together: bool) -> Clients:
        assert not together
        raise Asked([(one.case.size, one.case.impl, one.threads) for one in programs])

    setup = Setup(SIZES[size], "float64", device, threads, 1, create("cpu:0", 1), clients=clients)
    with pytest.raises(Asked) as caught:
        getattr(node_fill, entry)(setup, np.array(2))
    found: list[tuple[str, str, int]] = caught.value.args[0]
    return found


def test_threads_are_shared_out_to_jobs() -> None:
    assert asked("S", 2) == [("S-job2", "native", 2), *[("S-job1", "native", 1)] * 2]
    assert asked("S-single", 6, "threads") == [("S-job8", "threads", 6), *[("S-job1", "threads", 1)] * 6]
    assert asked("L", 192) == [("S-job256", "native", 192), *[("S-job4", "native", 3)] * 64]
    assert asked("S", 2, "offload", "cuda:0")[0] == ("S-job2", "offload-async", 2)
    assert asked("XS", 1) == [("XS-job", "native", 1)] * 3


@pytest.mark.parametrize(("size", "threads"), [("M", 4), ("L", 96), ("S-jobs128", 192), ("S", 1)])
def test_jobs_that_would_leave_threads_idle_are_refused(size: str, threads: int) -> None:
    with pytest.raises(Unavailable, match="not shared out evenly"):
        node_fill.native(Setup(SIZES[size], "float64", "cpu:0", threads, 1, create("cpu:0", 1)), np.array(2))


def test_a_node_beyond_all_replays_is_refused() -> None:
    with pytest.raises(Unavailable, match="no replay is made for a job of 524288 threads"):
        node_fill.native(Setup(SIZES["S"], "float64", "cpu:0", 1 << 20, 1, create("cpu:0", 1)), np.array(2))


def test_figures_of_jobs() -> None:
    edges = np.arange(11.0)
    one = Served(edges[:-1], edges[1:], 32, None, memory_b=100, shared_b=60)
    half = Served(edges[:-1], edges[1:], 20, None, memory_b=80, shared_b=60)
    figures = node_fill.metrics([[one], [half, half]])
    assert (figures["events_per_s"], figures["event_s"], figures["gain_ratio"]) == pytest.approx((40.0, 1 / 40.0, 40.0 / 32))
    assert (figures["memory_b"], figures["memory_ratio"], figures["fairness_ratio"]) == pytest.approx((100.0, 1.0, 1.0))
    with pytest.raises(Unavailable, match="smaps"):
        node_fill.metrics([[replace(one, memory_b=0, shared_b=0)], [half, half]])
