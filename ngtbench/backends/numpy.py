"""Host arrays and the CPU clock; other backends of host memory build on it."""

import time
from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy as np

from ngtbench.model.workload import Array, Backend, Clock, Timing, Uniform
from ngtbench.physics import counter, rounding


class CpuClock:
    """`time.perf_counter_ns`: monotonic, nanosecond ticks."""

    name = "perf_counter_ns"

    def __init__(self) -> None:
        self.resolution_s = _resolution_s()

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        """Call `run` this often in one loop, as timeit does."""
        outputs = None
        ticks = repeat(None, calls)
        start = time.perf_counter_ns()
        for _ in ticks:
            outputs = run()
        spent = time.perf_counter_ns() - start
        return Timing(wall_s=spent * 1e-9, device_s=None, outputs=outputs)


class HostBackend:
    """Arrays in host memory."""

    def __init__(self, name: str, device: str) -> None:
        self.name = name
        self.device = device
        self.clock: Clock = CpuClock()

    def put(self, host: Array, dtype: str) -> Array:
        """Return a private copy: no implementation may see what another one wrote."""
        return host.copy()

    def uniform(self, spec: Uniform, dtype: str) -> Array:
        """Make the array on the host."""
        return rounding.to_dtype(counter.uniform(spec), dtype)

    def get(self, array: Any) -> Array:
        """Return the array itself: already on the host."""
        return np.asarray(array)

    def take(self, array: Any, index: Array) -> Array:
        """Return the elements at flat indices."""
        return np.asarray(array).reshape(-1)[index]

    def poison(self, array: Any) -> None:
        """Fill with NaN, or with the largest integer."""
        if isinstance(array, np.ndarray) and array.flags.writeable:
            array.fill(np.nan if array.dtype.kind in "fc" else np.iinfo(array.dtype).max if array.dtype.kind in "iu" else 1)

    def synchronise(self) -> None:
        """Do nothing: host calls return when they are done."""

    def release(self) -> None:
        """Do nothing: freed arrays go back by themselves."""


def create(device: str, threads: int) -> Backend:
    """Open host memory; threads were set by the environment before NumPy was loaded."""
    return HostBackend("numpy", device)


def _resolution_s() -> float:
    best = 1.0
    for _ in range(100):
        start = now = time.perf_counter_ns()
        while now == start:
            now = time.perf_counter_ns()
        best = min(best, (now - start) * 1e-9)
    return best
