"""Contraction in CuPy: cuBLAS or hipBLAS, and its copies."""

from collections.abc import Sequence
from typing import Any

import cupy

from ngtbench.kernels.tensors.contract_arrays import Library, bound
from ngtbench.kernels.tensors.contract_plan import Plan

_SHARE = 0.9  # of what is free


def library(like: Any) -> Library:
    """Return CuPy, making arrays of the dtype of `like`."""
    return Library(
        zeros=lambda shape: cupy.empty(tuple(shape), like.dtype),
        multiply=lambda left, right, out: cupy.matmul(left, right, out=out),
        copy=cupy.copyto,
        turned=cupy.transpose,
    )


def contracted(planned: Plan, arrays: Sequence[Any]) -> Any:
    """Contract once."""
    return bound(planned, arrays, library(arrays[0]))()


def zeros(shape: tuple[int, ...], like: Any) -> Any:
    """Return zeros: the value where an index has no values."""
    return cupy.zeros(shape, like.dtype)


def widened(arrays: Sequence[Any]) -> list[Any]:
    """Return all in the widest dtype among them."""
    dtype = cupy.result_type(*arrays)
    return [array.astype(dtype, copy=False) for array in arrays]


def free_b(like: Any) -> int:
    """Return how much memory of the device a contraction may take."""
    return int(_SHARE * cupy.cuda.runtime.memGetInfo()[0])
