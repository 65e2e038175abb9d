"""Multiply-adds on every multiprocessor of a GPU."""

from typing import Any

import cupy
import numpy as np

from ngtbench.codegen import gpu, raw
from ngtbench.errors import Unavailable
from ngtbench.kernels.system.fma import GPU_CHAINS, text
from ngtbench.model.workload import Arrays, Run, Setup


def chained(setup: Setup, x: Any, a: Any, b: Any) -> Run:
    """Compile for this device: a thread per eight numbers.

    Raises Unavailable for sizes of some threads of a processor.
    """
    if setup.size.threads is not None:
        raise Unavailable("this size is of one core of a processor", "choose a --size without -core1")
    call, groups = raw.launched(text(GPU_CHAINS), setup.dtype), -(-x.size // GPU_CHAINS)
    start, end = cupy.zeros(groups * GPU_CHAINS, x.dtype), cupy.empty(groups * GPU_CHAINS, x.dtype)
    start[: x.size] = x
    counts = map(np.uint64, (groups, 1, groups, setup.size.rounds))
    given = (*counts, x.dtype.type(float(a)), x.dtype.type(float(b)), start, end)
    setup.say(f"runtime compilation, {GPU_CHAINS} chains per thread, {gpu.THREADS} threads per block")
    result, blocks = {"y": end[: x.size]}, -(-groups // gpu.THREADS)

    def run() -> Arrays:
        call(blocks, *given)
        return result

    run()
    return run
