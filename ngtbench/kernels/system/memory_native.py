"""The memory test compiled for the processor: fill and read back on all cores, follow the cycle on one."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ngtbench.codegen import compiler, raw
from ngtbench.kernels.system import numa
from ngtbench.kernels.system.memory import FILL, FOLLOW, LINE_WORDS, READ, SUM
from ngtbench.model.workload import Array, Setup, Trial, Watch


def chase(setup: Setup, start: Array, lcg: Array, mix: Array) -> Callable[[int, Watch], Trial]:
    """Compile; every trial maps, fills, follows and reads back memory of its own."""
    size, host = setup.size, compiler.find()
    constants = [int(value) for value in (*lcg, *mix)]
    cpus = os.sched_getaffinity(0)
    cpu = min(cpus)
    place = "where first touched" if size.node is None else f"on node {size.node}"
    huge = "2 MB pages where the kernel grants them"
    setup.say(f"{host.description}, cpu {cpu} (node {numa.node_of(cpu)}), memory {place}, {huge}")

    def bound(text: raw.Text, threads: int, *given: Any) -> Callable[[], None]:
        return raw.called(raw.built(text, "float64", 1, host), text, threads, *given)

    def trial(k: int, watch: Watch) -> Trial:
        words = numa.words(8 * LINE_WORDS * size.lines, size.node)
        end, found = np.zeros(1, np.uint64), np.zeros(2, np.uint64)
        follow = bound(FOLLOW, 1, words, size.lines, int(start[0]), size.steps, end)
        bound(FILL, setup.threads, words, size.lines, *constants)()
        os.sched_setaffinity(0, {cpu})
        try:
            with watch():
                follow()
        finally:
            os.sched_setaffinity(0, cpus)
        bound(READ, setup.threads, words, size.lines, *constants, found)()
        right, total = (int(value) for value in found)
        outputs = {"end": np.array([int(end[0])]), "right": np.array([right]), "sum": np.array([total & SUM])}
        return Trial(outputs, {"latency_s": watch.spent_s / size.steps, "capacity_b": 8.0 * right})

    return trial
