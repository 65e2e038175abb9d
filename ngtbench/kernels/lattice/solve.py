"""Solve M x = b for the Wilson and the clover matrix: even-odd, by Krylov methods, in array operations.

CG works on the normal equations and stops on their residual, |Mhat^+ r| <= tolerance |Mhat^+ rhs|, or with `stop="residual"`, as
BiCGStab always does, on |r| <= tolerance |b|; for even-odd solutions |r| is the residual of the full system. Either way that is
recomputed in float64.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from ngtbench.errors import NgtBenchError
from ngtbench.kernels.lattice import clover, krylov
from ngtbench.kernels.lattice.krylov import Found
from ngtbench.kernels.lattice.schur import EvenOdd, Hop, Library
from ngtbench.kernels.lattice.wilson import Hopping, Parity
from ngtbench.model.workload import Array, Setup, Trial, Watch

Method = Literal["cg", "bicgstab", "cg-mixed"]
Stop = Literal["normal", "residual"]
LIMIT = 10_000  # iterations


class Judge:
    """M in float64, to judge solutions by, and the FLOP that finding them takes."""

    def __init__(
        self, library: Library, links: Any, boundary: Sequence[complex], kappa: float, csw: float, host: Any = None
    ) -> None:
        self._library, self._parameters = library, (boundary, kappa, csw)
        self._blocks = clover.blocks(np.asarray(links if host is None else host).astype(np.complex128)) if csw != 0 else None
        self._sites: int = math.prod(links.shape[1:5])
        self._judge = self._operator(links, library.xp.complex128)

    def residual(self, x: Any, b: Any) -> Array:
        """Return |b - M x| / |b| per source, in float64."""
        return self._judge.residual(self._judge.split(x), self._judge.split(b))

    def flop(self, found: Found) -> int:
        """Count one source: D 1320 a site, A and its inverse 504 on a half each, scaling and adding 48 on a half, and BLAS-1.

        Besides the iterations D is applied once, to prepare the source and to reconstruct odd sites.
        """
        apply = self._sites * (1320 + 24 + (504 if self._judge.clover else 0))
        return (found.applications + 1) * apply + found.flop * 12 * self._sites // 2

    def _operator(self, links: Any, dtype: Any) -> EvenOdd:
        boundary, kappa, csw = self._parameters
        return EvenOdd(self._library, _cast(self._library.xp, links, dtype), boundary, kappa, csw, self._blocks)


class Solver(Judge):
    """A method and what it makes of links once: the operator in the precisions it needs, and in float64 to judge by."""

    def __init__(
        self,
        library: Library,
        links: Any,
        boundary: Sequence[complex],
        kappa: float,
        csw: float,
        method: Method,
        host: Any = None,
    ) -> None:
        super().__init__(library, links, boundary, kappa, csw, host)
        self._method = method
        self._one = self._judge if links.dtype == library.xp.complex128 else self._operator(links, links.dtype)
        self._inner = self._operator(links, library.xp.complex64) if method == "cg-mixed" else None

    def solve(self, b: Any, tolerance: float, stop: Stop) -> tuple[Any, Found]:
        """Return x for b[source, x, y, z, t, spin, colour], and how the even half was found."""
        one = self._one
        even, odd = one.split(b)
        rhs = one.prepare_source(even, odd)
        all2 = one.norm2(even) + one.norm2(odd)
        base2 = None if stop == "normal" else all2
        if self._method == "bicgstab":
            found = krylov.bicgstab(one, rhs, tolerance, all2, LIMIT)
        elif self._inner is None:
            found = krylov.cg(one, rhs, tolerance, base2, LIMIT)
        else:
            found = krylov.cg_mixed(one, self._inner, rhs, tolerance, base2, LIMIT)
        return one.join(found.x, one.reconstruct(found.x, odd), b), found


def build(
    setup: Setup, links: Any, spinor: Any, library: Library, method: Method, stop: Stop = "normal"
) -> Callable[[int, Watch], Trial]:
    """Return trials of one solve in array operations."""
    size = setup.size
    host = setup.backend.get(links) if size.csw != 0 else None
    solver = Solver(library, links, size.boundary, size.kappa, size.csw, method, host)
    return trials(setup, solver, lambda b, tolerance: solver.solve(b, tolerance, stop), spinor, method)


def trials(
    setup: Setup, judge: Judge, solve: Callable[[Any, float], tuple[Any, Found]], spinor: Any, method: Method
) -> Callable[[int, Watch], Trial]:
    """Return trials of one solve: from sources to solutions in the order of the workload; links are prepared before.

    A trial raises NgtBenchError where the method gives up.
    """
    size, tolerance = setup.size, setup.size.target(setup.dtype)
    b = spinor if size.sources > 1 else spinor[None]
    setup.say(f"even-odd {method}, {'normal equations' if method != 'bicgstab' else 'residual'} to {tolerance:g}")

    def trial(k: int, watch: Watch) -> Trial:
        before_s = watch.spent_s
        with watch():
            x, found = solve(b, tolerance)
        wall_s, iterations = watch.spent_s - before_s, int(found.iterations.max())
        if not np.max(found.left) <= tolerance:
            raise NgtBenchError(f"{method} gave up after {iterations} iterations, at {np.max(found.left):.3g} of {tolerance:g}")
        return Trial(
            {"x": x if size.sources > 1 else x[0]},
            {
                "wall_per_source_s": wall_s / size.sources,
                "wall_s": wall_s,
                "iterations": float(iterations),
                "true_residual": float(np.max(judge.residual(x, b))),
                "solver_flop_per_s": size.sources * judge.flop(found) / wall_s,
            },
        )

    return trial


def cg(setup: Setup, links: Array, spinor: Array) -> Callable[[int, Watch], Trial]:
    """Solve by CG in the precision of the case."""
    return build(setup, links, spinor, arrays(), "cg")


def bicgstab(setup: Setup, links: Array, spinor: Array) -> Callable[[int, Watch], Trial]:
    """Solve by BiCGStab in the precision of the case."""
    return build(setup, links, spinor, arrays(), "bicgstab")


def cg_mixed(setup: Setup, links: Array, spinor: Array) -> Callable[[int, Watch], Trial]:
    """Solve by CG in float32 with reliable updates in float64."""
    return build(setup, links, spinor, arrays(), "cg-mixed")


def arrays() -> Library:
    """Return NumPy."""
    return Library(np, lambda host: host, _hop)


def _hop(links: Array, boundary: Sequence[complex], parity: Parity) -> Hop:
    return Hopping(links, boundary, parity).write


def _cast(xp: Any, array: Any, dtype: Any) -> Any:
    """Return an array in a dtype of its library, itself where it has it."""
    if array.dtype == dtype:
        return array
    other = xp.empty_like(array, dtype=dtype)
    other[...] = array
    return other
