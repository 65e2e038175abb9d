"""The public solver: Wilson and clover matrix, on traced kernels where they can be compiled, in array operations where not.

CG stops, as is the custom, by the residual of the normal equations: |Mhat^+ r| <= tolerance |Mhat^+ rhs|. |r| / |b| is then
several times the tolerance where M is ill-conditioned; in mixed precision 32 times was seen. `stop="residual"` tests
|r| <= tolerance |b| instead, as BiCGStab always does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from ngtbench.codegen.engine import available, threads
from ngtbench.errors import BadInput, Unavailable
from ngtbench.kernels.lattice.check import check_boundary, check_field
from ngtbench.kernels.lattice.krylov import Found
from ngtbench.kernels.lattice.solve import Method, Solver, Stop, arrays
from ngtbench.kernels.lattice.solve_traced import Solver as Traced
from ngtbench.model.workload import Array

_FAR = 1000  # times the tolerance: a true residual beyond is no solution, whatever the recursion says
_LEAST = {"complex128": 1e-14, "complex64": 1e-6}  # tolerances that rounding lets a well-conditioned system reach


@dataclass(frozen=True)
class Solution:
    """What was found; of several sources the worst iterations and residuals.

    `recursive_residual` is what the method tested, relative; `true_residual` is |b - M x| / |b| of the whole lattice,
    recomputed in float64. `converged` says that the test was met, and the true residual
    is within 1000 times the tolerance.
    """

    solution: Array
    iterations: int
    true_residual: float
    recursive_residual: float
    method: Method
    converged: bool


def solve_wilson(
    links: Array,
    source: Array,
    *,
    kappa: float,
    csw: float = 0.0,
    boundary: Sequence[complex] = (1, 1, 1, -1),
    tolerance: float = 1e-8,
    method: Method = "cg",
    stop: Stop = "normal",
) -> Solution:
    """Solve (1 + 2 kappa csw C - kappa D) x = source for source[x, y, z, t, spin, colour], or for several, their axis first.

    D and C as in `wilson_dslash` and `clover_term`; all extents even. Methods: "cg" (on the normal equations), "bicgstab", and
    "cg-mixed", which iterates in complex64 and corrects in complex128. `stop` says what `tolerance` is of, see above.
    Raises BadInput for other arguments; a solver that gives up says so in `.converged`.
    """
    _check(links, source, kappa, csw, boundary, tolerance, method, stop)
    many = np.ascontiguousarray(source if source.ndim == 7 else source[None])
    x, found, residual = _solved(links, many, boundary, kappa, csw, tolerance, method, stop)
    left, true = float(np.max(found.left)), float(np.max(residual))
    return Solution(
        solution=x if source.ndim == 7 else x[0],
        iterations=int(found.iterations.max()),
        true_residual=true,
        recursive_residual=left,
        method=method,
        converged=left <= tolerance and true <= _FAR * tolerance,
    )


def _solved(
    links: Array,
    b: Array,
    boundary: Sequence[complex],
    kappa: float,
    csw: float,
    tolerance: float,
    method: Method,
    stop: Stop,
) -> tuple[Array, Found, Array]:
    """Return x, how it was found, and the true residuals; traced kernels test what their methods do by default."""
    for backend in available() if stop == "normal" or method == "bicgstab" else ():
        try:
            traced = Traced(backend, threads(), links, boundary, kappa, csw, method, len(b))
            x, found = traced.solve(b, tolerance)
        except Unavailable:
            continue
        return x, found, traced.residual(x, b)
    solver = Solver(arrays(), links, boundary, kappa, csw, method)
    x, found = solver.solve(b, tolerance, stop)
    return x, found, solver.residual(x, b)


def _check(
    links: Array, source: Array, kappa: float, csw: float, boundary: Sequence[complex], tolerance: float, method: str, stop: str
) -> None:
    """Raise BadInput unless these are arguments of `solve_wilson`."""
    one = source[0] if isinstance(source, np.ndarray) and source.ndim == 7 and len(source) else source
    check_field("solve_wilson", links, one, "source")
    check_boundary("solve_wilson", boundary)
    if any(extent % 2 for extent in one.shape[:4]):
        raise BadInput(f"solve_wilson: the lattice is {one.shape[:4]}: the even-odd solver needs even extents")
    for name, value in (("kappa", kappa), ("csw", csw)):
        if not math.isfinite(value):
            raise BadInput(f"solve_wilson: {name} is {value}: give a finite number")
    for name, word, known in (("method", method, get_args(Method)), ("stop", stop, get_args(Stop))):
        if word not in known:
            raise BadInput(f"solve_wilson: no {name} {word!r}: there are {', '.join(known)}")
    if method == "cg-mixed" and links.dtype != np.complex128:
        raise BadInput("solve_wilson: cg-mixed corrects in complex128: give links and source in it, or choose cg")
    least = _LEAST[links.dtype.name]
    if not least <= tolerance < 1:
        raise BadInput(f"solve_wilson: tolerance is {tolerance}: for {links.dtype} give {least:g} or more, and less than 1")
