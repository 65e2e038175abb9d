"""Event processing: a graph of algorithms per event, several events in flight on some threads; order and cost of scheduling.

An algorithm is a chain of dependent integer steps, as many as nanoseconds it ran for in the real job, times a scale: the same
work on every machine, about 1 ns a step. What its inputs held enters its result, so that the checksum of an event tells whether
every algorithm did its work once, on inputs of its own event. A slot that is free takes the next event at once.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np

from ngtbench.errors import WorkloadError
from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Inputs, Workload
from ngtbench.physics.scheduling import graphml, values
from ngtbench.physics.scheduling.choice import longest
from ngtbench.physics.scheduling.generate import atlas_like
from ngtbench.physics.scheduling.graph import Graph

_STEPS_PER_S = 1e9
_SLOT_B, _RECORD_B = 12, 24  # of an algorithm: in each slot, and in the record of each event
WAYS = ("async", "blocking", "batched", "earliest")  # of offloading
LANES = 64  # a multiple of what any device walks at once
_APART = 1 << 20  # first events of seeds


@dataclass(frozen=True, eq=False)
class Size:
    """So many events of a graph, `slots` of them at once, each runtime times a scale; no graph: one like ATLAS q449's.

    Implementations that offload do so with the longest algorithms that make up a `share` of the work, each cut in so many
    `lanes`, to `devices` launches at once; where they join events, up to `batch`, or those of `batch_wait_s`. In mode "memory" a
    step is a word of 8 bytes that is read, in "mixed" every second is.
    """

    events: int
    slots: int
    scale: float
    workflow: Graph | None = None
    devices: int = 1
    share: float = 0.25
    lanes: int = 256
    batch: int = 4
    batch_wait_s: float = 1e-3
    mode: values.Mode = "latency"

    def __post_init__(self) -> None:
        if self.lanes < 1 or self.lanes % LANES or self.devices < 1 or self.batch < 1 or not 0 <= self.share <= 1:
            raise WorkloadError(
                f"{self.devices} devices, a share of {self.share}, {self.lanes} lanes, batches of {self.batch}: "
                f"give 1 or more of each, a share from 0 to 1, and a multiple of {LANES} lanes"
            )
        if self.mode not in get_args(values.Mode):
            raise WorkloadError(f"mode {self.mode!r}: there are {', '.join(get_args(values.Mode))}")
        if self.events < 1 or self.slots < 1 or not 0 <= self.scale < np.inf:
            raise WorkloadError(
                f"{self.events} events, {self.slots} slots, scale {self.scale}: give 1 or more of each, and a scale from 0 on"
            )

    @property
    def graph(self) -> Graph:
        """Return the graph, runtimes as they were measured."""
        return self.workflow or atlas_like(1)

    @property
    def steps(self) -> Array:
        """Return the steps of each algorithm, recorded as whole numbers."""
        return np.rint(self.graph.runtimes_s * self.scale * _STEPS_PER_S).astype(np.int64)


def inputs(size: Size, seed: int) -> Inputs:
    """Return steps, edges, the number of the first event, and which algorithms may be offloaded."""
    offloaded = np.array(sorted(longest(size.graph, size.share)), np.int64)
    first = np.array([seed * _APART % (1 << 40)])
    return {"steps": size.steps, "edges": size.graph.edges, "first_event": first, "offloaded": offloaded}


def reference(size: Size, steps: Array, edges: Array, first_event: Array, offloaded: Array) -> dict[str, Array]:
    """Return each event's checksum by the closed form, as halves; that each algorithm ran once per event, after its inputs."""
    graph, once = Graph(size.graph.names, steps, edges), np.full(len(steps), size.events)
    checksums = values.checksums(graph, steps, int(first_event[0]), size.events, size.mode)
    ordered = size.events * np.bincount(edges[:, 1], minlength=len(steps))
    return {"checksums": checksums.view(np.uint32).reshape(-1, 2), "runs": once, "ordered": ordered}


def work(size: Size, item_b: int) -> Work:
    """Count events and the bytes that are streamed; chains are integer steps, in registers. Of buffers one thread's counts."""
    memory_b = size.graph.count * (_SLOT_B * size.slots + _RECORD_B * size.events)
    memory_b += 0 if size.mode == "latency" else values.WORDS * values.WORD_B
    streamed_b = size.events * values.WORD_B * int(values.streamed(size.mode, size.steps).sum())
    return Work(flop=0, bytes=streamed_b, memory_b=memory_b, events=size.events, event="event")


def nearby(size: Size, k: int) -> Size:
    """Return slightly shorter algorithms, and one event less where there are many."""
    return replace(size, scale=size.scale * (0.98 - 0.03 * k), events=max(1, size.events - size.events // 16))


def takes_s(size: Size, kind: str) -> float:
    """Guess the seconds of a trial on two threads."""
    return size.events * size.graph.work_s * size.scale / 2 + 0.2


def workload(sizes: dict[str, Size], title: str) -> Workload:
    """Return the workload of some sizes; the first is the one of tests and smoke runs."""
    return Workload(
        version=3,  # 2: nothing was offloaded; 1: no step_s, and task_cpu_s was by the least time of a step
        title=title,
        inputs=inputs,
        reference=reference,
        work=work,
        takes_s=takes_s,
        nearby=nearby,
        sizes=sizes,
        tolerance={"float64": 0.0},
        impls=(
            Impl("native", "scheduling.event_graph:native", "native", tier="optimised"),
            Impl("serial", "scheduling.event_graph:serial", "native"),
            Impl("task-group", "scheduling.event_graph:task_group", "native"),
            Impl("flow-graph", "scheduling.event_graph:flow_graph", "native"),
            Impl("taskflow", "scheduling.event_graph:taskflow", "native"),
            Impl("threads", "scheduling.event_graph:threads", "native"),
            Impl("asyncio", "scheduling.event_graph:coroutines", "native"),
            *(Impl(f"offload-{way}", f"scheduling.event_graph_cupy:gpu_{way}", "cupy", devices=("gpu",)) for way in WAYS),
        ),
        repeat="trials",
        metrics=(
            Metric("event_s"),
            Metric("wall_s"),
            Metric("events_per_s", "higher"),
            Metric("utilisation_ratio", "higher"),
            Metric("utilisation_paced_ratio", "higher"),
            Metric("bound_event_s"),
            Metric("step_s"),
            Metric("task_cpu_s"),
            Metric("latency_p50_s"),
            Metric("latency_p90_s"),
            Metric("latency_p99_s"),
            Metric("latency_max_s"),
            Metric("progress_spread"),
            Metric("in_flight_b"),
            Metric("stream_b_per_s", "higher"),
            Metric("device_busy_ratio", "higher"),
            Metric("offloaded_ratio", "higher"),
            Metric("launch_tasks", "higher"),
            Metric("batch_wait_s"),
        ),
        quick=tuple(sizes)[1:2],
        quick_gpu=tuple(sizes)[1:2],
        full=tuple(sizes)[1:3],
        notes=(
            "bound_event_s: max(work / threads, longest path per slot) at the least time of a step ever seen here.",
            "utilisation_ratio is by that bound, utilisation_paced_ratio at step_s: what threads saw of a step during the run.",
            "With a device bounds are max(rest / threads, kernels / devices, longest path), by the least time of each kernel.",
            "device_busy_ratio: time in kernels over that of all device slots; offloaded_ratio: of all steps, those on a device.",
            "launch_tasks: events joined in a launch; batch_wait_s: what a task waited for others, its device being free.",
            "task_cpu_s: CPU time of the process beyond the steps at step_s, per task.",
            "Modes memory, mixed: step_s is what a step took in tasks, utilisation_paced_ratio the share of time in tasks.",
            "stream_b_per_s: bytes read of buffers of 64 MiB a thread over the time; caches may hold a part of them.",
            "Latency is from an event's admission to a slot to the end of its last algorithm.",
        ),
    )


SIZES = {
    "XS": Size(events=12, slots=4, scale=0.002),
    "S": Size(events=16, slots=4, scale=0.02),
    "M": Size(events=64, slots=32, scale=0.1, devices=2, batch_wait_s=5e-3),
    "L": Size(events=128, slots=64, scale=1.0, devices=4, batch_wait_s=5e-2),
    "S-empty": Size(events=100, slots=4, scale=0.0),
    "S-fine": Size(events=200, slots=4, scale=0.002),
    "S-slot1": Size(events=12, slots=1, scale=0.02),
    "S-slots16": Size(events=48, slots=16, scale=0.02),
    "S-memory": Size(events=16, slots=4, scale=0.02, mode="memory"),
    "S-mixed": Size(events=16, slots=4, scale=0.02, mode="mixed"),
    "XS-job": Size(events=4, slots=2, scale=0.001),
    **{f"S-job{n}": Size(events=16 * n, slots=2 * n, scale=0.005) for n in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)},  # threads
}
WORKLOAD = workload(SIZES, "Event processing")


def of_file(path: Path) -> Workload:
    """Return the same workload of a user's workflow; names of sizes hold a digest of the file.

    Raises BadInput for what is no workflow, naming file and node.
    """
    graph = graphml.read(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    sizes = {f"{name}-{digest}": replace(size, workflow=graph) for name, size in SIZES.items()}
    return workload(sizes, f"Event processing: {path.stem}")
