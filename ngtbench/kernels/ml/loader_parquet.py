"""Loading from Parquet: a row group per block; features as lists of numbers, as is usual, or as binary of fixed length."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from ngtbench.errors import BadInput
from ngtbench.kernels.ml.loader import Build, trial
from ngtbench.kernels.ml.loader_file import FEATURES, Reader, Samples
from ngtbench.model.workload import Array, Setup

_COMPRESSION = "snappy"  # what pyarrow does by itself
LISTS, BINARY = pa.list_(pa.float32(), FEATURES), pa.binary(4 * FEATURES)


def lists(setup: Setup, x: Array, label: Array, **weights: Array) -> Build:
    """Store features as a list of 16 float32 a jet."""
    return _built(setup, x, label, weights, LISTS)


def binary(setup: Setup, x: Array, label: Array, **weights: Array) -> Build:
    """Store features as 64 bytes a jet: nothing is to be decoded, and other programs see but bytes."""
    return _built(setup, x, label, weights, BINARY)


def _built(setup: Setup, x: Array, label: Array, weights: dict[str, Array], kind: Any) -> Build:
    what = f"Parquet by pyarrow {pa.__version__}, features as {kind}, {_COMPRESSION}"
    return trial(setup, partial(write, kind=kind), partial(RowGroups, kind=kind), x, label, weights, what)


def write(path: Path, samples: Samples, block: int, kind: Any) -> None:
    """Write a row group per block, features of this type."""
    columns = [_packed(samples.x, kind), pa.array(samples.label), pa.array(samples.event)]
    table = pa.Table.from_arrays(columns, schema=_schema(kind))
    parquet.write_table(table, path, row_group_size=block, compression=_COMPRESSION, use_dictionary=False)


class RowGroups(Reader):
    """A Parquet file with a row group per block, read without pyarrow's own threads."""

    def __init__(self, path: Path, size: Any, kind: Any) -> None:
        self._file, self._block = parquet.ParquetFile(path), size.block
        self._features = _lists if kind == LISTS else _bytes
        meta = self._file.metadata
        if not self._file.schema_arrow.equals(_schema(kind)):
            raise BadInput(f"{path}: columns are {self._file.schema_arrow}, not {_schema(kind)}".replace("\n", ", "))
        rows = [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]
        if rows != [min(size.block, size.samples - start) for start in range(0, size.samples, size.block)]:
            raise BadInput(f"{path}: {sum(rows)} rows in {len(rows)} groups, not {size.samples} in {size.blocks}")

    def read(self, start: int, into: Samples) -> None:
        """Read a row group and copy its columns."""
        table = self._file.read_row_group(start // self._block, use_threads=False)
        x, label, event = (column.combine_chunks() for column in table.columns)
        into.x[:] = self._features(x)
        into.label[:], into.event[:] = label.to_numpy(), event.to_numpy()


def _lists(column: Any) -> Array:
    numbers: Array = column.flatten().to_numpy().reshape(-1, FEATURES)
    return numbers


def _bytes(column: Any) -> Array:
    numbers = np.frombuffer(column.buffers()[1], np.float32).reshape(-1, FEATURES)
    return numbers[column.offset : column.offset + len(column)]


def _packed(x: Array, kind: Any) -> Any:
    if kind == LISTS:
        return pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), FEATURES)
    return pa.FixedSizeBinaryArray.from_buffers(kind, len(x), [None, pa.py_buffer(x)])


def _schema(kind: Any) -> Any:
    return pa.schema([pa.field("x", kind), pa.field("label", pa.int64()), pa.field("event", pa.int64())])
