"""Triad in CuPy: one elementwise kernel, and the traced kernel."""

from typing import Any

import cupy

from ngtbench.codegen import gpu, rtc
from ngtbench.codegen.grid import Grid
from ngtbench.kernels.system.triad import kernel
from ngtbench.model.workload import Arrays, Run, Setup

ROW = 4  # elements of a thread: the table that rows are read from is little beside them
TRIAD = kernel(ROW)


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


def traced(setup: Setup, b: Any, c: Any, s: Any) -> Run:
    """Compile the traced kernel for this device; where n is no multiple of a row, copy b and c and fill up with zeros."""
    items = ROW * gpu.LANES
    rows = -(-setup.size.n // items)
    a = cupy.empty(rows * items, b.dtype)
    arrays = {name: _filled(values, rows * items).reshape(rows, 1, ROW, gpu.LANES) for name, values in (("b", b), ("c", c))}
    lattice = Grid((rows * gpu.LANES,), (gpu.LANES,))
    made = rtc.built(TRIAD, setup.dtype, lattice)
    bound = rtc.bind(made, TRIAD, lattice.table(()), {**arrays, "a": a.reshape(rows, 1, ROW, gpu.LANES)})
    bound.scalars[...] = float(s)
    setup.say(f"runtime compilation, {made.said()}")
    result = {"a": a[: setup.size.n]}

    def run() -> Arrays:
        bound()
        return result

    run()
    return run


def _filled(values: Any, count: int) -> Any:
    if values.size == count:
        return values
    filled = cupy.zeros(count, values.dtype)
    filled[: values.size] = values
    return filled
