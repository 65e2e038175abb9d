"""Atomic additions by many threads of a GPU."""

from typing import Any

import cupy
import numpy as np

from ngtbench.codegen import gpu, raw
from ngtbench.kernels.system.atomics import CLEAR, plan
from ngtbench.model.workload import Arrays, Run, Setup

_BLOCKS = 2048  # of threads, each with many additions: more than run at once


def added(setup: Setup, step: Any, key: Any, odd: Any) -> Run:
    """Compile; every run begins with counters at zero. A compiler may add up what threads of a warp give one counter."""
    size, get = setup.size, setup.backend.get
    how = plan(size, *(int(get(one)) for one in (step, key, odd)))
    clear, add = raw.launched(CLEAR, "float64"), raw.launched(how.text, "float64")
    counters, given = cupy.empty(how.words, np.int64), [np.uint64(number) for number in how.given]
    counts = np.uint64(size.slots), np.uint64(how.apart)
    few = min(_BLOCKS, -(-size.slots // gpu.THREADS))
    blocks = few if size.pattern == "own" else min(_BLOCKS, -(-size.adds // gpu.THREADS))
    setup.say(f"runtime compilation, {blocks * gpu.THREADS} threads")
    result = {"counters": counters[:: how.apart]}

    def run() -> Arrays:
        clear(few, counters, *counts)
        add(blocks, counters, *given)
        return result

    run()
    return run
