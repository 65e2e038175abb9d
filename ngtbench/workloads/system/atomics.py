"""Atomic additions to 64-bit integers: all threads to one counter, each to lines of its own, or scattered over a table.

Addition i of a table goes to counter h >> (64 - k), one of 2^k, where h = (z xor (z >> 32)) m, z = i m + key, modulo 2^64.
Counters on lines of their own (64 bytes) get equally many additions each, one counter after the other; threads share the
counters. Sums are exact: an addition that is lost, doubled, or goes elsewhere shows. Clearing the counters is in the time, a
store to 16 additions.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Workload
from ngtbench.physics import counter

_ODD = 0x2545F4914F6CDD1D
_STEPS = 1 << 16
_PIECE = 1 << 20  # additions the oracle makes at once
LINE_B = 64


@dataclass(frozen=True)
class Size:
    """So many additions, by all threads together, to so many counters."""

    adds: int
    slots: int = 1  # a power of two
    pattern: Literal["one", "own", "table"] = "one"


def inputs(size: Size, seed: int) -> Inputs:
    """Return what is added, an odd number, and the constants of the hash."""
    step = 2 * (counter.key(seed, 0) % _STEPS) + 1
    return {"step": np.array(step), "key": np.array(counter.key(seed, 1) >> 1), "odd": np.array(_ODD)}


def reference(size: Size, step: Array, key: Array, odd: Array) -> dict[str, Array]:
    """Return the counters, shape (slots,), in float64: they are below 2^53."""
    if size.pattern != "table":
        return {"counters": np.full(size.slots, float(size.adds // size.slots * int(step)))}
    counts, factor = np.zeros(size.slots, np.int64), np.uint64(int(odd))
    for first in range(0, size.adds, _PIECE):
        z = np.arange(first, min(first + _PIECE, size.adds), dtype=np.uint64) * factor + np.uint64(int(key))  # wraps
        slot = ((z ^ (z >> np.uint64(32))) * factor) >> np.uint64(64 - (size.slots.bit_length() - 1))
        counts += np.bincount(slot.astype(np.int64), minlength=size.slots)
    return {"counters": counts * float(step)}


def work(size: Size, item_b: int) -> Work:
    """Count additions; counters are read and written once, if caches hold them."""
    resident_b = size.slots * (8 if size.pattern == "table" else LINE_B)
    return Work(flop=0, bytes=2 * resident_b, memory_b=resident_b, events=size.adds, event="addition")


def nearby(size: Size, k: int) -> Size:
    """Return fewer additions; counters stay a power of two."""
    fewer = size.adds // 32 if size.pattern == "own" else size.adds // 50 + 2 * k + 3
    return replace(size, adds=size.adds - (k + 1) * fewer)


def _sizes(log2_adds: int, log2_own: int, log2_table: int) -> tuple[Size, Size, Size]:
    own, table = Size(1 << log2_adds, 1 << log2_own, "own"), Size(1 << (log2_table + 4), 1 << log2_table, "table")
    return Size(1 << log2_adds), own, table


_NAMED = {"XS": _sizes(16, 8, 12), "S": _sizes(20, 10, 16), "M": _sizes(22, 12, 20), "L": _sizes(24, 14, 23)}
WORKLOAD = Workload(
    version=1,
    title="Atomic additions",
    inputs=inputs,
    reference=reference,
    work=work,
    nearby=nearby,
    sizes={name: sizes[0] for name, sizes in _NAMED.items()}
    | {f"{name}-{size.pattern}": size for name, sizes in _NAMED.items() for size in sizes[1:]},
    tolerance={"float64": 0.0},
    impls=(
        Impl("native", "system.atomics_native:added", "native", tier="optimised"),
        Impl("rtc", "system.atomics_cupy:added", "cupy", devices=("gpu",), tier="optimised"),
    ),
    quick=("S", "S-own", "S-table"),
    quick_gpu=("M", "M-own", "M-table"),
)
