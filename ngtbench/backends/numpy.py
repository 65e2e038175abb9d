"""Host arrays and the CPU clock; other backends of host memory build on it."""

import contextlib
import mmap
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import repeat
from statistics import median
from typing import Any

import numpy as np

from ngtbench.errors import NgtBenchError
from ngtbench.model.workload import Array, Backend, Clock, Run, Timing, Uniform
from ngtbench.physics import counter, rounding

_CPUS = sorted(os.sched_getaffinity(0))  # read before a library binds this thread to one of them
_STEPS = 101
_READS = 2_000_000  # a fifth of a second: some steps of a timer of 15 ms


class CpuClock:
    """`time.perf_counter_ns`: monotonic, nanosecond ticks."""

    name = "perf_counter_ns"

    def __init__(self) -> None:
        self.resolution_s = resolution_s()

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        """Call `run` this often in one loop, as timeit does."""
        now = time.perf_counter_ns
        if calls == 1:  # without the loop, whose cost would be the sample's alone
            start = now()
            outputs = run()
            end = now()
            return Timing(wall_s=(end - start) * 1e-9, device_s=None, outputs=outputs)
        outputs = None
        ticks = repeat(None, calls)
        start = now()
        for _ in ticks:
            outputs = run()
        end = now()
        return Timing(wall_s=(end - start) * 1e-9, device_s=None, outputs=outputs)


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
        return counter.uniform(spec, lambda values: rounding.to_dtype(values, dtype))

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
        """Tell whether this is a plain NumPy array of numbers that can be poisoned."""
        return type(array) is np.ndarray and array.dtype != object and array.flags.writeable

    def flush(self, size_b: int) -> None:
        """Write a scratch array, each part from a thread on a processor of its own: private caches are flushed too."""
        memory, scratch = _scratch(size_b)
        parts = np.array_split(scratch, len(_CPUS))

        def write(cpu: int, part: Array) -> None:
            with contextlib.suppress(OSError):  # a processor taken away meanwhile
                os.sched_setaffinity(0, {cpu})
            part += 1

        threads = [threading.Thread(target=write, args=pair) for pair in zip(_CPUS, parts, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with contextlib.suppress(OSError):  # a kernel that knows no such advice keeps the pages
            memory.madvise(mmap.MADV_FREE)  # whoever needs memory takes it; to touch new pages takes up to 20 times as long

    def replay(self, run: Run) -> Run | None:
        """Return None: host calls are no graph."""
        return None

    def poison(self, array: Any) -> None:
        """Fill with NaN, or with the largest integer."""
        array.fill(np.nan if array.dtype.kind in "fc" else np.iinfo(array.dtype).max if array.dtype.kind in "iu" else 1)

    def synchronise(self) -> None:
        """Do nothing: host calls return when they are done."""

    @contextlib.contextmanager
    def lane(self) -> Iterator[Callable[[], None]]:
        """Wait for nothing: host calls return when they are done."""
        yield self.synchronise

    def release(self) -> None:
        """Do nothing: freed arrays go back by themselves, and the scratch array is anyone's."""


def create(device: str, threads: int) -> Backend:
    """Open host memory; threads were set by the environment before NumPy was loaded."""
    return HostBackend("numpy", device)


def resolution_s(now: Callable[[], int] = time.perf_counter_ns) -> float:
    """Return the step of a timer of nanoseconds, reading it included: the median of what it was seen to advance by.

    Raises NgtBenchError where it stands still.
    """
    steps, left = list[int](), _READS
    for _ in range(_STEPS):
        first = now()
        second = now()
        while second == first and left:
            second, left = now(), left - 1
        if second > first:
            steps.append(second - first)
    if not steps:
        raise NgtBenchError(f"the timer stands still: {_READS} readings said the same")
    return median(steps) * 1e-9


@cache
def _scratch(size_b: int) -> tuple[mmap.mmap, Array]:
    """Return memory to write when caches are flushed, and an array on it; kept as long as the process lives."""
    memory = mmap.mmap(-1, size_b, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory, np.frombuffer(memory, np.uint8)
