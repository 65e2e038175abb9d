"""Cache bandwidth: every thread passes through a set of its own, again and again; which level holds it is told by its size.

Sets grow eightfold (twofold would tell little more) from what any first-level cache holds to what no cache of a core does. A read
adds up the set; an update adds scale c to a, halves of the set, then subtracts it again, so that a set is at the end what it
was: a is read and written, c is read. Threads share the passes, two at a time, and sum what they read or write.

Numbers are small integers: x[i] = pattern[i mod 128] + (i div 128) mod 251, so that sums are exact in whatever order, and
a pass, or a part of the set, that is left out or read twice shows. Traffic that only fills caches (a line that is written is
read first) is not counted; with twice as many passes as threads or fewer, threads are idle in part.
"""

from dataclasses import dataclass, replace

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Uniform, Workload
from ngtbench.physics import counter

_PERIOD, _TURNS, _SCALE = 128, 251, 3


@dataclass(frozen=True)
class Size:
    """Passes over a set of float64, by all threads together."""

    set_kib: int  # of one thread
    pairs: int  # of passes
    update: bool = False

    @property
    def set_b(self) -> int:
        """Bytes of a thread's set."""
        return 1024 * self.set_kib

    @property
    def items(self) -> int:
        """Numbers of a thread's set."""
        return self.set_b // 8


def inputs(size: Size, seed: int) -> Inputs:
    """Return 128 whole numbers from 1 to 255, and what `x` is made of them with."""
    uniform = counter.at(Uniform((_PERIOD,), seed, 0, 1.0, 256.0), np.arange(_PERIOD))
    return {"pattern": np.floor(uniform), "turns": np.array(_TURNS), "scale": np.array(float(_SCALE))}


def reference(size: Size, pattern: Array, turns: Array, scale: Array) -> dict[str, Array]:
    """Return the sum over all passes of what each read, or wrote."""
    periods = pattern.sum() + _PERIOD * (np.arange(size.items // _PERIOD) % int(turns))
    low, high = (half.sum() for half in np.split(periods, 2))
    total = 2 * low + scale * high if size.update else 2 * (low + high)
    return {"sum": np.array([size.pairs * total])}


def work(size: Size, item_b: int) -> Work:
    """Count what is read, and written; one addition per number read, or a multiply-add and an addition per number written."""
    updated = size.items // 2 if size.update else 0
    moved, flop = (3 * updated, 3 * updated) if size.update else (size.items, size.items)
    return Work(2 * size.pairs * flop, 2 * size.pairs * item_b * moved, memory_b=size.set_b, events=2 * size.pairs, event="pass")


def nearby(size: Size, k: int) -> Size:
    """Return a smaller set and fewer passes."""
    return replace(size, set_kib=size.set_kib - 2 * (k + 1) * max(1, size.set_kib // 100), pairs=size.pairs - 2 * k - 1)


_LADDER = {
    "XS": Size(16, 1 << 14),
    "XS-128K": Size(128, 1 << 11),
    "S": Size(1024, 1 << 9),
    "S-8M": Size(8 << 10, 192),
    "M": Size(64 << 10, 96),
    "L": Size(512 << 10, 48),
}
WORKLOAD = Workload(
    version=1,
    title="Cache bandwidth",
    inputs=inputs,
    reference=reference,
    work=work,
    nearby=nearby,
    sizes=_LADDER | {f"{name}-update": replace(size, update=True) for name, size in _LADDER.items()},
    tolerance={"float64": 0.0},
    impls=(Impl("native", "system.cache_native:passes", "native", tier="optimised"),),
    quick=("XS", "S", "S-8M"),
)
