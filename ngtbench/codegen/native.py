"""Compile a kernel for the host's processor and call it on arrays in blocks of one register."""

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from ngtbench.codegen import cpp, reads, shapes
from ngtbench.codegen.cache import Built, library
from ngtbench.codegen.compiler import Compiler
from ngtbench.codegen.grid import Grid
from ngtbench.codegen.kernel import Kernel
from ngtbench.model.workload import Array


def lanes(compiler: Compiler, dtype: str) -> int:
    """Return how many numbers one register holds."""
    return max(1, compiler.width_b // int(np.dtype(dtype).itemsize))


_LEAST = 16  # blocks of a thread: some microseconds, what it costs to wake it


@dataclass(frozen=True)
class Made:
    """A compiled kernel."""

    built: Built
    dtype: str
    lanes: int


@cache
def built(kernel: Kernel, dtype: str, grid: Grid, compiler: Compiler, streams: tuple[str, ...] = (), many: bool = False) -> Made:
    """Return the compiled kernel, from the cache where it was compiled before; fields in `streams` go past the caches.

    `many` fetches ahead for several right-hand sides; right for one, but slower.

    Raises Unavailable where it cannot be compiled here, CompileError where the compiler rejects it.
    """
    permuted = {hop: grid.permuted(hop) for hop in kernel.hops}
    text = cpp.source(kernel, dtype, grid.lanes, permuted, streams, many)
    return Made(library(kernel.name, text, compiler), dtype, grid.lanes)


@dataclass(frozen=True)
class Bound:
    """A kernel with its arrays: a call costs about a microsecond."""

    run: Callable[[], None]
    scalars: Array  # (sources, scalars): read at each call
    _sums: Array  # (threads, sources, sums, lanes)
    _kept: tuple[object, ...]  # what the addresses point to

    def __call__(self) -> None:
        """Visit every row."""
        self.run()

    def sums(self) -> Array:
        """Visit every row; return the sums over all sites, shape (sources, sums)."""
        self._sums.fill(0)
        self.run()
        total: Array = self._sums.sum(axis=(0, 3))
        return total


def bind(
    made: Made,
    kernel: Kernel,
    table: Array,
    fields: Mapping[str, Array],
    *,
    threads: int,
    starts: Mapping[str, int] | None = None,
) -> Bound:
    """Return a kernel applied to the rows of `Grid.table`.

    Fields are (blocks, sources, components, lanes); `starts` gives the number of a field's first block, where it holds only a
    part of the lattice. Raises ValueError where a field does not fit the kernel.
    """
    sources = shapes.sources(kernel, fields, made.lanes, made.dtype)
    threads = max(1, min(threads, (len(table) - 1) * sources // _LEAST))
    shapes.inside(kernel, table, fields, starts or {})
    scalars = np.zeros((sources, max(1, len(kernel.scalars))))
    sums = np.zeros((threads, sources, max(1, len(kernel.sums)), made.lanes))
    addresses = []
    for field in kernel.fields:
        array = fields[field.name]
        if array.ctypes.data % min(reads.LINE_B, made.lanes * array.itemsize):
            raise ValueError(f"{kernel.name}: field '{field.name}' is not aligned to a register: take it from `pages.empty`")
        addresses.append(array.ctypes.data - (starts or {}).get(field.name, 0) * array.strides[0])
    function = made.built.cdll[cpp.identifier(kernel.name)]
    counts = (ctypes.c_long(0), ctypes.c_long(len(table) - 1), ctypes.c_long(sources), ctypes.c_long(threads))
    pointers = tuple(ctypes.c_void_p(at) for at in (table.ctypes.data, scalars.ctypes.data, sums.ctypes.data, *addresses))

    def run() -> None:
        function(*counts, *pointers)

    return Bound(run, scalars, sums, (table, dict(fields), made))
