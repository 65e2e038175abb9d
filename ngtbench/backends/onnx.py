"""Host arrays for graphs that `onnx` writes and ONNX Runtime runs."""

import onnx  # noqa: F401 - which implementations need
import onnxruntime  # noqa: F401 - the same

from ngtbench.backends.numpy import HostBackend
from ngtbench.model.workload import Backend


def create(device: str, threads: int) -> Backend:
    """Open host memory; a session is told its threads when it is made."""
    return HostBackend("onnx", device)
