"""Arrays as CuPy arrays on a CUDA or ROCm GPU."""

import contextlib
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

import cupy
import numpy as np

from ngtbench.backends.numpy import CpuClock
from ngtbench.errors import Unavailable
from ngtbench.model.workload import Array, Arrays, Backend, Clock, Run, Timing, Uniform
from ngtbench.physics import counter

_REAL = {"float64": "float64", "float32": "float32", "tf32": "float32", "bfloat16": "float32", "float16": "float16"}
_CHUNK = 1 << 24  # elements made at once: bounds temporary memory to about half a gigabyte


class EventClock:
    """Wall time with the device idle at both ends, and device time by a pair of events."""

    name = "perf_counter_ns, device events"

    def __init__(self) -> None:
        self.resolution_s = CpuClock().resolution_s

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        """Call `run` this often and wait for the last one."""
        outputs = None
        ticks = repeat(None, calls)
        first, last = cupy.cuda.Event(), cupy.cuda.Event()
        cupy.cuda.runtime.deviceSynchronize()
        start = time.perf_counter_ns()
        first.record()
        for _ in ticks:
            outputs = run()
        last.record()
        asked = time.perf_counter_ns()
        last.synchronize()
        ours = time.perf_counter_ns()
        cupy.cuda.runtime.deviceSynchronize()  # other streams too
        end = time.perf_counter_ns()
        return Timing(
            wall_s=(end - start) * 1e-9,
            device_s=cupy.cuda.get_elapsed_time(first, last) * 1e-3,
            outputs=outputs,
            enqueue_s=(asked - start) * 1e-9,
            stray_s=(end - ours) * 1e-9,
        )


class CupyBackend:
    """Arrays on one GPU; bfloat16 values stay float32, for CuPy has no such dtype."""

    name = "cupy"

    def __init__(self, device: str) -> None:
        self.device = device
        self.clock: Clock = EventClock()
        self._scratch: Any = None

    def put(self, host: Array, dtype: str) -> Any:
        """Copy to the device."""
        return cupy.array(host)

    def uniform(self, spec: Uniform, dtype: str) -> Any:
        """Make the array on the device: `counter.at`, bit for bit, rounded as `rounding` does."""
        count = int(np.prod(spec.shape, dtype=np.int64))
        made = cupy.empty(count, dtype=_REAL[dtype])
        for start in range(0, count, _CHUNK):
            stop = min(start + _CHUNK, count)
            made[start:stop] = _rounded(_uniform(spec, start, stop), dtype)
        return made.reshape(spec.shape)

    def get(self, array: Any) -> Array:
        """Copy to the host; what lies there already comes back as it is."""
        host: Array = np.asarray(cupy.asnumpy(array))
        return host

    def take(self, array: Any, index: Array) -> Array:
        """Copy the elements at flat indices to the host."""
        flat = array.reshape(-1)
        host: Array = flat[index] if isinstance(flat, np.ndarray) else cupy.asnumpy(flat[cupy.asarray(index)])
        return host

    def copy(self, target: Any, source: Any) -> None:
        """Overwrite an array."""
        cupy.copyto(target, source)

    def holds(self, array: Any) -> bool:
        """Tell whether this is a plain array on the device, or on the host."""
        host = type(array) is np.ndarray and array.dtype != object and array.flags.writeable
        return type(array) is cupy.ndarray or host

    def flush(self, size_b: int) -> None:
        """Write a scratch array."""
        if self._scratch is None or self._scratch.size < size_b:
            self._scratch = cupy.empty(size_b, dtype=cupy.uint8)
        self._scratch += 1
        cupy.cuda.runtime.deviceSynchronize()

    def replay(self, run: Run) -> Run | None:
        """Capture a CUDA graph of one call, on a stream of its own as capture wants it."""
        stream = cupy.cuda.Stream(non_blocking=True)
        try:
            with stream:
                run()
                stream.synchronize()
                stream.begin_capture()
                try:
                    outputs = run()
                finally:
                    graph = stream.end_capture()
        except (cupy.cuda.runtime.CUDARuntimeError, RuntimeError, NotImplementedError) as error:
            raise Unavailable(f"the work cannot be captured as a graph: {str(error).splitlines()[0]}") from error
        current = cupy.cuda.get_current_stream()

        def again() -> Arrays:
            graph.launch(current)
            return outputs

        return again

    def poison(self, array: Any) -> None:
        """Fill with NaN, or with the largest integer."""
        kind = array.dtype.kind
        array.fill(np.nan if kind in "fc" else np.iinfo(array.dtype).max if kind in "iu" else 1)

    def synchronise(self) -> None:
        """Wait for the device."""
        cupy.cuda.runtime.deviceSynchronize()

    @contextlib.contextmanager
    def lane(self) -> Iterator[Callable[[], None]]:
        """Give this thread, for which the device must be chosen anew, a stream of its own."""
        with cupy.cuda.Device(int(self.device.partition(":")[2])), cupy.cuda.Stream(non_blocking=True) as stream:
            yield stream.synchronize

    def release(self) -> None:
        """Give the scratch array, pooled device memory and pinned memory back to the driver."""
        self._scratch = None
        cupy.get_default_memory_pool().free_all_blocks()
        cupy.get_default_pinned_memory_pool().free_all_blocks()


def create(device: str, threads: int) -> Backend:
    """Open a GPU.

    Raises Unavailable where this build of CuPy does not drive it.
    """
    kind, _, number = device.partition(":")
    if bool(cupy.cuda.runtime.is_hip) != (kind == "rocm"):
        raise Unavailable(f"CuPy {cupy.__version__} is built without {kind.upper()}", f"install CuPy for {kind.upper()}")
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise Unavailable(f"CuPy finds no driver: {error}", "see `ngtbench discover`") from error
    if int(number) >= count:
        raise Unavailable(f"CuPy sees {count} GPUs, not {device}", "see `ngtbench discover`")
    cupy.cuda.Device(int(number)).use()
    backend = CupyBackend(device)
    backend.release()  # what the previous case of this process left in the pools
    return backend


def _uniform(spec: Uniform, start: int, stop: int) -> Any:
    """Return elements start to stop in float64."""
    z = cupy.arange(start, stop, dtype=np.uint64)
    z *= np.uint64(counter.GAMMA)
    z += np.uint64(counter.key(spec.seed, spec.stream))
    z ^= z >> np.uint64(30)
    z *= np.uint64(counter.MIX_1)
    z ^= z >> np.uint64(27)
    z *= np.uint64(counter.MIX_2)
    z ^= z >> np.uint64(31)
    values = (z >> np.uint64(11)).astype(np.float64)
    values *= (spec.high - spec.low) * 2.0**-53
    values += spec.low  # a kernel of its own, so that the compiler cannot contract it with the product
    return values


def _rounded(values: Any, dtype: str) -> Any:
    if dtype == "float64":
        return values
    single = values.astype(np.float32)
    if dtype == "bfloat16":
        bits = single.view(np.uint32)
        bits += np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
        bits &= np.uint32(0xFFFF0000)
        return bits.view(np.float32)
    if dtype == "float16":
        # Devices go to float16 through float32 and round twice. An inexact float32 made odd keeps the second rounding
        # from seeing a tie that is none, so the result is that of one rounding.
        away = cupy.where(values > single, np.float32(np.inf), np.float32(-np.inf))
        even = (single.view(np.uint32) & np.uint32(1)) == 0
        single = cupy.where((single != values) & even, cupy.nextafter(single, away), single)
    return single.astype(_REAL[dtype])
