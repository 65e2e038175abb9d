"""Fixed-point inference in NumPy: products by the BLAS, rounding and overflow in integers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ngtbench.model.workload import Array


class NumpyEngine:
    """Arrays of NumPy, for inference."""

    def put(self, host: Array) -> Array:
        """Return the array."""
        return host

    def cast(self, array: Array, dtype: str) -> Array:
        """Return the array in another dtype."""
        return array.astype(dtype, copy=False)

    def largest(self, array: Array, axis: int) -> Array:
        """Return the largest along an axis, without it."""
        found: Array = array.max(axis=axis)
        return found

    def stack(self, arrays: Sequence[Any], axis: int) -> Array:
        """Return arrays side by side along a new axis."""
        return np.stack(arrays, axis=axis)
