"""Host arrays and the CPU clock; other backends of host memory build on it."""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy as np

from ngtbench.model.workload import Array, Backend, Clock, Run, Timing, Uniform
from ngtbench.physics import counter, rounding

_CPUS = sorted(os.sched_getaffinity(0))  # read before a library binds this thread to one of them


class CpuClock:
    """`time.perf_counter_ns`: monotonic, nanosecond ticks."""

    name = "perf_counter_ns"

    def __init__(self) -> None:
        self.resolution_s = _resolution_s()

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        """Call `run` this often in one loop, as timeit does."""
        if calls == 1:  # without the loop, whose cost would be the sample's alone
            start = time.perf_counter_ns()
            outputs = run()
            spent = time.perf_counter_ns() - start
            return Timing(wall_s=spent * 1e-9, device_s=None, outputs=outputs)
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
        self._scratch = np.empty(0, np.uint8)

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

    def copy(self, target: Any, source: Any) -> None:
        """Overwrite an array."""
        np.copyto(target, source)

    def holds(self, array: Any) -> bool:
        """Tell whether this is a plain NumPy array of numbers."""
        return type(array) is np.ndarray and array.dtype != object

    def flush(self, size_b: int) -> None:
        """Write a scratch array, each part from a thread on a processor of its own: private caches are flushed too."""
        if len(self._scratch) < size_b:
            self._scratch = np.empty(size_b, np.uint8)
        parts = np.array_split(self._scratch, len(_CPUS))

        def write(cpu: int, part: Array) -> None:
            with contextlib.suppress(OSError):  # a processor taken away meanwhile
                os.sched_setaffinity(0, {cpu})
            part += 1

        threads = [threading.Thread(target=write, args=pair) for pair in zip(_CPUS, parts, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def replay(self, run: Run) -> Run | None:
        """Return None: host calls are no graph."""
        return None

    def poison(self, array: Any) -> None:
        """Fill with NaN, or with the largest integer."""
        if isinstance(array, np.ndarray) and array.flags.writeable:
            array.fill(np.nan if array.dtype.kind in "fc" else np.iinfo(array.dtype).max if array.dtype.kind in "iu" else 1)

    def synchronise(self) -> None:
        """Do nothing: host calls return when they are done."""

    def release(self) -> None:
        """Give the scratch array back; freed arrays go back by themselves."""
        self._scratch = np.empty(0, np.uint8)


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
