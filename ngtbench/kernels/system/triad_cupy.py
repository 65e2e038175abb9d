"""Triad in CuPy: one elementwise kernel."""

from typing import Any

import cupy

from ngtbench.model.workload import Arrays, Run, Setup


def fused(setup: Setup, b: Any, c: Any, s: Any) -> Run:
    """Compile a = b + s c, which reads b and c once and writes a once."""
    triad = cupy.ElementwiseKernel("T b, T c, T s", "T a", "a = b + s * c", "ngtbench_triad")
    a = cupy.empty_like(b)
    scale = b.dtype.type(float(s))

    def run() -> Arrays:
        triad(b, c, scale, a)
        return {"a": a}

    run()
    return run
