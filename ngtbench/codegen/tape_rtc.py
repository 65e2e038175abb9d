"""Compile the kernels of a tape on the machine that runs them, through CuPy: by NVRTC on a CUDA GPU, by HIPRTC on a ROCm one."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cupy
import numpy as np

from ngtbench.codegen import gpu, tape_gpu, tape_launch
from ngtbench.codegen.tape import Tape

# Memory of a batch where a GPU has twice as much free. More does not help: of the largest processes these are 10^4 events, which
# with tens of records are more threads than any GPU runs at once.
MOST_B = 4 << 30


@dataclass(frozen=True)
class Made:
    """Kernels of a tape, compiled for the current device."""

    functions: Mapping[str, Any]
    tape: Tape
    dtype: str
    lanes: int
    threads_per_block: int
    mixed: bool  # amplitudes are contracted in single precision
    compile_s: float  # near 0 where CuPy had them in its cache

    @property
    def registers(self) -> int:
        """Registers per thread of the kernel that takes most."""
        return max(int(function.attributes["numRegs"]) for function in self.functions.values())

    @property
    def local_b(self) -> int:
        """Bytes of local memory per thread, where registers spill to, of the kernel that takes most."""
        return max(int(function.attributes["localSizeBytes"]) for function in self.functions.values())

    def said(self) -> str:
        """Return what the driver says of the compiled kernels."""
        return (
            f"{len(self.functions)} kernels, at most {self.registers} registers and {self.local_b} B of local memory per thread, "
            f"{self.threads_per_block} threads per block"
        )


@dataclass(frozen=True)
class Bound:
    """A tape with its arrays; a call asks for all launches on the current stream, and does not wait."""

    made: Made
    scalars: Any  # (scalars,), double, on the device: read when the kernels run
    events: int  # in memory at once
    _calls: tuple[tuple[Any, tuple[int], tuple[Any, ...]], ...]  # function, thread blocks, arguments
    _kept: tuple[Any, ...]  # what the addresses point to

    @property
    def launches(self) -> int:
        """How many launches a call asks for."""
        return len(self._calls)

    def __call__(self) -> None:
        """Fill `out`."""
        threads = (self.made.threads_per_block,)
        for function, blocks, arguments in self._calls:
            function(blocks, threads, arguments)


def built(tape: Tape, dtype: str, mixed: bool = False, *, lanes: int = gpu.LANES, threads_per_block: int = gpu.THREADS) -> Made:
    """Compile the kernels of a tape for the current device, or take them from CuPy's cache.

    `mixed` contracts amplitudes in single precision. 64 lanes, a wavefront of AMD's data-centre GPUs, let one do one record.
    """
    text = tape_gpu.source(tape, dtype, lanes, threads_per_block, mixed)
    began = time.perf_counter()
    module = cupy.RawModule(code=text, backend="nvrtc", options=gpu.OPTIONS)  # on ROCm this is HIPRTC
    functions = {name: module.get_function(name) for name in tape_launch.kernels(tape)}
    return Made(functions, tape, dtype, lanes, threads_per_block, mixed, time.perf_counter() - began)


def bind(
    made: Made, inputs: Any, out: Any, scalars: Mapping[str, float], *, factor: float = 1.0, events: int | None = None
) -> Bound:
    """Return a call that fills `out`, (blocks, lanes), from `inputs`, (blocks, tape.inputs, lanes), times a factor.

    Both are on the device. So many events are in memory at once, by default as many as half of what is free holds, up to 4 GiB.
    Raises ValueError for arrays of another shape or dtype.
    """
    tape, lanes, blocks = made.tape, made.lanes, len(inputs)
    for name, array, shape in (("inputs", inputs, (blocks, tape.inputs, lanes)), ("out", out, (blocks, lanes))):
        if array.shape != shape or str(array.dtype) != made.dtype or not array.flags.c_contiguous:
            raise ValueError(f"{tape.name}: {name} is {array.dtype} {array.shape}, wanted contiguous {made.dtype} {shape}")
    how = tape_launch.schedule(tape)
    size = (tape_launch.size(tape), lanes)
    batches = tape_launch.batches(blocks, _most(made, how, events))
    tiles = max((count for _, count in batches), default=0)
    memory = cupy.empty((tiles, *size), made.dtype)
    words, colour = cupy.asarray(how.words), cupy.asarray((factor * how.colour).astype("float32" if made.mixed else made.dtype))
    values = cupy.asarray(np.array([scalars[name] for name in tape.scalars], np.float64))
    calls = [
        (
            made.functions[launch.kernel],
            (tape_launch.blocks(launch.tasks, count, lanes, made.threads_per_block),),
            (
                *map(_address, (words, colour, values)),
                *(_address(inputs, first), _address(memory), _address(out, first)),
                *(np.int32(launch.first), np.uint32(launch.tasks), np.uint32(count)),
            ),
        )
        for first, count in batches
        for launch in how.launches
    ]
    return Bound(made, values, tiles * lanes, tuple(calls), (words, colour, inputs, out, memory))


def _most(made: Made, how: tape_launch.Schedule, events: int | None) -> int:
    """Return how many tiles are in memory at once at most."""
    if events is None:
        free_b = int(cupy.cuda.runtime.memGetInfo()[0])
        tile_b = tape_launch.size(made.tape) * made.lanes * np.dtype(made.dtype).itemsize
        wanted = min(MOST_B, free_b // 2) // tile_b
    else:
        wanted = -(-events // made.lanes)
    return max(1, min(wanted, how.most(made.lanes)))


def _address(array: Any, first: int = 0) -> np.uint64:
    return np.uint64(array.data.ptr + first * array.strides[0])
