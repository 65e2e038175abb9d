"""Kernels that use what the physics ones may not: sums and scalars, fields read and written, square roots, building blocks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ngtbench.codegen.kernel import HOPS_4D, Field, Kernel, Reals, evaluate
from ngtbench.codegen.trace import block, larger, magnitude, signum, sqrt
from ngtbench.model.workload import Array
from ngtbench.physics import lattice
from ngtbench.physics.lattice import Shape
from ngtbench.workloads.lattice import _wilson

TOLERANCE = {"float64": 1e-12, "float32": 3e-6}


def update(x: Callable[..., Reals], y: Callable[..., Reals], m: Callable[..., Reals], alpha: Any, beta: Any) -> dict[str, Any]:
    """Return y = alpha x(+t) - beta y (2 + m), roots, a constant, and two sums."""
    here, ahead, old, mass = x(), x(3, 1), y(), m()
    new = [alpha * ahead[k] - beta * old[k] * (2 + mass[k % 2]) for k in range(3)]
    root = sqrt(1 + here[0] * here[0])
    return {"y": new, "z": [root / (mass[0] + 3), 0.25], "norm": new[0] * new[0] + root, "dot": here[1] * old[1] - 1}


UPDATE = Kernel(
    "up-date",
    update,
    (Field("x", 3), Field("y", 3, "inout"), Field("m", 2, each=False), Field("z", 2, "out")),
    HOPS_4D,
    ("alpha", "beta"),
    ("norm", "dot"),
)


@block
def mixed(a: Reals, b: Reals) -> list[Any]:
    """Return 12 numbers of 12 and 12: 540 operations with a square root."""
    total = sum(one * one for one in a)
    scale = 1 / sqrt(total + 0.5)
    return [sum(a[(i + j) % 12] * b[j] - b[(i * j) % 12] for j in range(12)) * scale for i in range(12)]


def large(psi: Callable[..., Reals]) -> dict[str, Any]:
    """Mix all neighbours, again and again: above the size at which building blocks become functions."""
    found: Reals = psi()
    for axis, step in HOPS_4D:
        found = mixed(psi(axis, step), [0.5 * number for number in found])
        found = mixed(found, psi())
    return {"out": found, "total": sum(found)}


LARGE = Kernel("large", large, (Field("psi", 12), Field("out", 12, "out")), HOPS_4D, (), ("total",))


def signs(x: Callable[..., Reals], alpha: Any) -> dict[str, Any]:
    """Return signs, which zeros have too, and magnitudes and larger ones of numbers, scalars and constants."""
    (here,) = x()
    zero = here * 1e-200 * 1e-200
    found = [signum(here), signum(-here), signum(zero), signum(-zero), signum(alpha), signum(-0.5)]
    return {"out": [*found, magnitude(here), larger(here, alpha)]}


SIGNS = Kernel("signs", signs, (Field("x", 1), Field("out", 8, "out")), scalars=("alpha",))


def numbers(kernel: Kernel, shape: Sequence[int], dtype: str, sources: int) -> dict[str, Array]:
    """Return fields of (sources, sites, components), disordered; of one source where all share it."""
    random = np.random.default_rng(3)
    sites = int(np.prod(shape))
    sizes = {field.name: (sources if field.each else 1, sites, field.components) for field in kernel.fields}
    return {name: random.normal(size=size).astype(dtype) for name, size in sizes.items()}


def wanted(kernel: Kernel, shape: Sequence[int], fields: Mapping[str, Array], scalars: Array) -> tuple[dict[str, Array], Array]:
    """Return what the body writes, computed in double precision on NumPy arrays, and its sums, shape (sources, sums)."""
    sources = max(array.shape[0] for array in fields.values())
    written: dict[str, list[Array]] = {field.name: [] for field in kernel.fields if field.access != "in"}
    sums = []
    for s in range(sources):
        one = {name: array[s % array.shape[0]].T.astype(np.float64).reshape(-1, *shape) for name, array in fields.items()}
        found = evaluate(kernel, one, dict(zip(kernel.scalars, scalars[s], strict=False)))
        for name, arrays in written.items():
            arrays.append(found[name].reshape(len(found[name]), -1).T)
        sums.append([float(found[name]) for name in kernel.sums])
    return {name: np.stack(arrays) for name, arrays in written.items()}, np.array(sums)


def hopping_term(shape: Shape, dtype: str, sources: int) -> tuple[dict[str, Array], Array]:
    """Return the fields of the hopping term, and what the oracle makes of them, (sources, sites, components)."""
    links = lattice.random_links(shape, 1)
    psi = np.stack([lattice.random_spinor(shape, 1, source) for source in range(sources)])
    want = _wilson.hopping(links, psi)
    by_site = np.ascontiguousarray(np.moveaxis(links, 0, 4)).view(np.float64).reshape(1, -1, 72)
    spinors, results = (np.ascontiguousarray(one).view(np.float64).reshape(sources, -1, 24) for one in (psi, want))
    return {"links": by_site.astype(dtype), "psi": spinors.astype(dtype), "out": np.zeros_like(spinors, dtype)}, results


def close(got: Array, want: Array, dtype: str, factor: float = 1) -> None:
    """Compare every element with the root mean square of what is wanted; rounding of long chains is `factor` as large."""
    assert got.shape == want.shape
    assert not np.isnan(got).any()
    assert np.abs(got - want).max() <= factor * TOLERANCE[dtype] * np.sqrt(np.mean(np.abs(want) ** 2))
