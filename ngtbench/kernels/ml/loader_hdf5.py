"""Loading from HDF5: a data set per column, in chunks of a block; uncompressed, and with the compressions that h5py brings."""

from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.ml.loader import Build, trial
from ngtbench.kernels.ml.loader_file import RECORD, Reader, Samples
from ngtbench.model.workload import Array, Setup

_COLUMNS = {name: RECORD[name].base for name in RECORD.names or ()}


def plain(setup: Setup, x: Array, label: Array, **weights: Array) -> Build:
    """Store chunks as they are."""
    return _built(setup, x, label, weights)


def gzip(setup: Setup, x: Array, label: Array, **weights: Array) -> Build:
    """Compress by gzip of level 1, bytes shuffled."""
    return _built(setup, x, label, weights, compression="gzip", compression_opts=1, shuffle=True)


def lzf(setup: Setup, x: Array, label: Array, **weights: Array) -> Build:
    """Compress by LZF, bytes shuffled."""
    return _built(setup, x, label, weights, compression="lzf", shuffle=True)


def _built(setup: Setup, x: Array, label: Array, weights: dict[str, Array], **options: Any) -> Build:
    what = f"HDF5 {h5py.version.hdf5_version} by h5py {h5py.__version__}, {options.get('compression', 'no compression')}"
    return trial(setup, partial(write, options=options), Columns, x, label, weights, what)


def write(path: Path, samples: Samples, block: int, options: dict[str, Any]) -> None:
    """Write a data set per column in chunks of a block, with these options of h5py.

    The file is made in memory: HDF5 2.0 ends the process by a segmentation fault where the disk gets full.
    """
    with h5py.File(path, "w", driver="core", backing_store=False) as file:
        for name in _COLUMNS:
            values = getattr(samples, name)
            file.create_dataset(name, data=values, chunks=(min(block, len(samples)), *values.shape[1:]), **options)
        file.flush()
        path.write_bytes(file.id.get_file_image())


class Columns(Reader):
    """An HDF5 file of a data set per column; threads take turns in HDF5, which has one lock."""

    def __init__(self, path: Path, size: Any) -> None:
        file = h5py.File(path, "r", rdcc_nbytes=0)  # no cache: chunks are unpacked at each reading
        self._columns = {name: file.get(name) for name in _COLUMNS}
        for name, dtype in _COLUMNS.items():
            found, shape = self._columns[name], (size.samples, *RECORD[name].shape)
            if not isinstance(found, h5py.Dataset) or found.dtype != dtype or found.shape != shape:
                raise BadInput(f"{path}: {name} is {found}, not a data set of {dtype}, shape {shape}")

    def read(self, start: int, into: Samples) -> None:
        """Read a range of rows straight into place."""
        for name, column in self._columns.items():
            column.read_direct(getattr(into, name), np.s_[start : start + len(into)])
