"""Transfers without a copy call: managed memory that migrates, and system memory that the GPU reads itself."""

from typing import Any

import cupy
import numpy as np

from ngtbench.errors import Unavailable
from ngtbench.kernels.system import link
from ngtbench.kernels.system.transfer import check_room
from ngtbench.model.workload import Arrays, Run, Setup

_HOST = -1  # the number the runtime gives the host


def managed(setup: Setup, x: Any) -> Run:
    """Migrate managed memory to the host and back by prefetch, then copy it on the device.

    Raises Unavailable for one way alone, which does not repeat, and where memory does not migrate on demand.
    """
    if setup.size.direction != "both":
        raise Unavailable("managed memory moves: only the way there and back repeats", "choose a --size without direction")
    device, runtime = x.device.id, cupy.cuda.runtime
    if not runtime.getDeviceProperties(device).get("concurrentManagedAccess"):
        raise Unavailable("this device does not migrate managed memory on demand", "choose another implementation")
    check_room(x.nbytes)
    moving, y = cupy.ndarray(x.shape, x.dtype, cupy.cuda.malloc_managed(x.nbytes)), cupy.empty_like(x)
    moving[...] = x
    stream = cupy.cuda.get_current_stream().ptr

    def run() -> Arrays:
        for place in (_HOST, device):
            runtime.memPrefetchAsync(moving.data.ptr, moving.nbytes, place, stream)
        cupy.copyto(y, moving)
        return {"y": y}

    run()
    setup.say(f"managed memory, prefetched; {link.named(runtime.deviceGetPCIBusId(device))}")
    return run


def coherent(setup: Setup, x: Any) -> Run:
    """Let the GPU load from and store to ordinary host memory through the host's page tables.

    Raises Unavailable where the device cannot: it takes a coherent link, as in GH200 or MI300A.
    """
    device, runtime = x.device.id, cupy.cuda.runtime
    if not runtime.getDeviceProperties(device).get("pageableMemoryAccessUsesHostPageTables"):
        raise Unavailable("this device has no coherent access to system memory", "needs a coherent link, as in GH200 or MI300A")
    check_room(2 * x.nbytes)
    move = cupy.ElementwiseKernel("T x", "T y", "y = x", "ngtbench_move")
    host, back, there = cupy.asnumpy(x).copy(), np.zeros(x.shape, x.dtype), cupy.zeros_like(x)
    source, target, direction = _seen(host, device), _seen(back, device), setup.size.direction

    def run() -> Arrays:
        if direction == "d2h":
            move(x, target)
            return {"y": back}
        move(source, there)
        if direction == "both":
            move(there, target)
        return {"y": back if direction == "both" else there}

    run()
    setup.say(f"system memory read by the GPU; {link.named(runtime.deviceGetPCIBusId(device))}")
    return run


def _seen(host: Any, device: int) -> Any:
    """Return host memory as an array of the device, without a copy."""
    memory = cupy.cuda.UnownedMemory(host.ctypes.data, host.nbytes, host, device)
    return cupy.ndarray(host.shape, host.dtype, cupy.cuda.MemoryPointer(memory, 0))
