"""Triad in NumPy: two passes over memory, no temporary."""

import numpy as np

from ngtbench.model.workload import Array, Arrays, Run, Setup


def into(setup: Setup, b: Array, c: Array, s: Array) -> Run:
    """Multiply and add into one preallocated array."""
    a = np.empty_like(b)

    def run() -> Arrays:
        np.multiply(c, s, out=a)
        return {"a": np.add(a, b, out=a)}

    return run
