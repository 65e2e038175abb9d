"""Compile a kernel on the machine that runs it, through CuPy: by NVRTC on a CUDA GPU, by HIPRTC on a ROCm one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cupy
import numpy as np

from ngtbench.codegen import cpp, gpu, shapes
from ngtbench.codegen.grid import Grid
from ngtbench.codegen.kernel import Kernel
from ngtbench.model.workload import Array


@dataclass(frozen=True)
class Made:
    """A kernel compiled for the current device."""

    function: Any
    lanes: int
    dtype: str
    threads_per_block: int
    compile_s: float  # near 0 where CuPy had it in its cache

    def said(self) -> str:
        """Return what the driver says of the compiled kernel."""
        numbers = self.function.attributes
        return (
            f"{numbers['numRegs']} registers, {numbers['localSizeBytes']} B of local memory per thread, "
            f"{self.threads_per_block} threads per block"
        )


@dataclass(frozen=True)
class Bound:
    """A kernel with its arrays; a call asks for one launch on the current stream and does not wait."""

    made: Made
    scalars: Any  # (sources, scalars), on the device: read when the kernel runs
    _grid: tuple[int]
    _arguments: tuple[Any, ...]
    _sums: Any  # (sources, sums, threads)
    _kept: tuple[Any, ...]  # what the addresses point to

    def __call__(self) -> None:
        """Visit every row."""
        self.made.function(self._grid, (self.made.threads_per_block,), self._arguments)

    def sums(self) -> Any:
        """Visit every row; return the sums over all sites, shape (sources, sums), on the device."""
        self()
        return self._sums.sum(axis=2)


def built(kernel: Kernel, dtype: str, grid: Grid, threads_per_block: int = gpu.THREADS) -> Made:
    """Compile a kernel for the current device, or take it from CuPy's cache."""
    source = gpu.source(kernel, dtype, grid.lanes, {hop: grid.permuted(hop) for hop in kernel.hops}, threads_per_block)
    began = time.perf_counter()
    module = cupy.RawModule(code=source, backend="nvrtc", options=gpu.OPTIONS)  # on ROCm this is HIPRTC
    function = module.get_function(cpp.identifier(kernel.name))
    return Made(function, grid.lanes, dtype, threads_per_block, time.perf_counter() - began)


def bind(
    made: Made, kernel: Kernel, table: Array, fields: Mapping[str, Any], *, starts: Mapping[str, int] | None = None
) -> Bound:
    """Return a kernel applied to the rows of `Grid.table`, which are copied to the device.

    Fields are device arrays (blocks, sources, components, lanes); `starts` gives the number of a field's first block, where it
    holds only a part of the lattice. Raises ValueError where a field does not fit the kernel.
    """
    sources, rows = shapes.sources(kernel, fields, made.lanes, made.dtype), len(table) - 1
    shapes.inside(kernel, table, fields, starts or {})
    arrays = [fields[field.name] for field in kernel.fields]
    there, scalars = cupy.asarray(table), cupy.zeros((sources, max(1, len(kernel.scalars))))
    sums = cupy.empty((sources, len(kernel.sums), rows * made.lanes))
    first = [(starts or {}).get(field.name, 0) * fields[field.name].strides[0] for field in kernel.fields]
    addresses = [np.uint64(array.data.ptr - offset_b) for array, offset_b in zip(arrays, first, strict=True)]
    counts = (np.int64(0), np.int64(rows), np.int64(sources))
    grid = (gpu.blocks(rows, made.lanes, sources, made.threads_per_block),)
    return Bound(made, scalars, grid, (*counts, there, scalars, sums, *addresses), sums, tuple(arrays))
