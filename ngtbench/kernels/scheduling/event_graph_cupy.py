"""Replays of an event graph whose long algorithms run on a GPU: the kernel through CuPy, launches through the driver."""

from typing import Any

import cupy

from ngtbench.codegen import gpu, raw
from ngtbench.kernels.scheduling import lanes
from ngtbench.kernels.scheduling.event_graph import Trials, offloaded
from ngtbench.kernels.scheduling.offload import Port, Way
from ngtbench.model.workload import Setup


def gpu_async(setup: Setup, **given: cupy.ndarray) -> Trials:
    """Offload to a GPU; a thread that offloads goes on."""
    return _offloaded(setup, given, Way())


def gpu_blocking(setup: Setup, **given: cupy.ndarray) -> Trials:
    """Offload to a GPU; a thread that offloads waits."""
    return _offloaded(setup, given, Way(holds=True))


def gpu_batched(setup: Setup, **given: cupy.ndarray) -> Trials:
    """Offload to a GPU, an algorithm of several events at once."""
    return _offloaded(setup, given, Way(joins=True))


def gpu_earliest(setup: Setup, **given: cupy.ndarray) -> Trials:
    """Offload to a GPU where it ends earlier."""
    return _offloaded(setup, given, Way(chooses=True))


def port(kind: str) -> Port:
    """Compile the kernel for the current GPU; `kind` is "cuda" or "rocm"."""
    text = raw.device(lanes.CHAIN, "float64")
    module: Any = cupy.RawModule(code=text, backend="nvrtc", options=gpu.OPTIONS)  # on ROCm this is HIPRTC
    return Port(kind, module.get_function(lanes.CHAIN.name).kernel.ptr, module)


def _offloaded(setup: Setup, given: dict[str, Any], way: Way) -> Trials:
    arrays = {name: array.get() for name, array in given.items()}
    return offloaded(setup, arrays, port(setup.device.partition(":")[0]), way)
