"""Triad on all cores, compiled by numba: one pass, arrays first touched by the threads that use them."""

from typing import Any

import numpy as np
from numba import njit, prange

from ngtbench.model.workload import Array, Arrays, Run, Setup

LINE_B = 64


def parallel(setup: Setup, b: Array, c: Array, s: Array) -> Run:
    """Copy b and c in parallel, so that their pages lie near the threads that read them, and compile for this dtype."""
    a, near_b, near_c = placed(b, c)
    scale = b.dtype.type(s)
    _triad(a, near_b, near_c, scale)
    setup.say(f"numba prange, {setup.threads} threads, plain stores, 2 MB pages where the kernel grants them")

    def run() -> Arrays:
        _triad(a, near_b, near_c, scale)
        return {"a": a}

    return run


def placed(b: Array, c: Array) -> tuple[Array, Array, Array]:
    """Return an output and copies of b and c, aligned to lines, each page touched by the thread that will use it."""
    a, near_b, near_c = _aligned(b), _aligned(b), _aligned(c)
    _touch(a, near_b, near_c, b, c)
    return a, near_b, near_c


def _aligned(like: Array) -> Array:
    spare = np.empty(like.size + LINE_B // like.itemsize, dtype=like.dtype)
    first = -spare.ctypes.data % LINE_B // like.itemsize
    return spare[first : first + like.size]


@njit(parallel=True)
def _touch(a: Array, near_b: Array, near_c: Array, b: Array, c: Array) -> None:
    for i in prange(a.size):
        a[i] = 0
        near_b[i] = b[i]
        near_c[i] = c[i]


@njit(parallel=True)
def _triad(a: Array, b: Array, c: Array, s: Any) -> None:
    for i in prange(a.size):
        a[i] = b[i] + s * c[i]
