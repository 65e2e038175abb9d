"""Fused multiply-adds x -> a x + b in registers: the rate no arithmetic exceeds, on all threads or on one core.

a = 1 - 2^-10 and b = 2^-10, so that x nears 1 slowly, from above or below, and never overflows: after r rounds it is
1 + a^r (x - 1), and one round more or less changes numbers that began at -1 by 2^-10 2 a^r = 7e-4, r near 2^10.

A round errs by at most u = 2^-p / 2 (numbers stay within [-1, 1], p bits), and by as much again where product and sum are rounded
one by one; errors shrink by a per round, so that they add up to less than 2 u (1 - a^r) / (1 - a) = 1300 u. The rms of results
is 0.66: the error over it is below 1950 u, 1.2e-4 in float32 and 2.2e-13 in float64, and a wrong count of rounds is 1.1e-3.
"""

from dataclasses import dataclass, replace

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Uniform, Workload

_UNIT = 768  # numbers: whole registers of 12 and of 16 chains
_SHRINK = 2.0**-10


@dataclass(frozen=True)
class Size:
    """So many numbers, each multiplied and added to so many times."""

    n: int
    rounds: int = 1024
    threads: int | None = None  # of a processor; None: all that are given


def inputs(size: Size, seed: int) -> Inputs:
    """Return x of shape (n,), and the scalars a and b."""
    return {"x": Uniform((size.n,), seed, 0), "a": np.array(1 - _SHRINK), "b": np.array(_SHRINK)}


def reference(size: Size, x: Array, a: Array, b: Array) -> dict[str, Array]:
    """Return the numbers after all rounds, in closed form: c + a^r (x - c), c = b / (1 - a)."""
    fixed = b / (1 - a)
    return {"y": fixed + a**size.rounds * (x - fixed)}


def work(size: Size, item_b: int) -> Work:
    """Count 2 FLOP per multiply-add; each number is read and written once."""
    traffic_b = 2 * item_b * size.n
    return Work(2 * size.n * size.rounds, traffic_b, memory_b=traffic_b, events=size.n * size.rounds, event="multiply-add")


def nearby(size: Size, k: int) -> Size:
    """Return fewer numbers, in whole registers of every chain, and fewer rounds."""
    fewer = max(1, size.n // _UNIT // 32) * _UNIT
    return replace(size, n=size.n - (k + 1) * fewer, rounds=size.rounds - 16 * (k + 1))


WORKLOAD = Workload(
    version=1,
    title="Multiply-add rate",
    inputs=inputs,
    reference=reference,
    work=work,
    nearby=nearby,
    sizes={"XS": Size(16 * _UNIT), "S": Size(128 * _UNIT), "M": Size(1024 * _UNIT), "L": Size(16384 * _UNIT)}
    | {"XS-core1": Size(16 * _UNIT, threads=1), "S-core1": Size(128 * _UNIT, threads=1)},
    tolerance={"float64": 2.2e-13, "float32": 1.2e-4},
    impls=(
        Impl("native", "system.fma_native:chained", "native", tier="optimised"),
        Impl("rtc", "system.fma_cupy:chained", "cupy", devices=("gpu",), tier="optimised"),
    ),
    quick=("S", "S-core1"),
    quick_gpu=("L",),
)
