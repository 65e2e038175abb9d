"""Quark propagators: solve M x = b for the Wilson and the clover matrix, which is where lattice QCD spends its time.

M = 1 + 2 kappa c_sw C - kappa D with D as in lattice/wilson_dslash and C as in lattice/clover_dslash. What counts is the time
per source until the true residual |b - M x| / |b| is small, by whatever method: rates say little, for a worse algorithm has
higher ones. Every solution is judged by its residual on the whole lattice, recomputed in float64 by the oracle's operator.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ngtbench.errors import WorkloadError
from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Bounds, Inputs, Workload
from ngtbench.physics import lattice
from ngtbench.workloads.lattice import _wilson, clover_dslash

_SINGLE = 1e-5  # the least tolerance of float32 cases: rounding alone leaves some 1e-7
_LEFT = 4  # true residual over tolerance that the test on normal equations may leave: 2.4 at 16^4, kappa 0.15


@dataclass(frozen=True)
class Size(_wilson.Lattice):
    """A lattice, its sources, the parameters of the matrix, and how far to solve.

    Field "random" is a formula field of roughness eps in a random gauge, with random sources: as hard to solve for every seed,
    for a gauge transformation leaves the spectrum alone. Field "formula" is that field itself, and the formula spinor.
    Raises WorkloadError for an odd extent, or for another parity than "full".
    """

    kappa: float = 0.15
    csw: float = 0.0
    tolerance: float = 1e-8  # of float64

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.parity != "full" or any(extent % 2 for extent in self.shape):
            raise WorkloadError(f"size {self.shape}, parity {self.parity}: solvers take whole lattices of even extents")

    def target(self, dtype: str) -> float:
        """Return the tolerance of cases of a dtype."""
        return max(self.tolerance, _SINGLE) if dtype == "float32" else self.tolerance


def inputs(size: Size, seed: int) -> Inputs:
    """Return links[mu, x, y, z, t, a, b] without phases, and spinor[x, y, z, t, spin, colour], sources first if many."""
    named = size.field == "formula"
    links = lattice.formula_links(size.shape, size.eps)
    spinors = [
        lattice.formula_spinor(size.shape) if named and source == 0 else lattice.random_spinor(size.shape, seed, source)
        for source in range(size.sources)
    ]
    if not named:
        links = lattice.transform_links(links, lattice.random_links(size.shape, seed)[0])
    return {"links": links, "spinor": spinors[0] if size.sources == 1 else np.stack(spinors)}


def invariants(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], dtype: str) -> Bounds:
    """Return the largest |b - M x| / |b| of a source, and how large it may be; infinite where x is not all there."""
    try:
        outputs["x"][np.array([12 * size.sites * size.sources - 1])]  # the last number is there, or IndexError
        found = [residual(size, inputs, outputs, source) for source in range(size.sources)]
    except (KeyError, IndexError):
        found = [np.inf]
    return {"residual": (float(np.max(found)), _LEFT * size.target(dtype))}


def residual(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], source: int) -> float:
    """Return |b - M x| / |b| of a source, slab by slab."""
    first, one = 12 * size.sites * source, replace(size, sources=1)
    views = {"links": inputs["links"], "spinor": _From(outputs["x"], first)}

    def operator(links: Array, spinor: Array, last: Any) -> Array:
        return matrix(size, links, spinor, last)

    wanted, applied = _wilson.spot(one, views, {"out": _From(inputs["spinor"], first)}, operator)
    return float(np.linalg.norm(wanted - applied) / np.linalg.norm(wanted))


def matrix(size: Size, links: Array, spinor: Array, last: Any = -1) -> Array:
    """Return M psi; `last` selects the x-planes whose links take the phase of x."""
    result = spinor - size.kappa * _wilson.hopping(_wilson.phased(links, size.boundary, last), spinor)
    if size.csw != 0:
        result += 2 * size.kappa * size.csw * clover_dslash.clover(links, spinor)
    return result


def work(size: Size, item_b: int) -> Work:
    """Count links, sources and solutions once, which no solver can avoid; no FLOP, for they depend on the method.

    Resident: the inputs, links packed for both directions and blocks of C also in float64 to judge by, ten vectors a source.
    """
    links, fields, blocks = 72, 24 * size.sources, 216 if size.csw != 0 else 0
    kept = item_b * (links + 2 * links + blocks + 10 * fields) + 8 * (2 * links + blocks + 4 * fields)
    return Work(
        flop=0, bytes=item_b * size.sites * (links + 2 * fields), memory_b=kept * size.sites, events=size.sources, event="source"
    )


class _From:
    """An array seen from an offset."""

    def __init__(self, array: Any, offset: int) -> None:
        self._array, self._offset = array, offset

    def __getitem__(self, index: Array) -> Any:
        return self._array[index + self._offset]


WORKLOAD = Workload(
    version=1,
    title="Wilson and clover solver",
    inputs=inputs,
    invariants=invariants,
    work=work,
    nearby=_wilson.nearby,
    sizes={
        "XS": Size((4, 4, 4, 4), kappa=0.12),
        "S": Size((8, 8, 8, 8)),
        "M": Size((16, 16, 16, 32)),
        "L": Size((32, 32, 32, 64)),
        "S-16": Size((16, 16, 16, 16), field="formula"),
        "S-clover": Size((8, 8, 8, 8), csw=1.0),
        "S-rhs12": Size((8, 8, 8, 8), sources=12),
        "M-rhs12": Size((16, 16, 16, 32), sources=12),
    },
    tolerance={"float64": 1e-8, "float32": _SINGLE},
    impls=(
        Impl("numpy", "lattice.solve:cg", "numpy"),
        Impl("numpy-bicgstab", "lattice.solve:bicgstab", "numpy"),
        Impl("numpy-mixed", "lattice.solve:cg_mixed", "numpy", dtypes=("float64",)),
        Impl("torch", "lattice.solve_torch:cg", "torch", devices=("cpu", "gpu")),
        Impl("torch-mixed", "lattice.solve_torch:cg_mixed", "torch", devices=("cpu", "gpu"), dtypes=("float64",)),
        Impl("cupy", "lattice.solve_cupy:cg", "cupy", devices=("gpu",)),
        Impl("cupy-mixed", "lattice.solve_cupy:cg_mixed", "cupy", devices=("gpu",), dtypes=("float64",)),
        Impl("native", "lattice.solve_traced:cg", "native"),
        Impl("native-bicgstab", "lattice.solve_traced:bicgstab", "native"),
        Impl("native-mixed", "lattice.solve_traced:cg_mixed", "native", dtypes=("float64",)),
        Impl("rtc", "lattice.solve_traced:cg", "cupy", devices=("gpu",)),
        Impl("rtc-bicgstab", "lattice.solve_traced:bicgstab", "cupy", devices=("gpu",)),
        Impl("rtc-mixed", "lattice.solve_traced:cg_mixed", "cupy", devices=("gpu",), dtypes=("float64",)),
    ),
    repeat="trials",
    metrics=(
        Metric("wall_per_source_s"),
        Metric("wall_s"),
        Metric("iterations"),
        Metric("true_residual"),
        Metric("solver_flop_per_s", "higher"),
    ),
    notes=(
        "kappa 0.15 (XS 0.12), c_sw 0 (S-clover 1), formula links of roughness 0.8; antiperiodic in time. Grid's x is 2 kappa x.",
        "Timed: from sources to solutions in canonical order, even-odd preparation included; links are packed before.",
        "CG stops by the residual of the normal equations of the even half, 1e-8 of its start (float32: 1e-5), as Grid does; "
        "BiCGStab by |r| / |b|. The true residual may be up to 4 times that; it is a metric, and the oracle judges by its own.",
        "S-16 is the formula field itself: 107 iterations of CG in float64.",
        "Work: bytes are links, sources and solutions once; FLOP are not counted, for they depend on the method. The metric "
        "solver_flop_per_s counts what was done: 1344 a site (1848 with clover) per product with the even-odd one, and BLAS-1.",
        "-rhs12: a propagator, 12 sources side by side; iterations are those of the slowest, and all go on until it is done.",
    ),
)
