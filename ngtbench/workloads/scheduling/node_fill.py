"""Filling a node: one job with all threads, or several with a part each: what is gained, and what memory it costs.

Jobs of n threads replay 16 n events of a graph, 2 n of them in flight, n rounded up to a power of two, so that every split does
about the same work per thread. A trial is a round: one job with all threads, then the split, or the other way round.
"""

from dataclasses import dataclass

import numpy as np

from ngtbench import workloads
from ngtbench.errors import Unavailable
from ngtbench.model.case import Case, Impl, Metric, Work
from ngtbench.model.workload import Array, Workload
from ngtbench.workloads.sharing import _programs

_EVENTS = "scheduling/event_graph"
_JOB_B = 1 << 26  # a process with what it has loaded


@dataclass(frozen=True)
class Size:
    """So many jobs, 0 for one per thread; `of` begins the names of the replays' sizes."""

    jobs: int
    of: str = "S"
    window_s: float = 1.0

    def case(self, threads: int, engine: str) -> Case:
        """Return the replay of a job of so many threads: made for the next power of two.

        Raises Unavailable where there is none of so many.
        """
        size, events = "XS-job" if self.of == "XS" else f"{self.of}-job{1 << (threads - 1).bit_length()}", workloads.load(_EVENTS)
        if size not in events.sizes:
            raise Unavailable(f"no replay is made for a job of {threads} threads", "choose fewer --threads")
        return Case(_EVENTS, events.version, size, engine, "float64")


def reference(size: Size, seed: Array) -> dict[str, Array]:
    """Return the answer of each window, one job and several: the seed where every checksum of every event was right."""
    return {"answers": np.full(2, seed)}


def work(size: Size, item_b: int) -> Work:
    """Count what is resident; how much is done is what a window shows."""
    workload = workloads.load(_EVENTS)
    each = workload.work(workload.sizes[size.case(1, "native").size], item_b)
    return Work(flop=0, bytes=0, memory_b=(size.jobs or 1) * (each.memory_b + _JOB_B), events=1, event="event")


def takes_s(size: Size, kind: str) -> float:
    """Guess the seconds of a round."""
    return 2 * max(size.window_s, 2.5)


SIZES = {
    "XS": Size(2, "XS", 0.02),
    "S": Size(2),
    "M": Size(8),
    "L": Size(64),
    "S-single": Size(0),
    **{f"S-jobs{jobs}": Size(jobs) for jobs in (4, 16, 32, 128)},
}
WORKLOAD = Workload(
    version=1,
    title="Filling a node with jobs",
    inputs=_programs.inputs,
    reference=reference,
    work=work,
    takes_s=takes_s,
    nearby=_programs.nearby,
    sizes=SIZES,
    tolerance={"float64": 0.0},
    impls=(
        Impl("native", "scheduling.node_fill:native", "numpy"),
        Impl("threads", "scheduling.node_fill:threads", "numpy"),
        Impl("offload", "scheduling.node_fill:offload", "numpy", devices=("gpu",), needs=("cupy",)),
    ),
    repeat="trials",
    least=5,
    metrics=(
        Metric("event_s"),
        Metric("events_per_s", "higher"),
        Metric("gain_ratio", "higher"),
        Metric("fairness_ratio", "higher"),
        Metric("memory_b"),
        Metric("memory_ratio"),
    ),
    quick=(),
    quick_gpu=(),
    full=("S-single",),
    notes=(
        "event_s: seconds per event of the whole node; gain_ratio: its events per second over those of one job with all threads.",
        "memory_b: resident host memory of all jobs, what they share counted once; memory_ratio: over that of one job.",
        "An answer of 0 is that of a window in which a job was wrong.",
    ),
)
