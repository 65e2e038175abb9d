"""Compiled CPU kernels on host arrays; numba compiles them."""

import numba

from ngtbench.backends.numpy import HostBackend
from ngtbench.model.workload import Backend

_LAYERS = ["omp", "workqueue", "tbb"]  # oneTBB may be here for others: it is not bound as the launch environment binds OpenMP


def create(device: str, threads: int) -> Backend:
    """Open host memory with this many numba threads."""
    numba.config.THREADING_LAYER_PRIORITY = _LAYERS  # type: ignore[attr-defined] # made at import
    numba.set_num_threads(threads)  # the launch environment made at least as many
    return HostBackend("numba", device)
