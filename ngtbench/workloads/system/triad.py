"""STREAM triad a = b + s c: the memory bandwidth every roofline divides by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Uniform, Workload


@dataclass(frozen=True)
class Size:
    """One run of the triad."""

    n: int  # elements per array


def inputs(size: Size, seed: int) -> Inputs:
    """Return b, c of shape (n,) and the scalar s."""
    return {"b": Uniform((size.n,), seed, 0), "c": Uniform((size.n,), seed, 1), "s": np.array(3.0)}


def reference(size: Size, b: Array, c: Array, s: Array) -> dict[str, Array]:
    """Return a = b + s c."""
    return {"a": b + s * c}


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Check a million elements spread over the arrays, first and last among them."""
    index = np.linspace(0, size.n - 1, min(size.n, 1_000_003), dtype=np.int64)
    return outputs["a"][index], inputs["b"][index] + 3.0 * inputs["c"][index]


def work(size: Size, item_b: int) -> Work:
    """Count 2 FLOP and three arrays moved per element, as STREAM counts (McCalpin)."""
    traffic_b = 3 * item_b * size.n
    return Work(flop=2 * size.n, bytes=traffic_b, memory_b=traffic_b, events=size.n, event="element")


def nearby(size: Size, k: int) -> Size:
    """Return a length that is neither a power of two nor even."""
    return Size(size.n - (k + 1) * (size.n // 50) - 2 * k - 3)


WORKLOAD = Workload(
    version=1,
    title="STREAM triad",
    inputs=inputs,
    reference=reference,
    spot=spot,
    work=work,
    nearby=nearby,
    sizes={"XS": Size(2**16), "S": Size(2**22), "M": Size(2**26), "L": Size(2**31)},
    tolerance={"float64": 1e-15, "float32": 5e-7},
    impls=(
        Impl("numpy", "system.triad:into", "numpy"),
        Impl("numba", "system.triad_numba:parallel", "numba"),
        Impl("native", "system.triad_native:streaming", "native", tier="optimised"),
        Impl("torch", "system.triad_torch:fused", "torch", devices=("cpu", "gpu")),
        Impl("cupy", "system.triad_cupy:fused", "cupy", devices=("gpu",)),
        Impl("rtc", "system.triad_cupy:traced", "cupy", devices=("gpu",), tier="optimised"),
    ),
    quick=("M",),
)
