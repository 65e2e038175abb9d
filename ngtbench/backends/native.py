"""Host arrays for kernels that `codegen` compiles with the host's C++ compiler."""

from ngtbench.backends.numpy import HostBackend
from ngtbench.model.workload import Backend


def create(device: str, threads: int) -> Backend:
    """Open host memory; a kernel is told its threads at each call."""
    return HostBackend("native", device)
