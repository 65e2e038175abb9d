"""What the smallest call costs: `launches` dependent additions to one number, then the wait for the result.

XS and S hold one launch: the time from asking to holding the result, the least that any call on this device can take. M and L
hold many: seconds per event is what one more launch in a row costs, which on a GPU is less, for the host runs ahead.
"""

from dataclasses import dataclass

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Uniform, Workload


@dataclass(frozen=True)
class Size:
    """One chain of launches."""

    launches: int


def inputs(size: Size, seed: int) -> Inputs:
    """Return x of shape (1,)."""
    return {"x": Uniform((1,), seed, 0)}


def reference(size: Size, x: Array) -> dict[str, Array]:
    """Return y = x + 1 + 1 ..."""
    return {"y": x + size.launches}


def work(size: Size, item_b: int) -> Work:
    """Count one addition, one load and one store per launch."""
    return Work(size.launches, 2 * item_b * size.launches, memory_b=2 * item_b, events=size.launches, event="launch")


def nearby(size: Size, k: int) -> Size:
    """Return a shorter chain; a single launch has none."""
    return Size(size.launches - (k + 1) * (size.launches // 50))


WORKLOAD = Workload(
    version=1,
    title="Launch latency",
    inputs=inputs,
    reference=reference,
    work=work,
    nearby=nearby,
    live=("x",),
    sizes={"XS": Size(1), "S": Size(1), "M": Size(100), "L": Size(10_000)},
    tolerance={"float64": 1e-15},
    impls=(
        Impl("numpy", "system.launch:ufunc", "numpy"),
        Impl("numba", "system.launch_numba:compiled", "numba"),
        Impl("torch", "system.launch_torch:eager", "torch", devices=("cpu", "gpu")),
        Impl("cupy", "system.launch_cupy:kernel", "cupy", devices=("gpu",)),
    ),
    quick_gpu=("S", "M"),
)
