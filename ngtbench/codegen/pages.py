"""Arrays at the start of huge pages: a kernel that walks through many of them meets few misses of the address cache."""

import contextlib
import math
import mmap
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from ngtbench.model.workload import Array

HUGE_B = 1 << 21
LINE_B = 64
_SMALL_B = 1 << 20  # arrays below gain nothing
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) ")


def empty(shape: int | Sequence[int], dtype: DTypeLike, offset_b: int = 0) -> Array:
    """Return an array that begins `offset_b` bytes behind a 2 MB boundary, in memory mapped for it and unmapped with it.

    Its pages are huge where the kernel grants them, and near the thread that first touches them. Arrays below 1 MB are plain
    memory, `offset_b` behind the start of a cache line. The offset is one of whole numbers, to keep arrays that are read
    together from competing for the same lines of a cache. Raises ValueError where it is not, MemoryError for want of memory.
    """
    kind = np.dtype(dtype)
    dimensions = (shape,) if isinstance(shape, int) else tuple(shape)
    size_b = math.prod(dimensions) * kind.itemsize
    if offset_b < 0 or offset_b % kind.itemsize:
        raise ValueError(f"an offset of {offset_b} bytes is no whole number of {kind}")
    align_b = HUGE_B if size_b >= _SMALL_B else LINE_B
    bytes_ = _mapped(size_b + offset_b) if size_b >= _SMALL_B else np.empty(size_b + offset_b + LINE_B, np.uint8)
    first = -bytes_.ctypes.data % align_b + offset_b
    return bytes_[first : first + size_b].view(kind).reshape(dimensions)


def huge_b(array: Array, smaps: Path = Path("/proc/self/smaps")) -> int | None:
    """Return how many bytes of an array lie on huge pages; None where the kernel does not say.

    The kernel counts them per mapping, and merges mappings that touch: an array beside others can be given some of theirs.
    """
    start = array.ctypes.data
    try:
        lines = smaps.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    total_b, inside, told = 0, 0, False
    for line in lines:
        mapping = _MAPPING.match(line)
        if mapping:
            inside = max(0, min(int(mapping[2], 16), start + array.nbytes) - max(int(mapping[1], 16), start))
        elif inside and line.startswith("AnonHugePages:"):
            total_b, told = total_b + min(inside, 1024 * int(line.split()[1])), True
    return total_b if told else None


def _mapped(size_b: int) -> Array:
    """Map whole huge pages, and one more to begin at a boundary."""
    try:
        memory = mmap.mmap(-1, -(-size_b // HUGE_B) * HUGE_B + HUGE_B, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(f"{size_b} bytes cannot be mapped: {error}") from error
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without huge pages
            memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype=np.uint8)
