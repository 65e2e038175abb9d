"""Rounding to the dtypes of cases, once, on the host: to nearest, ties to even."""

import numpy as np

from ngtbench.errors import WorkloadError
from ngtbench.model.workload import Array

STORAGE_B = {"float64": 8, "float32": 4, "tf32": 4, "bfloat16": 2, "float16": 2}
_REAL = {"float64": np.float64, "float32": np.float32, "tf32": np.float32, "float16": np.float16}
_COMPLEX = {"float64": np.complex128, "float32": np.complex64}


def to_dtype(values: Array, dtype: str) -> Array:
    """Return floating or complex values rounded to the dtype; integers as they are.

    tf32 is float32 in memory (the unit rounds, not the store); bfloat16 is returned as float32 holding bfloat16 values.
    Raises WorkloadError for complex values in a dtype that has no complex form.
    """
    if values.dtype.kind == "c":
        if dtype not in _COMPLEX:
            raise WorkloadError(f"dtype {dtype} has no complex form: complex inputs take {' or '.join(_COMPLEX)}")
        return np.asarray(values, dtype=_COMPLEX[dtype])
    if values.dtype.kind != "f":
        return values
    if dtype == "bfloat16":
        return _bfloat16(values)
    return np.asarray(values, dtype=_REAL[dtype])


def widen(values: Array) -> Array:
    """Return a float64 or complex128 copy for the oracle; integers as they are."""
    if values.dtype.kind == "c":
        return values.astype(np.complex128)
    return values.astype(np.float64) if values.dtype.kind == "f" else values


def _bfloat16(values: Array) -> Array:
    # Straight from float64 would need one rounding; through float32 there are two, and the backends do the same two.
    bits = np.array(values, dtype=np.float32).view(np.uint32)
    bits += np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    bits &= np.uint32(0xFFFF0000)
    return bits.view(np.float32)
