"""One device, several clients: what they get together, the slowest calls, and whether all are served alike.

Clients run the same case, prepared and judged in each; on a CPU they share out its threads. A trial is a round: a client alone,
then all side by side, or the other way round. Figures are of the time in which all ran.
"""

from dataclasses import dataclass

import numpy as np

from ngtbench.model.case import Case, Impl, Metric, Work
from ngtbench.model.workload import Array, Workload
from ngtbench.workloads.sharing import _programs


@dataclass(frozen=True)
class Size:
    """So many clients of a program, of a size of its own, in windows of at least so many seconds."""

    program: str
    scale: str
    clients: int
    window_s: float = 0.25

    def case(self, device: str) -> Case:
        """Return what each client runs."""
        return _programs.case_of(self.program, self.scale, device)


def reference(size: Size, seed: Array) -> dict[str, Array]:
    """Return the answer of each window, one client and all: the seed where every case was right by its own oracle."""
    return {"answers": np.full(2, seed)}


def work(size: Size, item_b: int) -> Work:
    """Count what is resident; how much is done is what a window shows."""
    return Work(flop=0, bytes=0, memory_b=size.clients * _programs.memory_b(size.program, size.scale), events=1, event="event")


def takes_s(size: Size, kind: str) -> float:
    """Guess the seconds of a round."""
    return 2 * max(size.window_s, _programs.window_s([size.program], size.scale, kind))


SIZES = {
    "XS": Size("triad", "XS", 2, 0.05),
    "S": Size("dslash", "S", 2),
    "M": Size("dslash", "M", 4, 1.0),
    "L": Size("dslash", "L", 4, 2.0),
    "S-dslash-k4": Size("dslash", "S", 4),
    "M-dslash-k2": Size("dslash", "M", 2, 1.0),
    "M-dslash-k8": Size("dslash", "M", 8, 1.0),
    **{f"S-{program}-k{k}": Size(program, "S", k) for program in ("triad", "infer", "train") for k in (2, 4)},
    **{f"M-{program}-k{k}": Size(program, "M", k, 1.0) for program in ("triad", "infer", "train") for k in (2, 4, 8)},
    **{f"M-infer-k{k}": Size("infer", "M", k, 1.0) for k in (16, 32)},
}
WORKLOAD = Workload(
    version=1,
    title="Clients of one device",
    inputs=_programs.inputs,
    reference=reference,
    work=work,
    takes_s=takes_s,
    nearby=_programs.nearby,
    sizes=SIZES,
    tolerance={"float32": 0.0},
    impls=(
        Impl("processes", "sharing.clients:processes", "numpy", devices=("cpu", "gpu")),
        Impl("streams", "sharing.clients:streams", "numpy", devices=("cpu", "gpu")),
    ),
    repeat="trials",
    least=5,
    metrics=(
        Metric("event_s"),
        Metric("throughput_ratio", "higher"),
        Metric("slowdown_ratio"),
        Metric("fairness_ratio", "higher"),
        Metric("jain_ratio", "higher"),
        Metric("latency_p50_s"),
        Metric("latency_p99_s"),
        Metric("latency_p99_ratio"),
    ),
    quick=(),
    quick_gpu=(),
    full=("S", "S-triad-k2", "S-infer-k2", "M"),
    notes=(
        "event_s: seconds per event of all clients together; throughput_ratio: their rate over that of one alone.",
        "slowdown_ratio: rate alone over the median client's; fairness_ratio: the least client's rate over the most; jain_ratio: "
        "Jain's index; latency: of a call, all clients' together, latency_p99_ratio over that of one alone.",
        "Of fewer than a hundred calls in a window, as of trainings, a 99th percentile is nearly the slowest.",
        "An answer of 0 is that of a window in which a client was wrong.",
    ),
)
