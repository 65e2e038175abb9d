"""Arrays as PyTorch tensors, on the CPU or on a CUDA or ROCm GPU."""

import contextlib
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

import numpy as np
import torch

from ngtbench.backends.numpy import CpuClock, HostBackend
from ngtbench.errors import Unavailable
from ngtbench.model.workload import Array, Arrays, Backend, Clock, Run, Timing, Uniform
from ngtbench.physics import counter

_REAL = {"float64": torch.float64, "float32": torch.float32, "tf32": torch.float32}
_REAL |= {"bfloat16": torch.bfloat16, "float16": torch.float16}
_CHUNK = 1 << 24  # elements made at once: bounds temporary memory to about half a gigabyte


class EventClock:
    """Wall time with the device idle at both ends, and device time by a pair of events."""

    name = "perf_counter_ns, device events"

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.resolution_s = CpuClock().resolution_s

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        """Call `run` this often and wait for the last one."""
        outputs = None
        ticks = repeat(None, calls)
        event: Any = torch.cuda.Event  # untyped in PyTorch
        first, last = event(enable_timing=True), event(enable_timing=True)
        torch.cuda.synchronize(self._device)
        start = time.perf_counter_ns()
        first.record()
        for _ in ticks:
            outputs = run()
        last.record()
        asked = time.perf_counter_ns()
        last.synchronize()
        ours = time.perf_counter_ns()
        torch.cuda.synchronize(self._device)  # other streams too
        end = time.perf_counter_ns()
        return Timing(
            wall_s=(end - start) * 1e-9,
            device_s=first.elapsed_time(last) * 1e-3,
            outputs=outputs,
            enqueue_s=(asked - start) * 1e-9,
            stray_s=(end - ours) * 1e-9,
        )


class TorchBackend:
    """Tensors on one device."""

    name = "torch"

    def __init__(self, device: str, place: torch.device) -> None:
        self.device = device
        self._place = place
        self.clock: Clock = CpuClock() if place.type == "cpu" else EventClock(place)
        self._host = HostBackend("torch", device)
        self._scratch: torch.Tensor | None = None

    def put(self, host: Array, dtype: str) -> torch.Tensor:
        """Return a private copy; bfloat16 values arrive as float32 and become bfloat16."""
        return self._put(host.copy(), dtype)

    def uniform(self, spec: Uniform, dtype: str) -> torch.Tensor:
        """Make the array where it will live; on the CPU, NumPy makes it."""
        if self._place.type == "cpu":
            return self._put(self._host.uniform(spec, dtype), dtype)
        return on_device(spec, dtype, self._place)

    def _put(self, own: Array, dtype: str) -> torch.Tensor:
        tensor = torch.from_numpy(own)
        if dtype == "bfloat16" and own.dtype.kind == "f":
            tensor = tensor.to(torch.bfloat16)
        return tensor.to(self._place)

    def get(self, array: Any) -> Array:
        """Copy to the host; bfloat16 comes back as float32."""
        return _host(torch.as_tensor(array))

    def take(self, array: Any, index: Array) -> Array:
        """Copy the elements at flat indices to the host."""
        tensor = torch.as_tensor(array)
        return _host(tensor.reshape(-1)[torch.from_numpy(index.astype(np.int64)).to(tensor.device)])

    def copy(self, target: Any, source: Any) -> None:
        """Overwrite a tensor."""
        with torch.inference_mode():
            target.copy_(source)

    def holds(self, array: Any) -> bool:
        """Tell whether this is a plain tensor on the host or on this device, not yet to be conjugated or negated, or an array."""
        if type(array) is not torch.Tensor:
            return self._host.holds(array)
        lazy = array.layout != torch.strided or array.is_conj() or array.is_neg()
        return not lazy and array.device.type in ("cpu", self._place.type)

    def flush(self, size_b: int) -> None:
        """Write a scratch tensor; on the host, as NumPy does."""
        if self._place.type == "cpu":
            self._host.flush(size_b)
            return
        if self._scratch is None or self._scratch.numel() < size_b:
            self._scratch = torch.empty(size_b, dtype=torch.uint8, device=self._place)
        self._scratch.add_(1)
        torch.cuda.synchronize(self._place)

    def replay(self, run: Run) -> Run | None:
        """Capture a CUDA or HIP graph of one call, warmed on a stream of its own as capture wants it."""
        if self._place.type == "cpu":
            return None
        try:
            made: Any = torch.cuda.Stream  # untyped in PyTorch
            stream = made(self._place)
            stream.wait_stream(torch.cuda.current_stream(self._place))
            with torch.cuda.stream(stream):
                run()
            torch.cuda.current_stream(self._place).wait_stream(stream)
            graph: Any = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                outputs = run()
        except RuntimeError as error:
            raise Unavailable(f"the work cannot be captured as a graph: {str(error).splitlines()[0]}") from error

        def again() -> Arrays:
            graph.replay()
            return outputs

        return again

    def poison(self, array: Any) -> None:
        """Fill with NaN, or with the largest integer."""
        if not isinstance(array, torch.Tensor):
            self._host.poison(array)
            return
        with torch.inference_mode():  # outputs made in it may be changed in it alone
            if array.dtype.is_floating_point or array.dtype.is_complex:
                array.fill_(float("nan"))
            else:
                array.fill_(1 if array.dtype == torch.bool else torch.iinfo(array.dtype).max)

    def synchronise(self) -> None:
        """Wait for the device; host calls return when they are done."""
        if self._place.type != "cpu":
            torch.cuda.synchronize(self._place)

    @contextlib.contextmanager
    def lane(self) -> Iterator[Callable[[], None]]:
        """Give this thread a stream of its own; host calls return when they are done."""
        if self._place.type == "cpu":
            yield self.synchronise
            return
        made: Any = torch.cuda.Stream  # untyped in PyTorch
        stream = made(self._place)
        with torch.cuda.stream(stream):
            yield stream.synchronize

    def release(self) -> None:
        """Give the scratch tensor and cached device memory back."""
        self._scratch = None
        if self._place.type != "cpu":
            torch.cuda.empty_cache()


def create(device: str, threads: int) -> Backend:
    """Open a device with this many CPU threads.

    Raises Unavailable where this build of PyTorch does not drive the device.
    """
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("highest")  # whatever the case before chose
    torch.backends.cudnn.allow_tf32 = False
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return TorchBackend(device, torch.device("cpu"))
    if (torch.version.hip if kind == "rocm" else torch.version.cuda) is None:
        raise Unavailable(f"PyTorch {torch.__version__} is built without {kind.upper()}", f"install PyTorch for {kind.upper()}")
    if int(number) >= torch.cuda.device_count():
        raise Unavailable(f"PyTorch sees {torch.cuda.device_count()} GPUs, not {device}", "see `ngtbench discover`")
    place = torch.device("cuda", int(number))  # what PyTorch calls a ROCm device too
    torch.cuda.set_device(place)
    torch.cuda.empty_cache()  # what the previous case of this process left cached
    return TorchBackend(device, place)


def on_device(spec: Uniform, dtype: str, place: torch.device) -> torch.Tensor:
    """Make a uniform array by integer arithmetic on the device: `counter.at`, bit for bit, rounded as `rounding` does."""
    count = int(np.prod(spec.shape, dtype=np.int64))
    made = torch.empty(count, dtype=_REAL[dtype], device=place)
    for start in range(0, count, _CHUNK):
        stop = min(start + _CHUNK, count)
        z = torch.arange(start, stop, dtype=torch.int64, device=place)
        z.mul_(_signed(counter.GAMMA)).add_(_signed(counter.key(spec.seed, spec.stream)))
        z.bitwise_xor_(_shifted(z, 30)).mul_(_signed(counter.MIX_1))
        z.bitwise_xor_(_shifted(z, 27)).mul_(_signed(counter.MIX_2))
        z.bitwise_xor_(_shifted(z, 31))
        values = _shifted(z, 11).to(torch.float64)
        values.mul_((spec.high - spec.low) * 2.0**-53).add_(spec.low)
        made[start:stop] = _rounded(values, dtype)
    return made.reshape(spec.shape)


def _signed(constant: int) -> int:
    """Return the int64 of the same bits: multiplication and addition wrap alike."""
    return constant - (1 << 64) if constant >> 63 else constant


def _shifted(z: torch.Tensor, bits: int) -> torch.Tensor:
    """Shift right filling with zeros; int64 by itself fills with the sign."""
    return (z >> bits).bitwise_and_((1 << (64 - bits)) - 1)


def _rounded(values: torch.Tensor, dtype: str) -> torch.Tensor:
    if dtype == "float64":
        return values
    single = values.to(torch.float32)
    if dtype == "float16":
        # PyTorch goes to float16 through float32 and rounds twice. An inexact float32 made odd keeps the second rounding
        # from seeing a tie that is none, so the result is that of one rounding.
        away = torch.where(values > single, torch.inf, -torch.inf).to(torch.float32)
        even = single.view(torch.int32).bitwise_and(1) == 0
        single = torch.where((single != values) & even, torch.nextafter(single, away), single)
    return single.to(_REAL[dtype])


def _host(tensor: torch.Tensor) -> Array:
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    host: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return host
