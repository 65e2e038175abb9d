"""Main memory: how much can really be reached, and the latency of random access, per NUMA node.

Memory is cut into lines of 64 bytes, N = 2^k of them. Line p holds next(p) and seven words that follow from it, and the lines
form one cycle in scattered order: next = mix . lcg . unmix, where lcg(t) = a t + c mod N runs through all N numbers
(a = 1 mod 4, c odd: Hull and Dobell, SIAM Review 4 (1962) 230) and mix, two xor-shifts around an odd product, is invertible.
So the end of any number of steps is known in closed form, and the sum of all words too; no table is needed.

A trial allocates, fills, follows the cycle (timed; one thread, every load waits for the one before), and reads all back.
Sizes "-nodeN" bind the memory to that node; the thread stays on the first CPU it may use, and the record names it.
"""

from dataclasses import dataclass, replace

import numpy as np

from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Inputs, Workload
from ngtbench.physics import counter

LINE_B = 64
_A, _C, _M = 0x5851F42D4C957F2D, 0x14057B7EF767814F, 0x2545F4914F6CDD1D
_SUM = (1 << 62) - 1  # sums are kept modulo 2^62


@dataclass(frozen=True)
class Size:
    """One memory test."""

    lines_log2: int
    steps: int
    node: int | None = None  # bind to this NUMA node; None: where the threads that fill it first touch it

    @property
    def lines(self) -> int:
        """Lines of 64 bytes."""
        return 1 << self.lines_log2


def inputs(size: Size, seed: int) -> Inputs:
    """Return the line to start from, and the constants of the cycle: a, c; the odd factor, its inverse, the shift."""
    factor = _M % size.lines
    return {
        "start": np.array([counter.key(seed, 0) % size.lines]),
        "lcg": np.array([_A % size.lines, _C % size.lines]),
        "mix": np.array([factor, pow(factor, -1, size.lines), (size.lines_log2 + 1) // 2]),
    }


def reference(size: Size, start: Array, lcg: Array, mix: Array) -> dict[str, Array]:
    """Return the line `steps` steps on, how many words are right, and the sum of all words."""
    lines = size.lines
    a, c = advance(int(lcg[0]), int(lcg[1]), size.steps, lines)
    factor, inverse, shift = (int(value) for value in mix)
    t = mixed(int(start[0]), inverse, shift, lines)
    end = mixed((a * t + c) % lines, factor, shift, lines)
    # Word w of a line is next + w N, and next takes every value below N once.
    total = 8 * (lines * (lines - 1) // 2) + 28 * lines * lines
    return {"end": np.array([end]), "right": np.array([8 * lines]), "sum": np.array([total & _SUM])}


def advance(a: int, c: int, steps: int, lines: int) -> tuple[int, int]:
    """Return the constants of `steps` steps of t -> a t + c modulo `lines`, by repeated squaring."""
    total_a, total_c = 1, 0
    while steps:
        if steps & 1:
            total_a, total_c = a * total_a % lines, (a * total_c + c) % lines
        a, c, steps = a * a % lines, (a * c + c) % lines, steps >> 1
    return total_a, total_c


def mixed(t: int, factor: int, shift: int, lines: int) -> int:
    """Scatter a number below `lines`; the same with the inverse factor undoes it, for 2 shift covers all bits."""
    t = (t ^ (t >> shift)) * factor % lines
    return t ^ (t >> shift)


def work(size: Size, item_b: int) -> Work:
    """Count a line per step."""
    return Work(flop=0, bytes=LINE_B * size.steps, memory_b=LINE_B * size.lines, events=size.steps, event="access")


def nearby(size: Size, k: int) -> Size:
    """Return a shorter chain; the lines stay a power of two, which the cycle needs."""
    return replace(size, steps=size.steps - (k + 1) * (size.steps // 50) - 2 * k - 3)


WORKLOAD = Workload(
    version=1,
    title="Memory capacity and latency",
    inputs=inputs,
    reference=reference,
    work=work,
    nearby=nearby,
    sizes={"XS": Size(20, 1 << 17), "S": Size(24, 1 << 20), "M": Size(28, 1 << 21), "L": Size(32, 1 << 22)}
    | {"L-1t": Size(34, 1 << 22), "L-4t": Size(36, 1 << 22)}
    | {f"S-node{node}": Size(24, 1 << 20, node) for node in range(8)},
    tolerance={"float64": 0.0},
    impls=(
        Impl("native", "system.memory_native:chase", "native"),
        Impl("numba", "system.memory_numba:chase", "numba"),
        Impl("rtc", "system.memory_cupy:chase", "cupy", devices=("gpu",)),
    ),
    repeat="trials",
    metrics=(Metric("latency_s"), Metric("capacity_b", "higher")),
)
