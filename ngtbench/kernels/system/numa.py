"""Host memory on a chosen NUMA node, on huge pages where the kernel grants them."""

import ctypes
import mmap
import os
import platform
import re
from pathlib import Path

import numpy as np

from ngtbench.errors import Unavailable
from ngtbench.model.workload import Array
from ngtbench.units import binary_bytes

_NODES = Path("/sys/devices/system/node")
_MBIND = {"x86_64": 237, "aarch64": 235, "riscv64": 235}  # system call numbers
_BIND, _MASK_BITS = 2, 1024


def words(size_b: int, node: int | None) -> Array:
    """Map fresh memory and return it as 64-bit words, not yet touched; it is unmapped when the array goes.

    Raises Unavailable where the node does not exist, has too little free memory, or may not be bound to.
    """
    memory = mmap.mmap(-1, size_b, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)
    view = np.frombuffer(memory, dtype=np.uint64)
    if node is not None:
        _check_room(size_b, node)
        _bind(view, node)
    return view


def node_of(cpu: int, root: Path = _NODES) -> int | None:
    """Return the node of a CPU; None where the kernel does not say."""
    folder = next(root.glob(f"node*/cpu{cpu}"), None)
    return int(folder.parent.name.removeprefix("node")) if folder else None


def free_b(node: int, root: Path = _NODES) -> int | None:
    """Return a node's free memory; None where there is no such node."""
    try:
        found = re.search(r"MemFree:\s+(\d+) kB", (root / f"node{node}" / "meminfo").read_text())
    except OSError:
        return None
    return 1024 * int(found[1]) if found else None


def available_b(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Return the memory that the system says can still be had; None where it does not say."""
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text())
    except OSError:
        return None
    return 1024 * int(found[1]) if found else None


def _check_room(size_b: int, node: int) -> None:
    """Refuse beforehand: memory bound to a full node ends in the kernel's out-of-memory killer."""
    free = free_b(node)
    if free is None:
        raise Unavailable(f"there is no NUMA node {node}", "see `ngtbench discover`")
    if free < size_b:
        raise Unavailable(f"NUMA node {node} has {binary_bytes(free)} free, {binary_bytes(size_b)} are needed")


def _bind(view: Array, node: int) -> None:
    number = _MBIND.get(platform.machine())
    if number is None:
        raise Unavailable(f"binding memory is not known for {platform.machine()}", "choose a --size without a node")
    mask = (ctypes.c_uint64 * (_MASK_BITS // 64))()
    mask[node // 64] = 1 << (node % 64)
    call = ctypes.CDLL(None, use_errno=True).syscall
    arguments = (ctypes.c_void_p(view.ctypes.data), ctypes.c_ulong(view.nbytes), ctypes.c_int(_BIND))
    if call(ctypes.c_long(number), *arguments, mask, ctypes.c_ulong(_MASK_BITS), ctypes.c_uint(0)) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise Unavailable(f"mbind to NUMA node {node}: {reason}", "allow mbind and this node in the container or cpuset")
