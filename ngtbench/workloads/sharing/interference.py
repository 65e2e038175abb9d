"""Two programs on one device: what each loses to the other, in rate and in its slowest calls.

A trial is a round: the first alone, the second alone, then both side by side, or the other way round. On a CPU each has half of
the threads, alone too, so that what is lost is lost to shared caches, memory and clocks.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from ngtbench.model.case import Case, Impl, Metric, Work
from ngtbench.model.workload import Array, Workload
from ngtbench.workloads.sharing import _programs


@dataclass(frozen=True)
class Size:
    """Two programs, both of a size of their own, in windows of at least so many seconds."""

    first: str
    second: str
    scale: str
    window_s: float = 0.25

    def cases(self, device: str) -> list[Case]:
        """Return what both run."""
        return [_programs.case_of(program, self.scale, device) for program in (self.first, self.second)]


def reference(size: Size, seed: Array) -> dict[str, Array]:
    """Return the answer of each window, first, second and both: the seed where every case was right by its own oracle."""
    return {"answers": np.full(3, seed)}


def work(size: Size, item_b: int) -> Work:
    """Count what is resident; how much is done is what a window shows."""
    memory_b = sum(_programs.memory_b(program, size.scale) for program in (size.first, size.second))
    return Work(flop=0, bytes=0, memory_b=memory_b, events=1, event="event")


def takes_s(size: Size, kind: str) -> float:
    """Guess the seconds of a round."""
    return 3 * max(size.window_s, _programs.window_s([size.first, size.second], size.scale, kind))


PAIRS = tuple(combinations_with_replacement(_programs.PROGRAMS, 2))
SIZES = {
    "XS": Size("triad", "triad", "XS", 0.05),
    "S": Size("dslash", "infer", "S"),
    "M": Size("dslash", "infer", "M", 1.0),
    "L": Size("triad", "dslash", "L", 2.0),
    **{f"S-{first}-{second}": Size(first, second, "S") for first, second in PAIRS if (first, second) != ("dslash", "infer")},
    **{f"M-{first}-{second}": Size(first, second, "M", 1.0) for first, second in PAIRS if (first, second) != ("dslash", "infer")},
}
WORKLOAD = Workload(
    version=1,
    title="Interference of two programs",
    inputs=_programs.inputs,
    reference=reference,
    work=work,
    takes_s=takes_s,
    nearby=_programs.nearby,
    sizes=SIZES,
    tolerance={"float32": 0.0},
    impls=(
        Impl("processes", "sharing.interference:processes", "numpy", devices=("cpu", "gpu")),
        Impl("streams", "sharing.interference:streams", "numpy", devices=("cpu", "gpu")),
    ),
    repeat="trials",
    least=5,
    metrics=(
        Metric("first_event_s"),
        Metric("second_event_s"),
        Metric("first_slowdown_ratio"),
        Metric("second_slowdown_ratio"),
        Metric("throughput_ratio", "higher"),
        Metric("fairness_ratio", "higher"),
        Metric("first_latency_p99_ratio"),
        Metric("second_latency_p99_ratio"),
    ),
    quick=(),
    quick_gpu=(),
    full=("S", "S-triad-dslash", "S-infer-train", "M"),
    notes=(
        "A slowdown is the rate alone over that beside the other; throughput_ratio: the sum of both rates, each over that alone.",
        "fairness_ratio: what the one keeps of its rate over what the other keeps; latency: the 99th percentile of a call, over "
        "that alone.",
        "Of fewer than a hundred calls in a window, as of trainings, a 99th percentile is nearly the slowest.",
        "An answer of 0 is that of a window in which a program was wrong.",
    ),
)
