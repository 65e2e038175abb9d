"""Run the text made for GPUs on the host's processor: every thread of every block, one after another.

What a GPU would compute, and where it would write it, can thus be tested where there is none.
"""

import ctypes
from collections.abc import Mapping

import numpy as np

from ngtbench.codegen import cpp, gpu, shapes
from ngtbench.codegen.cache import library
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.grid import Grid
from ngtbench.codegen.kernel import Kernel
from ngtbench.model.workload import Array

WORDS = """\
#include <math.h>
#define __global__
#define __device__
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
struct Place { unsigned x, y, z; };
static thread_local Place threadIdx, blockIdx, blockDim, gridDim;
"""
_DRIVER = """\
extern "C" void emulate(const unsigned blocks, const unsigned threads, const long long first, const long long last,
    const long long sources, const int *const table, const double *const scalars, double *const sums{fields})
{{
  blockDim = {{threads, 1, 1}};
  gridDim = {{blocks, 1, 1}};
  for (unsigned b = 0; b < blocks; ++b)
    for (unsigned t = 0; t < threads; ++t) {{
      blockIdx = {{b, 0, 0}};
      threadIdx = {{t, 0, 0}};
      {name}(first, last, sources, table, scalars, sums{names});
    }}
}}
"""


def text(kernel: Kernel, source: str) -> str:
    """Return C++ for the host: the words of CUDA, a kernel's source unchanged, and a loop over blocks and threads."""
    fields = "".join(f", {cpp.declared(field)} *const {field.name}" for field in kernel.fields)
    names = "".join(f", {field.name}" for field in kernel.fields)
    return WORDS + source + _DRIVER.format(name=cpp.identifier(kernel.name), fields=fields, names=names)


def run(
    kernel: Kernel,
    dtype: str,
    grid: Grid,
    compiler: Compiler,
    table: Array,
    fields: Mapping[str, Array],
    scalars: Array | None = None,
) -> Array:
    """Visit the rows of `Grid.table`; return the sums over all sites, shape (sources, sums).

    Fields are (blocks, sources, components, lanes), scalars (sources, scalars). A sum that a thread does not write is NaN.
    """
    rows, count = len(table) - 1, shapes.sources(kernel, fields, grid.lanes, dtype)
    source = gpu.source(kernel, dtype, grid.lanes, {hop: grid.permuted(hop) for hop in kernel.hops})
    made = library(f"{kernel.name}-emulated", text(kernel, source), compiler, ("-O1",))  # compiled more often than run
    sums = np.full((count, len(kernel.sums), rows * grid.lanes), np.nan)
    given = np.ascontiguousarray(np.zeros((count, 1)) if scalars is None else scalars, dtype=np.float64)
    made.cdll["emulate"](
        *map(ctypes.c_uint, (gpu.blocks(rows, grid.lanes, count), gpu.THREADS)),
        *map(ctypes.c_longlong, (0, rows, count)),
        *(ctypes.c_void_p(array.ctypes.data) for array in (table, given, sums, *(fields[field.name] for field in kernel.fields))),
    )
    total: Array = sums.sum(axis=2)
    return total
