"""Where tensors of a chain are, and what may be asked of that place: one text serves NumPy and PyTorch."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ngtbench.errors import Unavailable
from ngtbench.model.workload import Array


@dataclass(frozen=True)
class Library:
    """A module like NumPy, ways to and from it, and how independent matrices are shared out.

    `svd` and `gesvd` return U, descending S and V^+ of a batch; `contract` is einsum of two arrays, by matrix products; `alone`
    holds the library's own threads at one.
    """

    xp: Any
    put: Callable[[Array], Any]
    get: Callable[[Any], Array]
    svd: Callable[[Any], tuple[Any, Any, Any]]
    gesvd: Callable[[Any], tuple[Any, Any, Any]]
    contract: Callable[..., Any]
    grouped: bool = False  # matrices of equal shape as one batch
    threads: int = 1
    alone: Callable[[], AbstractContextManager[Any]] = nullcontext

    def stacked(self, arrays: list[Any]) -> Any:
        """Return arrays as one with a leading axis; of one alone without a copy."""
        return arrays[0][None] if len(arrays) == 1 else self.xp.stack(arrays)

    def eps(self, array: Any) -> float:
        """Return the spacing of numbers at 1."""
        return float(self.xp.finfo(array.dtype).eps)


def numpy(threads: int = 1) -> Library:
    """Return NumPy with so many threads over matrices."""

    def svd(matrix: Array) -> tuple[Array, Array, Array]:
        return tuple(np.linalg.svd(matrix, full_matrices=False))  # type: ignore[return-value]

    return Library(np, np.asarray, np.asarray, svd, gesvd, partial(np.einsum, optimize=True), threads=threads, alone=alone)


def gesvd(matrix: Array) -> tuple[Array, Array, Array]:
    """Decompose a batch by LAPACK's gesvd: slower than gesdd, which NumPy uses, but it converges where that gives up.

    Raises Unavailable without SciPy.
    """
    try:
        from scipy.linalg import svd  # seldom needed, and slow to load
    except ModuleNotFoundError as error:
        raise Unavailable("LAPACK's gesdd did not converge, and gesvd is SciPy's", "pip install scipy") from error
    parts = [svd(one, full_matrices=False, lapack_driver="gesvd") for one in matrix]
    u, s, vh = (np.stack(part) for part in zip(*parts, strict=True))
    return u, s, vh


def alone() -> AbstractContextManager[Any]:
    """Hold BLAS at one thread, where threadpoolctl is there to do so."""
    try:
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError:
        return nullcontext()
    held: AbstractContextManager[Any] = threadpool_limits(1)
    return held
