"""The memory test on a GPU: fill and read back with all threads, follow the cycle with one."""

from collections.abc import Callable
from typing import Any

import cupy
import numpy as np

from ngtbench.codegen import gpu, raw
from ngtbench.errors import Unavailable
from ngtbench.kernels.system.memory import FILL, FOLLOW, LINE_WORDS, READ, SUM
from ngtbench.model.workload import Setup, Trial, Watch

_BLOCKS = 4096  # of threads, each with many lines


def chase(setup: Setup, start: Any, lcg: Any, mix: Any) -> Callable[[int, Watch], Trial]:
    """Compile; every trial takes, fills, follows and reads back memory of its own.

    Raises Unavailable for sizes on a node of the host.
    """
    size = setup.size
    if size.node is not None:
        raise Unavailable("this size is of a NUMA node of the host", "choose a --size without a node")
    fill, follow, read = (raw.launched(text, "float64") for text in (FILL, FOLLOW, READ))
    constants = [np.uint64(int(value)) for value in (*setup.backend.get(lcg), *setup.backend.get(mix))]
    lines, first, steps = (np.uint64(int(number)) for number in (size.lines, setup.backend.get(start)[0], size.steps))
    blocks = min(_BLOCKS, -(-size.lines // gpu.THREADS))
    setup.say("runtime compilation, one thread")

    def trial(k: int, watch: Watch) -> Trial:
        words = cupy.empty(LINE_WORDS * size.lines, np.uint64)
        end, found = cupy.zeros(1, np.uint64), cupy.zeros(2, np.uint64)
        fill(blocks, words, lines, *constants)
        with watch():
            follow(1, words, lines, first, steps, end)
        read(blocks, words, lines, *constants, found)
        right, total = (int(value) for value in setup.backend.get(found))
        outputs = {"end": setup.backend.get(end).astype(np.int64), "right": np.array([right]), "sum": np.array([total & SUM])}
        return Trial(outputs, {"latency_s": watch.spent_s / size.steps, "capacity_b": 8.0 * right})

    return trial
