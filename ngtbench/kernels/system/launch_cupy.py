"""The smallest kernel through CuPy: one thread, one addition, and the wait for it."""

from typing import Any

import cupy

from ngtbench.model.workload import Arrays, Run, Setup

_SOURCE = 'extern "C" __global__ void add_one(const double *x, double *y) { y[0] = x[0] + 1; }'


def kernel(setup: Setup, x: Any) -> Run:
    """Launch a raw kernel once per launch."""
    add_one = cupy.RawKernel(_SOURCE, "add_one")
    y, more, wait = cupy.empty_like(x), range(setup.size.launches - 1), setup.backend.synchronise

    def run() -> Arrays:
        add_one((1,), (1,), (x, y))
        for _ in more:
            add_one((1,), (1,), (y, y))
        wait()
        return {"y": y}

    run()
    return run
