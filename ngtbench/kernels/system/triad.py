"""Triad in NumPy, and as a kernel that is traced."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ngtbench.codegen.kernel import Field, Kernel, Reals
from ngtbench.model.workload import Array, Arrays, Run, Setup

ROW = 8  # registers of each array per visit: what a visit costs by itself is little beside them


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


TRIAD = Kernel("triad", triad, (Field("b", ROW), Field("c", ROW), Field("a", ROW, "out")), scalars=("scale",))
