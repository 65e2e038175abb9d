"""The memory test compiled by numba: fill and read back on all cores, follow the cycle on one."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, prange

from ngtbench.kernels.system import numa
from ngtbench.model.workload import Array, Setup, Trial, Watch

_LINE_WORDS = 8


def chase(setup: Setup, start: Array, lcg: Array, mix: Array) -> Callable[[int, Watch], Trial]:
    """Compile on a small memory; every trial maps, fills, follows and reads back its own."""
    size = setup.size
    constants = np.concatenate((lcg, mix)).astype(np.uint64)
    small = np.zeros(_LINE_WORDS, dtype=np.uint64)
    _fill(small, constants)
    _read(small, constants)
    _follow(small, np.uint64(0), 1)
    cpus = os.sched_getaffinity(0)
    cpu = min(cpus)
    place = "where first touched" if size.node is None else f"on node {size.node}"
    setup.say(f"cpu {cpu} (node {numa.node_of(cpu)}), memory {place}, 2 MB pages where the kernel grants them")

    def trial(k: int, watch: Watch) -> Trial:
        words = numa.words(_LINE_WORDS * 8 * size.lines, size.node)
        _fill(words, constants)
        os.sched_setaffinity(0, {cpu})
        try:
            with watch():
                end = _follow(words, np.uint64(start[0]), size.steps)
        finally:
            os.sched_setaffinity(0, cpus)
        right, total = _read(words, constants)
        outputs = {"end": np.array([int(end)]), "right": np.array([int(right)]), "sum": np.array([int(total)])}
        return Trial(outputs, {"latency_s": watch.spent_s / size.steps, "capacity_b": 8.0 * int(right)})

    return trial


@njit()
def _next(p: Any, constants: Array, mask: Any) -> Any:
    """Return the line after p: undo the mixing, step, mix."""
    a, c, factor, inverse, shift = constants
    t = ((p ^ (p >> shift)) * inverse) & mask
    t = (a * (t ^ (t >> shift)) + c) & mask
    t = ((t ^ (t >> shift)) * factor) & mask
    return t ^ (t >> shift)


@njit(parallel=True)
def _fill(words: Array, constants: Array) -> None:
    lines = words.size // 8
    mask = np.uint64(lines - 1)
    for line in prange(lines):
        follower = _next(np.uint64(line), constants, mask)
        for w in range(8):
            words[8 * line + w] = follower + np.uint64(w) * np.uint64(lines)


@njit()
def _follow(words: Array, line: Any, steps: int) -> Any:
    for _ in range(steps):
        line = words[line << np.uint64(3)]
    return line


@njit(parallel=True)
def _read(words: Array, constants: Array) -> Any:
    """Return how many words are as they were written, and the sum of all modulo 2^62."""
    lines = words.size // 8
    mask = np.uint64(lines - 1)
    right, total = 0, np.uint64(0)
    for line in prange(lines):
        follower = _next(np.uint64(line), constants, mask)
        for w in range(8):
            word = words[8 * line + w]
            right += word == follower + np.uint64(w) * np.uint64(lines)
            total += word
    return right, total & np.uint64((1 << 62) - 1)
