"""Solve for the Wilson and the clover matrix on traced kernels: `solve` says what is solved, and until when."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ngtbench.codegen.engine import engine
from ngtbench.kernels.lattice import clover, solve
from ngtbench.kernels.lattice.compiled import Lattice, lattice
from ngtbench.kernels.lattice.descent import Mixed, Normal, Stabilised
from ngtbench.kernels.lattice.halves import Schur
from ngtbench.kernels.lattice.krylov import Found
from ngtbench.kernels.lattice.solve import Method
from ngtbench.model.workload import Array, Setup, Trial, Watch


class Solver(solve.Judge):
    """A method on an engine, for sources of one number: links are packed and kernels compiled once."""

    def __init__(
        self,
        backend: str,
        threads: int,
        links: Array,
        boundary: Sequence[complex],
        kappa: float,
        csw: float,
        method: Method,
        sources: int,
    ) -> None:
        super().__init__(solve.arrays(), links, boundary, kappa, csw)
        dtype = "float32" if links.dtype == np.complex64 else "float64"
        diagonal = clover.matrix_blocks(links.astype(np.complex128), kappa, csw) if csw != 0 else None
        low = lattice(links.shape[1:5], engine(backend, "float32" if method == "cg-mixed" else dtype, threads), parity=True)
        on = Lattice(low.grid, engine(backend, dtype, threads))
        self._half = Schur(on, links, kappa, boundary, diagonal, sources)
        self.method: Any
        if method == "cg-mixed":
            self.method = Mixed(self._half, Schur(low, links, kappa, boundary, diagonal, sources))
        else:
            self.method = (Normal if method == "cg" else Stabilised)(self._half)
        self.said = f"{on.engine.said}, {on.grid.lanes} lanes"
        self._even, self._odd = self._half.empty(), self._half.empty()
        self._prepare = self._half.right_hand_side(self._even, self._odd, self.method.b)
        self._rest, self._reconstruct = self._half.reconstruction(self.method.x, self._odd)

    def solve(self, b: Any, tolerance: float) -> tuple[Any, Found]:
        """Return x for b[source, x, y, z, t, spin, colour] of the device, and how the even half was found.

        Sources are made of norm 1 before: squares of small or large ones would not fit float32.
        """
        on, halves = self._half.on, (self._even, self._odd)
        on.spinors(b, 24, "even", self._even)
        on.spinors(b, 24, "odd", self._odd)
        squares = [on.engine.get((half.astype(np.float64) ** 2).sum(axis=(0, 2, 3))) for half in halves]
        norm2: Array = squares[0] + squares[1]
        norm = np.where(norm2 > 0, np.sqrt(norm2), 1.0)
        for half in halves:
            half /= self._scale(norm)
        for step in self._prepare:
            step()
        if isinstance(self.method, Stabilised):
            found = self.method.solve(tolerance, norm2 / norm**2, solve.LIMIT)
        else:
            found = self.method.solve(tolerance, solve.LIMIT)
        for step in self._reconstruct:
            step()
        x = b.copy()
        on.numbers(found.x * self._scale(norm), "even", x)
        on.numbers(self._rest * self._scale(norm), "odd", x)
        return x, found

    def _scale(self, norm: Array) -> Any:
        """Return a number per source, to multiply packed vectors by."""
        on = self._half.on.engine
        return on.put(norm.astype(on.dtype)[:, None, None])

    def residual(self, x: Any, b: Any) -> Array:
        """Return |b - M x| / |b| per source, in float64, on the host."""
        get = self._half.on.engine.get
        return super().residual(get(x), get(b))


def cg(setup: Setup, links: Any, spinor: Any) -> Callable[[int, Watch], Trial]:
    """Solve by CG in the precision of the case."""
    return _built(setup, links, spinor, "cg")


def bicgstab(setup: Setup, links: Any, spinor: Any) -> Callable[[int, Watch], Trial]:
    """Solve by BiCGStab in the precision of the case."""
    return _built(setup, links, spinor, "bicgstab")


def cg_mixed(setup: Setup, links: Any, spinor: Any) -> Callable[[int, Watch], Trial]:
    """Solve by CG in float32 with reliable updates in float64."""
    return _built(setup, links, spinor, "cg-mixed")


def _built(setup: Setup, links: Any, spinor: Any, method: Method) -> Callable[[int, Watch], Trial]:
    """Return trials of one solve."""
    size, get = setup.size, setup.backend.get
    solver = Solver(setup.backend.name, setup.threads, get(links), size.boundary, size.kappa, size.csw, method, size.sources)
    setup.say(solver.said)
    return solve.trials(setup, solver, solver.solve, spinor, method)
