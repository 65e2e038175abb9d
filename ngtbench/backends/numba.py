"""Compiled CPU kernels on host arrays; numba compiles them."""

import numba

from ngtbench.backends.numpy import HostBackend
from ngtbench.model.workload import Backend


def create(device: str, threads: int) -> Backend:
    """Open host memory with this many numba threads."""
    numba.set_num_threads(threads)  # the launch environment made at least as many
    return HostBackend("numba", device)
