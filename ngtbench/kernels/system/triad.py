"""Triad in NumPy, and as a kernel that is traced."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ngtbench.codegen.kernel import Field, Kernel, Reals
from ngtbench.model.workload import Array, Arrays, Run, Setup


def into(setup: Setup, b: Array, c: Array, s: Array) -> Run:
    """Multiply and add into one preallocated array: two passes over memory, no temporary."""
    a = np.empty_like(b)

    def run() -> Arrays:
        np.multiply(c, s, out=a)
        return {"a": np.add(a, b, out=a)}

    return run


def triad(b: Callable[..., Reals], c: Callable[..., Reals], scale: Any) -> dict[str, Any]:
    """Return b + scale c."""
    return {"a": [one + scale * other for one, other in zip(b(), c(), strict=True)]}


def kernel(row: int) -> Kernel:
    """Return the triad on rows of so many registers of each array."""
    return Kernel("triad", triad, (Field("b", row), Field("c", row), Field("a", row, "out")), scalars=("scale",))
