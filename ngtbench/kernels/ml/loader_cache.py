"""A stored file in the page cache: how much of it is there, and dropping it, so that what is read next comes from below."""

import ctypes
import mmap
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ngtbench.errors import Unavailable
from ngtbench.kernels.ml.loader_file import Reader

_KEPT = 0.01  # of a file that may still be cached when it counts as dropped


class Cache:
    """What the page cache holds of a file, which needs no name after this."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.size_b = path.stat().st_size

    def drop(self, readers: Iterable[Reader]) -> None:
        """Write out what is dirty, and drop all.

        Raises Unavailable where pages stay, as in file systems that are memory.
        """
        for reader in readers:
            reader.forget()
        os.fsync(self._file.fileno())  # dirty pages are not dropped
        os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        kept_b = self.held_b()
        if kept_b > _KEPT * self.size_b:
            raise Unavailable(
                f"the page cache keeps {kept_b >> 10} of the {self.size_b >> 10} KiB of the file when it is told to drop them",
                "set TMPDIR to a folder on a disk",
            )

    def held_b(self) -> int:
        """Return the bytes of the file that are in the page cache, by mincore."""
        there = np.zeros(-(-self.size_b // mmap.PAGESIZE), np.uint8)
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            view = np.frombuffer(mapped, np.uint8)
            where, told = ctypes.c_void_p(view.ctypes.data), ctypes.c_void_p(there.ctypes.data)
            failed = ctypes.CDLL(None, use_errno=True).mincore(where, ctypes.c_size_t(self.size_b), told)
            del view  # a map cannot be closed under it
        if failed:
            raise Unavailable(f"what the page cache holds is not told: {os.strerror(ctypes.get_errno())}")
        return int(np.sum(there & 1)) * mmap.PAGESIZE
