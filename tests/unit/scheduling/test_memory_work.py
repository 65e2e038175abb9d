"""Work that memory bounds: its closed form, every engine, and figures that mean something."""

import numpy as np
import pytest

from ngtbench.backends import load
from ngtbench.errors import NgtBenchError, Unavailable, WorkloadError
from ngtbench.kernels.scheduling import event_graph
from ngtbench.kernels.scheduling.engine import Pace
from ngtbench.kernels.scheduling.job import Job
from ngtbench.kernels.scheduling.offload import Way
from ngtbench.model.workload import Setup
from ngtbench.physics.scheduling import values
from ngtbench.physics.scheduling.graph import fork_join
from ngtbench.workloads.scheduling.event_graph import SIZES, Size, inputs, reference, work

ENGINES = ("native", "serial", "task_group", "flow_graph", "taskflow", "threads", "asyncio")


def engine(name: str, job: Job) -> event_graph.Replays:
    try:
        return event_graph.engine(name, job)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("words", [0, 1, 1000, values.WORDS - 1, values.WORDS, 2 * values.WORDS + 12345])
def test_the_closed_form_is_the_sum(words: int) -> None:
    starts = np.array([0, 5, values.WORDS - 2, 2**64 - 1, 123456789012345], np.uint64)
    buffer = np.arange(values.WORDS, dtype=np.uint64)
    for start, found in zip(starts, values.added(starts, words), strict=True):
        laps, rest = divmod(words, values.WORDS)
        rolled = np.roll(buffer, -int(start % values.WORDS))
        assert int(found) == (int(start) + laps * int(buffer.sum()) + int(rolled[:rest].sum())) % 2**64


@pytest.mark.parametrize("mode", ["memory", "mixed"])
@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_streams_what_the_closed_form_says(name: str, mode: values.Mode) -> None:
    size = Size(events=3, slots=2, scale=0.0005, mode=mode)
    arrays = {key: np.asarray(array) for key, array in inputs(size, 1).items()}
    job = event_graph.job_of(size, 2, arrays)
    engine(name, job).run()
    job.raise_failure()
    got, want = event_graph.outputs(job), reference(size, **arrays)
    assert {key: value.tolist() for key, value in got.items()} == {key: value.tolist() for key, value in want.items()}
    assert job.streamed_b == work(size, 8).bytes == 3 * 8 * int((size.steps // (1 if mode == "memory" else 2)).sum())


def test_a_step_is_what_it_took_in_tasks_and_the_bound_is_by_one_thread_alone() -> None:
    graph = fork_join([100_000, *[2_000_000] * 4, 100_000])
    job = Job(graph, 0, 2, 1, 2, stall_s=60, mode="memory")
    engine("native", job).run()
    job.raise_failure()
    history, steps = job.history(), 2 * graph.work_s
    assert job.step_s == pytest.approx(float((history.end_s - history.begin_s).sum()) / steps)
    assert job.looked_steps == 0
    alone_s, wall_s = job.step_s / 4, history.makespan_s
    metrics = event_graph.metrics(job, wall_s, 0.0, alone_s)
    assert metrics["stream_b_per_s"] == pytest.approx(8 * steps / wall_s)
    assert metrics["utilisation_ratio"] == pytest.approx(alone_s * steps / 2 / wall_s)
    assert metrics["utilisation_paced_ratio"] == pytest.approx(job.step_s * steps / 2 / wall_s)
    least_s = alone_s * steps / 2
    assert event_graph.metrics(job, least_s / 0.99, 0.0, alone_s)["utilisation_paced_ratio"] > event_graph.HONEST
    with pytest.raises(NgtBenchError, match=r"utilisation 1\.05\d is beyond 1.02"):
        event_graph.metrics(job, least_s / 1.05, 0.0, alone_s)


def test_paces_of_modes_are_those_of_words_and_steps() -> None:
    paces = {mode: Pace(mode).step_s() for mode in ("latency", "memory", "mixed")}
    assert 0 < paces["memory"] < 1e-8
    assert min(paces["latency"], paces["memory"]) / 2 < paces["mixed"] < 2 * max(paces["latency"], paces["memory"])


def test_what_memory_bounds_is_not_offloaded() -> None:
    assert {SIZES[name].mode for name in ("S", "S-memory", "S-mixed")} == {"latency", "memory", "mixed"}
    with pytest.raises(WorkloadError, match="there are latency, memory, mixed"):
        Size(1, 1, 1.0, mode="fast")  # type: ignore[arg-type]  # no mode
    setup = Setup(SIZES["S-memory"], "float64", "cpu:0", 1, 1, load("native", "cpu:0", 1))
    with pytest.raises(Unavailable, match="work of mode 'memory' is not offloaded"):
        event_graph.offloaded(setup, {}, event_graph.host_port(), Way())
