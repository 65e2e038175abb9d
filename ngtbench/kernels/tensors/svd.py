"""Batches of singular value decompositions: threads over matrices, LAPACK at one thread in each."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import numpy as np

from ngtbench.kernels.tensors import library, splits
from ngtbench.kernels.tensors.library import Library
from ngtbench.model.workload import Array, Arrays, Setup, Trial, Watch

Decompose = Callable[[], tuple[Arrays, str]]  # -> u, s, vh, and how they were found


def gesdd(setup: Setup, matrices: Array) -> Callable[[int, Watch], Trial]:
    """Decompose by NumPy, and by gesvd what gesdd gives up on."""
    a = np.ascontiguousarray(matrices).view(np.complex64 if setup.dtype == "float32" else np.complex128)[..., 0]
    return trials(setup, over_threads(library.numpy(setup.threads), a))


def over_threads(here: Library, a: Any) -> Decompose:
    """Return what decomposes a batch, a matrix per thread."""

    def one(matrix: Any) -> tuple[Any, Any, Any, str]:
        return splits.decomposed(here, matrix[None])

    def decompose() -> tuple[Arrays, str]:
        with here.alone() if here.threads > 1 else nullcontext(), ThreadPoolExecutor(here.threads) as pool:
            *parts, hows = zip(*(pool.map if here.threads > 1 else map)(one, a), strict=True)
        found = {name: here.xp.concatenate(part) for name, part in zip(("u", "s", "vh"), parts, strict=True)}
        return found, f"gesvd instead of gesdd: {hows.count('gesvd')} of {len(hows)}"

    return decompose


def trials(setup: Setup, decompose: Decompose) -> Callable[[int, Watch], Trial]:
    """Return trials of one batch."""

    def trial(k: int, watch: Watch) -> Trial:
        before_s = watch.spent_s
        with watch():
            found, how = decompose()
        wall_s = watch.spent_s - before_s
        setup.say(how)
        return Trial(found, {"wall_per_matrix_s": wall_s / setup.size.batch, "wall_s": wall_s})

    return trial
