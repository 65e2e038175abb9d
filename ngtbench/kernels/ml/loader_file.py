"""A file of jets written to be loaded from: in a temporary folder, proved by reading it whole, without a name once it is open."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from ngtbench.errors import BadInput, NgtBenchError, Unavailable
from ngtbench.model.workload import Array

FEATURES = 16
RECORD = np.dtype([("x", np.float32, (FEATURES,)), ("label", np.int64), ("event", np.int64)])
Kept = TypeVar("Kept")
_MARGIN = 2  # free space over what the jets take: formats and file systems add to it


@dataclass(frozen=True)
class Samples:
    """Jets in memory: features (n, 16), float32, classes and numbers (n,), int64."""

    x: Array
    label: Array
    event: Array

    @classmethod
    def empty(cls, count: int) -> "Samples":
        """Return room for so many jets."""
        return cls(np.empty((count, FEATURES), np.float32), np.empty(count, np.int64), np.empty(count, np.int64))

    def __getitem__(self, rows: Any) -> "Samples":
        return Samples(self.x[rows], self.label[rows], self.event[rows])

    def __len__(self) -> int:
        return len(self.event)


class Reader(Protocol):
    """An open file of jets; a thread at a time reads from it."""

    def forget(self) -> None:
        """Let go of pages of the file that are mapped, which the page cache cannot drop: of most readers none are."""
        return

    def read(self, start: int, into: Samples) -> None:
        """Read the jets from this one on, as many as there is room for, which are of one block."""
        ...


Write = Callable[[Path, Samples, int], None]  # with jets of a block
Open = Callable[[Path, Any], Reader]  # with the workload's size; raises BadInput where the file holds something else


def stored(size: Any, write: Write, opened: Open, samples: Samples, keep: Callable[[Path], Kept]) -> tuple[list[Reader], Kept]:
    """Write the file, open it once for each thread, and take its name away; return the readers, and what else is to keep it.

    Raises Unavailable where no file of this size can be written, BadInput where what was written is not what is read.
    """
    needed_b = _MARGIN * RECORD.itemsize * len(samples)
    with folder(needed_b) as place:
        path = place / "jets"
        try:
            write(path, samples, size.block)
        except OSError as error:
            raise Unavailable(f"{path} cannot be written: {error}", _remedy(needed_b)) from error
        readers = [proved(path, size, opened) for _ in range(max(1, size.ahead))]
        return readers, keep(path)


@contextmanager
def folder(needed_b: int) -> Iterator[Path]:
    """Make a temporary folder with so much room, and remove it and its files.

    Raises Unavailable where there is none.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix="ngtbench-loader-", ignore_cleanup_errors=True)
    except OSError as error:
        raise Unavailable(f"no temporary folder can be written: {error}", _remedy(needed_b)) from error
    with made as name:
        free_b = shutil.disk_usage(name).free
        if free_b < needed_b:
            raise Unavailable(f"{Path(name).parent} has {free_b >> 20} MiB free, not {_mib(needed_b)}", _remedy(needed_b))
        yield Path(name)


def proved(path: Path, size: Any, opened: Open) -> Reader:
    """Open a file and read it whole; raises BadInput where it cannot be read, or its jets are no finite numbers in order."""
    with named(path):
        reader = opened(path, size)
        for start in range(0, size.samples, size.block):
            block = Samples.empty(min(size.block, size.samples - start))
            reader.read(start, block)
            if not np.all(np.isfinite(block.x)):
                row = start + int(np.argmin(np.all(np.isfinite(block.x), axis=1)))
                raise BadInput(f"{path}: jet {row} has features that are not finite")
            if not np.array_equal(block.event, np.arange(start, start + len(block))):
                raise BadInput(f"{path}: jets from {start} on are not numbered in order")
    return reader


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Turn whatever a library says of a file it cannot read into BadInput that names the file."""
    try:
        yield
    except NgtBenchError:
        raise
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, RuntimeError) as error:  # of NumPy, HDF5 and Arrow
        said = str(error).splitlines()[0][:200] if str(error) else ""
        raise BadInput(f"{path}: not a readable file of jets: {type(error).__name__}: {said}") from error


def _remedy(needed_b: int) -> str:
    return f"set TMPDIR to a folder with {_mib(needed_b)} free"


def _mib(size_b: int) -> str:
    return f"{max(1, size_b >> 20)} MiB"
