"""Event processing: a graph of algorithms per event, several events in flight on some threads; order and cost of scheduling.

An algorithm is a chain of dependent integer steps, as many as nanoseconds it ran for in the real job, times a scale: the same
work on every machine, about 1 ns a step. What its inputs held enters its result, so that the checksum of an event tells whether
every algorithm did its work once, on inputs of its own event. A slot that is free takes the next event at once.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ngtbench.errors import WorkloadError
from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Inputs, Workload
from ngtbench.physics.scheduling import graphml, values
from ngtbench.physics.scheduling.generate import atlas_like
from ngtbench.physics.scheduling.graph import Graph

_STEPS_PER_S = 1e9
_SLOT_B, _RECORD_B = 12, 24  # of an algorithm: in each slot, and in the record of each event
_APART = 1 << 20  # first events of seeds


@dataclass(frozen=True, eq=False)
class Size:
    """So many events of a graph, `slots` of them at once, each runtime times a scale; no graph: one like ATLAS q449's."""

    events: int
    slots: int
    scale: float
    workflow: Graph | None = None

    def __post_init__(self) -> None:
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
    """Return steps, edges, and the number of the first event."""
    return {"steps": size.steps, "edges": size.graph.edges, "first_event": np.array([seed * _APART % (1 << 40)])}


def reference(size: Size, steps: Array, edges: Array, first_event: Array) -> dict[str, Array]:
    """Return each event's checksum by the closed form, as halves; that each algorithm ran once per event, after its inputs."""
    graph, once = Graph(size.graph.names, steps, edges), np.full(len(steps), size.events)
    checksums = values.checksums(graph, steps, int(first_event[0]), size.events)
    ordered = size.events * np.bincount(edges[:, 1], minlength=len(steps))
    return {"checksums": checksums.view(np.uint32).reshape(-1, 2), "runs": once, "ordered": ordered}


def work(size: Size, item_b: int) -> Work:
    """Count events; the chains are integer steps, in registers."""
    memory_b = size.graph.count * (_SLOT_B * size.slots + _RECORD_B * size.events)
    return Work(flop=0, bytes=0, memory_b=memory_b, events=size.events, event="event")


def nearby(size: Size, k: int) -> Size:
    """Return slightly shorter algorithms, and one event less where there are many."""
    return replace(size, scale=size.scale * (0.98 - 0.03 * k), events=max(1, size.events - size.events // 16))


def takes_s(size: Size, kind: str) -> float:
    """Guess the seconds of a trial on two threads."""
    return size.events * size.graph.work_s * size.scale / 2 + 0.2


def workload(sizes: dict[str, Size], title: str) -> Workload:
    """Return the workload of some sizes; the first is the one of tests and smoke runs."""
    return Workload(
        version=2,  # 1: no step_s, and task_cpu_s was by the least time of a step
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
        ),
        quick=tuple(sizes)[1:2],
        quick_gpu=(),
        full=tuple(sizes)[1:3],
        notes=(
            "bound_event_s: max(work / threads, longest path per slot) at the least time of a step ever seen here.",
            "utilisation_ratio is by that bound, utilisation_paced_ratio at step_s: what threads saw of a step during the run.",
            "task_cpu_s: CPU time of the process beyond the chains at step_s, per task.",
            "Latency is from an event's admission to a slot to the end of its last algorithm.",
        ),
    )


SIZES = {
    "XS": Size(events=12, slots=4, scale=0.002),
    "S": Size(events=16, slots=4, scale=0.02),
    "M": Size(events=64, slots=32, scale=0.1),
    "L": Size(events=128, slots=64, scale=1.0),
    "S-empty": Size(events=100, slots=4, scale=0.0),
    "S-fine": Size(events=200, slots=4, scale=0.002),
    "S-slot1": Size(events=12, slots=1, scale=0.02),
    "S-slots16": Size(events=48, slots=16, scale=0.02),
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
