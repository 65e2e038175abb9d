"""A user's workload whose implementations misbehave, each in its own way; one behaves."""

from dataclasses import dataclass

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Uniform, Workload

FAULTS = (
    *("right", "percent", "zeros", "nan", "cached", "late", "inplace", "shape", "unnamed", "raises", "surrogate", "prints"),
    *("forges", "hangs", "killed", "exits", "hungry", "greedy", "absent"),
    *("skips", "tires", "frozen", "promise", "leaves", "stale", "vanishes", "tuned", "learnt"),
)


@dataclass(frozen=True)
class Size:
    """Elements."""

    n: int


def inputs(size: Size, seed: int) -> Inputs:
    """Return x of shape (n,)."""
    return {"x": Uniform((size.n,), seed, 0)}


def reference(size: Size, x: Array) -> dict[str, Array]:
    """Return y = 2 x."""
    return {"y": 2 * x}


def work(size: Size, item_b: int) -> Work:
    """Count one multiplication per element."""
    return Work(flop=size.n, bytes=2 * item_b * size.n, memory_b=2 * item_b * size.n, events=size.n, event="element")


def nearby(size: Size, k: int) -> Size:
    """Return a few elements less."""
    return Size(size.n - 17 * (k + 1))


WORKLOAD = Workload(
    version=1,
    title="y = 2 x, wrongly",
    inputs=inputs,
    reference=reference,
    work=work,
    nearby=nearby,
    live=("x",),
    sizes={"XS": Size(1000), "S": Size(100_000)},
    tolerance={"float64": 1e-14, "float32": 1e-6},
    impls=(*(Impl(name, f"evil.faulty:{name}", "numpy") for name in FAULTS), Impl("oracle", "evil.double:reference", "numpy")),
)
