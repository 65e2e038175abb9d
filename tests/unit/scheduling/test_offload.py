"""Offloading: the same values by any way and device, who waits for whom, joined launches, choices, and devices that go wrong."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from ngtbench.codegen import compiler, raw
from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.kernels.scheduling import event_graph
from ngtbench.kernels.scheduling.engine import Engine
from ngtbench.kernels.scheduling.job import FAULTS, Fault, Job
from ngtbench.kernels.scheduling.lanes import CHAIN, HOST_LANES
from ngtbench.kernels.scheduling.offload import Offload, Port, Way
from ngtbench.model.workload import Array
from ngtbench.physics.scheduling import values
from ngtbench.physics.scheduling.graph import Graph, chain, fork_join
from ngtbench.workloads.scheduling.event_graph import Size, inputs, reference

WAYS = {"async": Way(), "blocking": Way(holds=True), "batched": Way(joins=True), "earliest": Way(chooses=True)}
STALL_S, NEVER_S = 0.5, 60.0
LONG = 400_000  # steps: 0.4 ms and more
LONGEST = 30_000_000  # so long that both a thread and the one of a device run meanwhile, be it on one processor


@pytest.fixture(scope="module")
def host() -> Port:
    """Return threads that stand for a device."""
    try:
        return event_graph.host_port()
    except Unavailable as error:
        pytest.skip(str(error))


def arrays_of(size: Size) -> dict[str, Array]:
    return {name: np.asarray(array) for name, array in inputs(size, 1).items()}


def replayed(size: Size, threads: int, port: Port, way: Way, fault: Fault | None = None) -> Job:
    arrays, stall_s = arrays_of(size), STALL_S if fault is not None and fault.kind.endswith(("stalls", "vanishes")) else NEVER_S
    offload = event_graph.offload_of(size, arrays, port, way)
    job = event_graph.job_of(size, threads, arrays, stall_s=stall_s, fault=fault, offload=offload)
    Engine("native", job).run()
    return job


def small(
    graph: Graph,
    port: Port,
    way: Way,
    events: int,
    threads: int,
    slots: int,
    *,
    devices: int = 1,
    most: int = 1,
    patience_s: float = 0,
) -> tuple[Engine, Job, Offload]:
    """Return an engine for a graph all of whose algorithms of LONG or LONGEST steps may be offloaded; runtimes are steps."""
    algorithms = np.flatnonzero(np.isin(graph.runtimes_s, (LONG, LONGEST))).tolist()
    offload = Offload(algorithms, port, way, slots=devices, lanes=64, most=most, patience_s=patience_s)
    job = Job(graph, 0, events, slots, threads, stall_s=NEVER_S, offload=offload)
    return Engine("native", job), job, offload


def right(job: Job) -> bool:
    job.raise_failure()
    want = values.checksums(job.graph, job.graph.runtimes_s, 0, job.events)
    return np.array_equal(job.arrays["checksums"], want)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("threads", "slots", "devices"), [(1, 1, 1), (2, 3, 2), (3, 6, 1)])
def test_every_way_yields_the_closed_form(way: str, threads: int, slots: int, devices: int, host: Port) -> None:
    size = Size(events=6, slots=slots, scale=0.0002, devices=devices, lanes=64, batch_wait_s=1e-4)
    job = replayed(size, threads, host, WAYS[way])
    job.raise_failure()
    got, want = event_graph.outputs(job), reference(size, **arrays_of(size))
    assert {key: value.tolist() for key, value in got.items()} == {key: value.tolist() for key, value in want.items()}
    lanes, offloaded = job.history().lane, arrays_of(size)["offloaded"]
    assert len(offloaded) > 1
    there = np.flatnonzero((lanes >= threads).any(axis=0))
    assert lanes.max() < threads + devices
    assert set(there) <= set(offloaded)
    if way != "earliest":
        assert (lanes[:, offloaded] >= threads).all()


def test_a_thread_goes_on_or_waits(host: Port) -> None:
    graph = fork_join([1000, LONGEST, *[100_000] * 40, 1000])
    for way, meanwhile in (("async", True), ("blocking", False)):
        engine, job, _ = small(graph, host, WAYS[way], events=2, threads=1, slots=2)
        engine.run()
        assert right(job)
        history = job.history()
        begin_s, end_s = history.begin_s[:, [1]], history.end_s[:, [1]]
        others = np.delete(history.begin_s, 1, axis=1).reshape(1, -1)
        assert ((others > begin_s) & (others < end_s)).any() == meanwhile


def test_a_device_takes_the_oldest_event_first(host: Port) -> None:
    offload = Offload([1, 3], host, Way(), slots=1, lanes=64, most=1, patience_s=0)
    job = Job(chain([1000, LONGEST, 1000, LONGEST]), 0, 4, 4, 1, stall_s=NEVER_S, offload=offload)
    Engine("native", job).run()
    assert right(job)
    begin_s = job.history().begin_s
    assert begin_s[0, 3] < begin_s[3, 1]  # though it was asked for when the second algorithms of all events were


def test_what_a_device_spoils_is_wrong(host: Port) -> None:
    short = replace(CHAIN, body=CHAIN.body.replace("k < share;", "k + (first[0] == 8) < share;"))  # a step, of eight lanes
    made = raw.built(short, "float64", HOST_LANES, compiler.find())
    kernel = ctypes.cast(made.cdll[CHAIN.name], ctypes.c_void_p).value or 0
    for port, as_wanted in ((host, True), (Port("host", kernel, made), False)):
        engine, job, _ = small(chain([1000, LONG, 1000]), port, Way(), 2, 1, 1)
        engine.run()
        assert right(job) == as_wanted


def test_a_launch_that_does_nothing_leaves_no_end_of_the_one_before(host: Port) -> None:
    few = replace(CHAIN, body=f"static U calls = 0;\nif (++calls > 4) return;\n{CHAIN.body}")  # three to see how long it takes
    made = raw.built(few, "float64", HOST_LANES, compiler.find())
    kernel = ctypes.cast(made.cdll[CHAIN.name], ctypes.c_void_p).value or 0
    engine, job, _ = small(chain([LONG]), Port("host", kernel, made), Way(), 1, 1, 1)
    for as_wanted in (True, False):
        engine.run()
        assert right(job) == as_wanted


def test_where_all_is_offloaded_a_step_is_known_all_the_same(host: Port) -> None:
    engine, job, _ = small(chain([LONG] * 3), host, Way(), 2, 2, 2)
    engine.run()
    assert right(job)
    assert 0 < event_graph.metrics(job, 1.0, 1.0, job.step_s)["step_s"] < 1e-6


def test_events_are_joined_up_to_a_batch_and_no_longer_than_one_waits(host: Port) -> None:
    graph = chain([1000, LONG, 1000])
    for most, patience_s, launches in ((4, 30.0, 2), (2, 30.0, 4), (16, 0.01, None)):
        engine, job, offload = small(graph, host, Way(joins=True), 8, 1, 4, most=most, patience_s=patience_s)
        engine.run()
        assert right(job)
        found = offload.found
        assert found.tasks == 8
        assert launches is None or found.launches == launches
        if launches is None:  # four events are in flight: each launch waits for more in vain
            assert 2 <= found.launches <= 8
            assert found.joined_ns >= found.launches * 10_000_000
    engine, job, offload = small(graph, host, Way(), 8, 1, 4, most=4, patience_s=30.0)
    engine.run()
    assert offload.found.launches == 8


def test_the_place_of_the_earlier_end_is_chosen(host: Port) -> None:
    ten_s, none = 10**10, 0
    for graph, expected_ns, least, most in (
        (chain([LONG] * 5), ten_s, 0, 0),
        (chain([LONG] * 5), none, 5, 5),
        (fork_join([1000, *[LONGEST] * 8, 1000]), none, 1, 7),  # while the device is busy a thread is better, and sometimes not
    ):
        engine, job, offload = small(graph, host, Way(chooses=True), 1, 1, 1)
        offload.arrays["expected_ns"][...] = expected_ns
        if graph.count > 5:
            offload.arrays["expected_ns"][...] = offload.arrays["least_ns"]
        engine.run()
        assert right(job)
        assert least <= int((job.history().lane >= 1).sum()) <= most
        assert event_graph.offload_metrics(job, 1.0)["launch_tasks"] == min(1, offload.found.launches)
        offload.arrays["least_ns"][...] = 10**12  # the bound is that of a choice: nobody need take so long
        assert event_graph.least_s(job, 1e-9) == pytest.approx(1e-9 * graph.work_s, rel=1e-3)


def test_a_device_that_was_slow_once_gets_another_chance(host: Port) -> None:
    engine, job, offload = small(chain([LONG] * 5), host, Way(chooses=True), 80, 1, 1)
    offload.arrays["expected_ns"][...] = 20_000_000
    offload.arrays["least_ns"][...] = 1
    engine.run()
    assert right(job)
    assert (job.history().lane[:20] == 0).all()
    assert (job.history().lane >= 1).any()


@pytest.mark.parametrize("way", ["async", "blocking", "batched"])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("kernel-fails", r"failed on its device \(as asked\)"),
        ("device-stalls", "never ended"),
        ("device-vanishes", "never ended"),
    ],
)
def test_a_device_that_goes_wrong_ends_the_run_with_a_name(way: str, kind: str, words: str, host: Port) -> None:
    size = Size(events=6, slots=3, scale=0.0002, lanes=64, batch_wait_s=0.0)
    first = int(arrays_of(size)["offloaded"][0])
    job = replayed(size, 2, host, WAYS[way], Fault(kind, first, 2))
    with pytest.raises(
        NgtBenchError, match=f"algorithm '{job.graph.names[first]}' of event [0-5] {words}; [0-5] of 6 events were done"
    ):
        job.raise_failure()
    job = replayed(size, 2, host, WAYS[way])
    job.raise_failure()


def test_a_thread_that_goes_wrong_beside_a_device_is_named(host: Port) -> None:
    size = Size(events=6, slots=3, scale=0.0002, lanes=64)
    for kind, words in (("throws", "threw"), ("stalls", "never ended"), ("vanishes", "never ended")):
        job = replayed(size, 2, host, Way(), Fault(kind, 400, 2))
        with pytest.raises(NgtBenchError, match=f"algorithm 'Algorithm400' of event 2 {words}"):
            job.raise_failure()


def test_what_a_device_said_is_not_said_of_the_next_run(host: Port) -> None:
    engine, job, _ = small(chain([LONG, 1000]), host, Way(), 1, 1, 1)
    job.struct.fault_event = 0
    for kind, a, words in (("kernel-fails", 0, r"failed on its device \(as asked\); 0"), ("throws", 1, "threw an exception; 0")):
        job.struct.fault, job.struct.fault_algorithm = FAULTS.index(kind), a
        engine.run()
        with pytest.raises(NgtBenchError, match=words):
            job.raise_failure()


def test_figures_of_the_device_and_a_run_beyond_its_bound(host: Port) -> None:
    engine, job, offload = small(fork_join([1000, LONG, LONG, 2 * LONG, 1000]), host, Way(), 4, 2, 2, devices=2)
    engine.run()
    assert right(job)
    found, wall_s, on_threads = offload.found, job.history().makespan_s, 2 * LONG + 2000
    assert 0 < found.cpu_ns <= found.busy_ns
    assert 0 < offload.device_s.min() <= found.busy_ns * 1e-9 / 8
    offload.arrays["least_ns"][...] = 1000
    metrics = event_graph.metrics(job, wall_s, 1.0, job.step_s)
    assert metrics["offloaded_ratio"] == pytest.approx(2 * LONG / (2 * LONG + on_threads))
    assert metrics["launch_tasks"] == 1
    assert metrics["device_busy_ratio"] == pytest.approx(found.busy_ns * 1e-9 / wall_s / 2)
    chains_s = job.step_s * (4 * on_threads + job.looked_steps) + found.cpu_ns * 1e-9
    assert metrics["task_cpu_s"] == pytest.approx((1.0 - chains_s) / 20)
    least_s = event_graph.least_s(job, job.step_s)
    assert least_s == pytest.approx(2 * job.step_s * on_threads)
    with pytest.raises(NgtBenchError, match=r"utilisation 1\.0[3-9]\d is beyond 1.02"):
        event_graph.metrics(job, least_s / 1.05, 0.0, job.step_s)
