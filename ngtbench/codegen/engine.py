"""The three ways to run a traced kernel, behind one face: compiled for the processor, by numba, or for a GPU through CuPy."""

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ngtbench import backends
from ngtbench.codegen import compiler, native, pages, place
from ngtbench.codegen.grid import Grid
from ngtbench.codegen.kernel import Kernel
from ngtbench.model.workload import Array

_MOST = 1024  # threads
WARP = 32  # lanes of a block on a GPU
OFFSET_B = 1088  # of what is written: so that stores do not meet loads of the same address modulo a page


class Bound(Protocol):
    """A kernel with its arrays."""

    @property
    def scalars(self) -> Any:
        """(sources, scalars), double: read at each call."""
        ...

    def __call__(self) -> None:
        """Visit every row."""
        ...

    def sums(self) -> Any:
        """Visit every row; return the sums over all sites, shape (sources, sums)."""
        ...


Bind = Callable[[Kernel, Grid, Array, Mapping[str, Any], Mapping[str, int]], Bound]  # (kernel, grid, table, fields, starts)


@dataclass(frozen=True)
class Engine:
    """Where arrays of kernels live and how kernels are bound to them, for one dtype."""

    dtype: str
    lanes: int
    said: str
    bind: Bind
    put: Callable[[Array], Any]  # from the host
    place: Callable[[Array, int], Any]  # packed blocks, near the threads that visit them: (blocks, parts visited by themselves)
    get: Callable[[Any], Array]
    empty: Callable[[tuple[int, ...], str], Any]  # (shape, dtype)


def engine(backend: str, dtype: str, threads: int) -> Engine:
    """Return the engine of a back end: "native", "numba" or "cupy".

    Raises Unavailable where there is no compiler that works. The modules of numba and CuPy are imported only here.
    """
    return {"native": _native, "numba": _numba, "cupy": _cupy}[backend](dtype, threads)


def available() -> tuple[str, ...]:
    """Return the back ends of the host that traced kernels may run on, the fastest first."""
    return tuple(name for name in ("native", "numba") if backends.missing(name) is None)


def threads() -> int:
    """Return one thread per processor that this process may use, or what OMP_NUM_THREADS says, up to 1024."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    wanted = int(asked) if asked.isascii() and asked.isdigit() else 0
    return min(wanted, _MOST) or len(os.sched_getaffinity(0))


def _native(dtype: str, threads: int) -> Engine:
    host = compiler.find()

    def bind(kernel: Kernel, grid: Grid, table: Array, fields: Mapping[str, Any], starts: Mapping[str, int]) -> Bound:
        many = any(field.each and fields[field.name].shape[1] > 1 for field in kernel.fields)
        made = native.built(kernel, dtype, grid, host, many=many)
        return native.bind(made, kernel, table, fields, threads=threads, starts=starts)

    def near(blocks: Array, parts: int) -> Array:
        return place.blocks(np.ascontiguousarray(blocks), parts, threads, host)

    def empty(shape: tuple[int, ...], dtype: str) -> Array:
        return place.cleared(shape, dtype, threads, host, OFFSET_B)

    return Engine(dtype, native.lanes(host, dtype), host.description, bind, _as_it_is, near, _as_it_is, empty)


def _numba(dtype: str, threads: int) -> Engine:
    jit = importlib.import_module("ngtbench.codegen.jit")

    def bind(kernel: Kernel, grid: Grid, table: Array, fields: Mapping[str, Any], starts: Mapping[str, int]) -> Bound:
        bound: Bound = jit.bind(jit.built(kernel, dtype, grid), kernel, table, fields, threads=threads, starts=starts)
        return bound

    return Engine(dtype, 1, "numba", bind, _as_it_is, lambda blocks, parts: blocks, _as_it_is, _host_empty)


def _cupy(dtype: str, threads: int) -> Engine:
    rtc, cupy = importlib.import_module("ngtbench.codegen.rtc"), importlib.import_module("cupy")

    def bind(kernel: Kernel, grid: Grid, table: Array, fields: Mapping[str, Any], starts: Mapping[str, int]) -> Bound:
        bound: Bound = rtc.bind(rtc.built(kernel, dtype, grid), kernel, table, fields, starts=starts)
        return bound

    return Engine(
        dtype,
        WARP,
        "runtime compilation",
        bind,
        cupy.asarray,
        lambda blocks, parts: cupy.asarray(blocks),
        cupy.asnumpy,
        cupy.empty,
    )


def _as_it_is(array: Array) -> Array:
    return array


def _host_empty(shape: tuple[int, ...], dtype: str) -> Array:
    return pages.empty(shape, np.dtype(dtype), OFFSET_B)
