"""Matrix product in CuPy: cuBLAS or hipBLAS."""

import os
from typing import Any

import cupy

from ngtbench.errors import Unavailable
from ngtbench.model.workload import Arrays, Run, Setup


def product(setup: Setup, a: Any, b: Any) -> Run:
    """Multiply into one preallocated array.

    Raises Unavailable where the environment lets CuPy lower the precision of float32.
    """
    if setup.dtype == "float32" and os.environ.get("CUPY_TF32", "0") != "0":
        raise Unavailable("CUPY_TF32 is set: float32 products would be tf32", "unset CUPY_TF32")
    c = cupy.zeros_like(a)
    setup.say(f"cupy.matmul, {setup.dtype}")

    def run() -> Arrays:
        cupy.matmul(a, b, out=c)
        return {"c": c}

    run()
    return run
