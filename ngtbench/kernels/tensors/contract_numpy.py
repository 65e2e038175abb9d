"""Contraction in NumPy: the products of its BLAS, and its copies."""

from collections.abc import Sequence

import numpy as np

from ngtbench.kernels.tensors.contract_arrays import Library, bound
from ngtbench.kernels.tensors.contract_memory import host_b
from ngtbench.kernels.tensors.contract_plan import Plan
from ngtbench.model.workload import Array


def library(like: Array) -> Library:
    """Return NumPy, making arrays of the dtype of `like`."""
    return Library(
        zeros=lambda shape: np.empty(shape, like.dtype),
        multiply=lambda left, right, out: np.matmul(left, right, out=out),
        copy=np.copyto,
        turned=np.transpose,
    )


def contracted(planned: Plan, arrays: Sequence[Array]) -> Array:
    """Contract once."""
    value: Array = bound(planned, arrays, library(arrays[0]))()
    return value


def free_b(like: Array) -> int:
    """Return how much memory a contraction may take."""
    return host_b()


def zeros(shape: tuple[int, ...], like: Array) -> Array:
    """Return zeros: the value where an index has no values."""
    return np.zeros(shape, like.dtype)


def widened(arrays: Sequence[Array]) -> list[Array]:
    """Return all in the widest dtype among them."""
    dtype = np.result_type(*arrays)
    return [array.astype(dtype, copy=False) for array in arrays]
