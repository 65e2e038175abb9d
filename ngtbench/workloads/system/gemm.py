"""Dense matrix product C = A B: the arithmetic limit every roofline divides by.

With elements uniform in [-1, 1) a wanted element has rms sqrt(k) / 3, k the inner length. An element's error over that rms is,
root mean square, at most about u (inputs and output rounded: u_store) + u_accumulate sqrt(k) / 3 (a sequential sum, whose
partial sums grow as sqrt: 0.43 u sqrt(k / 2)); `rounding` below. The tolerance is what the worst of n^2 elements, near seven
of these, may reach at the largest size; a case that silently computes in a lower precision exceeds it.

Every element of C is covered by `invariants`: for random signs x over a block of columns, C x and A (B x) differ by
sum_j x_j e_j, of which Hoeffding's inequality says P(|sum| > 8 |e|) < 2 exp(-32), whatever the errors e, for x does not
depend on them. A block is at most 4096 columns wide, so that 1 % of one element in rms is far above the bound in float64 and
float32; in lower precisions rows and tiles are. `spot` compares 512 x 512 elements with their exact dot products.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Bounds, Inputs, Uniform, Workload

_BLOCK = 4096  # columns that share one sum of random signs
_SAMPLED = 512  # rows and columns of the spot check
_PIECE = 1 << 18  # elements made or fetched at once
_ACCUMULATE = {"float64": 2.0**-53}  # float32 for all others
_STORE = {"float64": 2.0**-53, "float32": 2.0**-24, "tf32": 2.0**-10, "bfloat16": 2.0**-8, "float16": 2.0**-11}


@dataclass(frozen=True)
class Size:
    """One square product."""

    n: int  # rows and columns of A, B and C


def inputs(size: Size, seed: int) -> Inputs:
    """Return A and B of shape (n, n), row-major."""
    return {"a": Uniform((size.n, size.n), seed, 0), "b": Uniform((size.n, size.n), seed, 1)}


def reference(size: Size, a: Array, b: Array) -> dict[str, Array]:
    """Return C = A B."""
    return {"c": a @ b}


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Compare the elements in random rows and columns, first and last among them."""
    n, chosen = size.n, np.random.default_rng(size.n)
    rows, columns = (
        np.unique(np.append(chosen.choice(n, min(n, _SAMPLED), replace=False), (0, n - 1))).astype(np.int64) for _ in "rc"
    )
    along = np.arange(n, dtype=np.int64)
    want: Array = inputs["a"][rows[:, None] * n + along] @ inputs["b"][along[:, None] * n + columns]
    return outputs["c"][rows[:, None] * n + columns], want


def invariants(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], dtype: str) -> Bounds:
    """Compare C x with A (B x) over every element; see the head of this file."""
    n = size.n
    width = n // -(-n // _BLOCK)  # of equal blocks: n is a multiple of their number
    sign = np.random.default_rng(n).choice((-1.0, 1.0), n)

    def summed(rows: Array) -> Array:
        sums: Array = (rows * sign).reshape(len(rows), n // width, width).sum(axis=-1)
        return sums

    right = _by_rows(n, inputs["b"], summed)  # (n, blocks)
    want = _by_rows(n, inputs["a"], lambda rows: rows @ right)
    got = _by_rows(n, outputs["c"], summed, threads=1)  # a device is asked by one thread
    off = float(np.max(np.abs(got - want))) / (np.sqrt(width) * np.sqrt(n) / 3)
    return {"random_signs": (off, 8 * rounding(dtype, n))}


def rounding(dtype: str, k: int) -> float:
    """Return what an element's error over the rms may be, root mean square, for sums of length k."""
    return _STORE[dtype] + _ACCUMULATE.get(dtype, 2.0**-24) * float(np.sqrt(k)) / 3


def work(size: Size, item_b: int) -> Work:
    """Count 2 n^3 FLOP; each matrix moves once."""
    traffic_b = 3 * item_b * size.n**2
    return Work(flop=2 * size.n**3, bytes=traffic_b, memory_b=traffic_b, events=1, event="product")


def nearby(size: Size, k: int) -> Size:
    """Return 31/32 or 30/32 of the size: no power of two, yet as well aligned as libraries want, in whole blocks."""
    return Size(size.n - (k + 1) * (size.n // 32))


def _by_rows(n: int, matrix: Any, use: Callable[[Array], Array], threads: int | None = None) -> Array:
    """Apply `use` to pieces of a few rows each and stack the results."""
    step = max(1, _PIECE // n)

    def piece(start: int) -> Array:
        stop = min(start + step, n)
        return use(matrix[np.arange(start * n, stop * n, dtype=np.int64)].reshape(stop - start, n))

    with ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
        return np.concatenate(list(pool.map(piece, range(0, n, step))))


WORKLOAD = Workload(
    version=1,
    title="Dense matrix product",
    inputs=inputs,
    reference=reference,
    spot=spot,
    invariants=invariants,
    work=work,
    nearby=nearby,
    live=("a", "b"),
    sizes={"XS": Size(256), "S": Size(2048), "M": Size(8192), "L": Size(49152)},
    tolerance={"float64": 1e-13, "float32": 5e-5, "tf32": 8e-3, "bfloat16": 3e-2, "float16": 4e-3},
    impls=(
        Impl("numpy", "system.gemm:product", "numpy", dtypes=("float64", "float32")),
        Impl("torch", "system.gemm_torch:product", "torch", devices=("cpu", "gpu")),
        Impl("cupy", "system.gemm_cupy:product", "cupy", devices=("gpu",), dtypes=("float64", "float32", "float16")),
    ),
)
