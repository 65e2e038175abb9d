"""Copies between host and device: the bandwidth of the link.

Sizes without a direction go to the device and back; "-h2d" and "-d2h" go one way. Bytes are those that cross the link. The
implementation `copy` copies from host memory to host memory as often: the baseline on a machine without a GPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Uniform, Workload

_COUNTS = {"XS": 2**18, "S": 2**24, "M": 2**28, "L": 2**32}


@dataclass(frozen=True)
class Size:
    """One transfer."""

    n: int  # elements
    direction: Literal["both", "h2d", "d2h"]


def inputs(size: Size, seed: int) -> Inputs:
    """Return x of shape (n,)."""
    return {"x": Uniform((size.n,), seed, 0)}


def reference(size: Size, x: Array) -> dict[str, Array]:
    """Return y = x, to the bit."""
    return {"y": x}


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Check a million elements spread over the array, first and last among them."""
    index = np.linspace(0, size.n - 1, min(size.n, 1_000_003), dtype=np.int64)
    return outputs["y"][index], inputs["x"][index]


def work(size: Size, item_b: int) -> Work:
    """Count the bytes that cross the link; the input, its copy and the result are resident."""
    crossings = 2 if size.direction == "both" else 1
    array_b = item_b * size.n
    return Work(flop=0, bytes=crossings * array_b, memory_b=3 * array_b, events=crossings, event="transfer")


def nearby(size: Size, k: int) -> Size:
    """Return a length that is neither a power of two nor even."""
    return Size(size.n - (k + 1) * (size.n // 50) - 2 * k - 3, size.direction)


WORKLOAD = Workload(
    version=1,
    title="Host to device transfer",
    inputs=inputs,
    reference=reference,
    spot=spot,
    work=work,
    nearby=nearby,
    sizes={name: Size(n, "both") for name, n in _COUNTS.items()}
    | {f"{name}-h2d": Size(n, "h2d") for name, n in _COUNTS.items()}
    | {f"{name}-d2h": Size(n, "d2h") for name, n in _COUNTS.items()},
    tolerance={"float32": 0.0},
    impls=(
        Impl("copy", "system.transfer:copy", "numpy"),
        Impl("pageable", "system.transfer_torch:pageable", "torch", devices=("gpu",)),
        Impl("pinned", "system.transfer_torch:pinned", "torch", devices=("gpu",)),
        Impl("managed", "system.transfer_cupy:managed", "cupy", devices=("gpu",)),
        Impl("coherent", "system.transfer_cupy:coherent", "cupy", devices=("gpu",)),
    ),
    quick_gpu=("M", "M-h2d", "M-d2h"),
)
