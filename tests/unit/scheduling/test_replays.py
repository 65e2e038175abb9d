"""Replays by every engine: the same results for any threads, slots and order; what goes wrong ends with a name, and ends."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.harness.prepare import Stopwatch, prepare
from ngtbench.kernels.scheduling import event_graph, pool
from ngtbench.kernels.scheduling.engine import Pace, built
from ngtbench.kernels.scheduling.job import Fault, Job
from ngtbench.model.case import Case, Resources
from ngtbench.model.workload import Setup
from ngtbench.physics.scheduling.graph import Graph, chain, fork_join
from ngtbench.workloads.scheduling.event_graph import Size, inputs, reference

ENGINES = ("native", "serial", "task_group", "flow_graph", "taskflow", "threads", "asyncio")
SMALL = Size(events=6, slots=3, scale=0.0002)
STALL_S, NEVER_S = 1.0, 60.0  # of runs that are to stop, and of others: a busy machine does not stall


def engine(name: str, job: Job) -> event_graph.Replays:
    try:
        return event_graph.engine(name, job)
    except Unavailable as error:
        pytest.skip(str(error))


def replayed(name: str, size: Size, threads: int, fault: Fault | None = None) -> Job:
    stall_s = NEVER_S if fault is None or fault.kind == "throws" else STALL_S
    job = event_graph.job_of(size, threads, {k: np.asarray(v) for k, v in inputs(size, 1).items()}, stall_s=stall_s, fault=fault)
    engine(name, job).run()
    return job


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("threads", "slots"), [(1, 1), (2, 3), (5, 6)])
def test_every_engine_yields_the_closed_form(name: str, threads: int, slots: int) -> None:
    size = Size(events=6, slots=slots, scale=0.0002)
    job = replayed(name, size, threads)
    job.raise_failure()
    got, want = event_graph.outputs(job), reference(size, **{k: np.asarray(v) for k, v in inputs(size, 1).items()})
    assert {key: value.tolist() for key, value in got.items()} == {key: value.tolist() for key, value in want.items()}


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("kind", "words"), [("throws", "threw an exception"), ("stalls", "never ended")])
def test_what_goes_wrong_ends_the_run_with_a_name_and_the_next_run_is_right(name: str, kind: str, words: str) -> None:
    job = replayed(name, SMALL, 2, Fault(kind, 400, 2))
    with pytest.raises(NgtBenchError, match=f"algorithm 'Algorithm400' of event 2 {words}; [0-5] of 6 events were done"):
        job.raise_failure()
    job.struct.fault = 0
    job.clear()
    engine(name, job).run()
    job.raise_failure()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_thread_that_is_gone_is_missed_by_name(threads: int) -> None:
    job = replayed("native", SMALL, threads, Fault("vanishes", 400, 2))
    with pytest.raises(NgtBenchError, match="algorithm 'Algorithm400' of event 2"):
        job.raise_failure()


def test_a_run_that_nobody_goes_on_with_names_what_was_not_begun() -> None:
    job = Job(chain([1.0, 1.0, 1.0]), 0, 2, 1, 1, stall_s=0.1)
    steps = pool.Stepwise(job)
    steps.begin()
    assert steps.admit(0)
    assert steps.perform(0, 0) == 1
    while not steps.stopped:
        time.sleep(0.01)
    steps.end()
    with pytest.raises(NgtBenchError, match="algorithm 'a1' of event 0 was never begun; 0 of 2 events were done"):
        job.raise_failure()


GONE = """
import numpy as np
from ngtbench.kernels.scheduling import event_graph, pool
from ngtbench.kernels.scheduling.job import Fault
from ngtbench.workloads.scheduling.event_graph import Size, inputs
size = Size(events=6, slots=3, scale=0.0002)
arrays = {k: np.asarray(v) for k, v in inputs(size, 1).items()}
pool.Coroutines(event_graph.job_of(size, 2, arrays, stall_s=1.0, fault=Fault("vanishes", 400, 2))).run()
"""


def test_where_nothing_can_end_a_run_the_process_ends_with_a_name() -> None:
    ended = subprocess.run([sys.executable, "-c", GONE], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "algorithm 'Algorithm400' of event 2 never ended, nor did the run" in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", ["native", "flow_graph"])
def test_ours_takes_the_oldest_event_first_and_of_it_the_highest_rank_as_does_tbb_by_priorities(name: str) -> None:
    job = replayed(name, Size(events=8, slots=4, scale=0.0002), 1)
    history = job.history()
    assert np.argsort(history.finished_s).tolist() == list(range(8))
    started = np.argsort(history.begin_s[0])
    ready_s = np.array([max((history.end_s[0, p] for p in job.graph.inputs[a]), default=0.0) for a in range(job.graph.count)])
    for k, a in enumerate(started[:-1]):
        rivals = [b for b in started[k + 1 :] if ready_s[b] <= history.begin_s[0, a]]
        assert all(job.graph.ranks_s[b] <= job.graph.ranks_s[a] for b in rivals)
    assert history.spread(4) <= 1


@pytest.mark.parametrize("graph", [chain([4e5] * 6), fork_join([1e5] + [4e5] * 5 + [1e5])])
def test_measured_runs_do_not_beat_the_bound_and_are_drawn(graph: Graph, tmp_path: Path) -> None:
    job = Job(graph, 0, 4, 2, 2, stall_s=10)
    engine("native", job).run()
    job.raise_failure()
    metrics = event_graph.metrics(job, job.history().makespan_s, 0.0, Pace().step_s())
    assert 0 < metrics["utilisation_ratio"] <= event_graph.HONEST
    assert 0 < metrics["utilisation_paced_ratio"] <= event_graph.HONEST
    assert 2 <= job.struct.looks <= 100  # at their clocks: each thread, and not at every task
    assert job.looked_steps >= job.struct.looks * 10_000
    job.history().write(graph, tmp_path / "trace.json")
    rows = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert sorted((row["name"], row["args"]["event"]) for row in rows) == sorted((a, e) for a in graph.names for e in range(4))
    ends = {(row["name"], row["args"]["event"]): row["ts"] + row["dur"] for row in rows}
    begins = {(row["name"], row["args"]["event"]): row["ts"] for row in rows}
    for a, b in graph.edges.tolist():
        assert all(ends[graph.names[a], event] <= begins[graph.names[b], event] + 1e-3 for event in range(4))


def test_what_is_faster_than_possible_fails() -> None:
    job = replayed("native", SMALL, 1)
    all_s = 6 * job.graph.work_s * job.step_s
    assert event_graph.metrics(job, all_s / 0.9, 0.0, job.step_s / 2)["utilisation_paced_ratio"] == pytest.approx(0.9)
    for beyond_s, step_s in ((all_s / 1.05, job.step_s / 2), (all_s / 0.7, job.step_s * 1.5)):  # by the run's pace, by the other
        with pytest.raises(NgtBenchError, match=r"utilisation 1\.0[3-9]\d is beyond 1.02"):
            event_graph.metrics(job, beyond_s, 0.0, step_s)


def test_a_step_is_as_long_as_threads_saw_it_and_of_few_looks_the_fastest_counts() -> None:
    job = replayed("native", SMALL, 1)
    job.struct.looks, job.struct.rates, job.struct.fastest = 40, 40 * 10**9, 2 * 10**9
    assert job.step_s == pytest.approx(1e-9)
    job.struct.looks = 4
    assert job.step_s == pytest.approx(5e-10)


@pytest.mark.parametrize(("name", "compiled"), [("native", "native"), ("serial", "serial"), ("coroutines", "stepwise")])
def test_what_was_compiled_is_the_engine_itself(name: str, compiled: str) -> None:
    try:
        want_s = built(compiled).took_s
    except Unavailable as error:
        pytest.skip(str(error))
    seen_s = list[float]()
    setup = Setup(SMALL, "float64", "cpu:0", 1, 1, HostBackend("native", "cpu:0"), compiled=seen_s.append)
    getattr(event_graph, name)(setup, **{k: np.asarray(v) for k, v in inputs(SMALL, 1).items()})
    assert seen_s == [want_s]


@pytest.mark.parametrize("tampered", ["runs", "order", "values"])
def test_what_was_not_done_shows(tampered: str) -> None:
    ready = prepare(Case("scheduling/event_graph", 3, "XS", "native", "float64"), Resources("cpu:0", 1, False), 1)
    assert ready.verdict.passed
    trial = ready.run(1, Stopwatch(ready.backend))
    assert ready.check(trial.outputs).passed
    job = replayed("native", SMALL, 1)
    want = event_graph.outputs(job)
    if tampered == "runs":
        job.arrays["records"]["runs"][3:5, 7] = 2, 0  # as many in all
    elif tampered == "order":
        last = int(np.flatnonzero(np.diff(job.arrays["inputs_at"]))[-1])
        job.arrays["records"]["begin_ns"][3, last] = job.arrays["records"]["begin_ns"][3].min()
    else:
        job.arrays["checksums"][3] ^= np.uint64(1)
    got = event_graph.outputs(job)
    changed = {"runs": "runs", "order": "ordered", "values": "checksums"}[tampered]
    assert [key for key in want if not np.array_equal(got[key], want[key])] == [changed]
