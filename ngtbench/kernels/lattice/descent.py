"""Krylov solvers on traced kernels, with everything fused that can be: the algorithms of `krylov`, in fewer passes.

Vectors are those of `halves.Schur`; scalars are NumPy arrays, one number per source. A source that has converged takes steps of
length zero.
"""

from typing import Any

import numpy as np

from ngtbench.kernels.lattice import steps
from ngtbench.kernels.lattice.halves import Schur
from ngtbench.kernels.lattice.krylov import COMPLEX, DROP, REAL, Found, ratio, relative, stuck
from ngtbench.model.workload import Array


class Normal:
    """Conjugate gradients on Mhat^+ Mhat x = Mhat^+ b, until |r| <= tolerance |Mhat^+ b| for every source.

    An iteration is four halves of the operator, the last of which updates r and gives |r|^2, and one pass over x, p and r.
    """

    def __init__(self, operator: Schur) -> None:
        self.on = operator.on
        self.x, self.p, self.r, self.b, w = (operator.empty() for _ in range(5))
        self._forward = operator.apply(self.p, w)
        self._back = operator.update(w, self.r)
        self._right = operator.update(self.b, self.r)
        self._descend = operator.even(steps.DESCEND, x=self.x, p=self.p, r=self.r)
        self._advance = operator.even(steps.ADVANCE, x=self.x, p=self.p)

    def start(self) -> Array:
        """Begin with x = 0; return |Mhat^+ b|^2."""
        self.x.fill(0)
        self.r.fill(0)
        slope2 = self._sums(self._right, 1.0)[:, 0]
        self.p[...] = self.r
        return slope2

    def step(self, norm2: Array, active: Array) -> tuple[Array, Array]:
        """Update r; return the step's length, to be taken in x, and |r|^2."""
        alpha = ratio(norm2, self._sums(self._forward)[:, 0], active)
        return alpha, self._sums(self._back, -alpha)[:, 0]

    def turn(self, alpha: Array, beta: Array) -> None:
        """Take the step in x; turn the direction."""
        self._descend.scalars[:, 0] = self.on.engine.put(alpha)
        self._descend.scalars[:, 1] = self.on.engine.put(beta)
        self._descend()

    def advance(self, alpha: Array) -> None:
        """Take the step in x only."""
        self._advance.scalars[:, 0] = self.on.engine.put(alpha)
        self._advance()

    def solve(self, tolerance: float, limit: int) -> Found:
        """Solve for what is in b."""
        norm2 = self.start()
        first2, iterations = norm2, np.zeros(len(norm2), dtype=int)
        while np.any(active := norm2 > tolerance**2 * first2) and iterations.max() < limit:
            before2 = norm2
            alpha, norm2 = self.step(norm2, active)
            if stuck(alpha, active):
                break
            self.turn(alpha, ratio(norm2, before2, active))
            iterations += active
        rounds = int(iterations.max())
        return Found(self.x, iterations, relative(norm2, first2), 2 * rounds + 1, 5 * REAL * rounds)

    def _sums(self, halves: Any, last: Any = None) -> Array:
        """Apply the two halves of an operator; return the sums of the second, whose last scalar is given."""
        first, second = halves
        if last is not None:
            second.scalars[:, -1] = self.on.engine.put(np.asarray(last))
        first()
        return self.on.engine.get(second.sums())


class Mixed:
    """`Normal` in float32, with reliable updates in float64: see `krylov.cg_mixed`. Both have the same grid."""

    def __init__(self, outer: Schur, inner: Schur) -> None:
        self.inner = inner
        self._inner = Normal(inner)
        self.x, self.b, self._r, self._right, w = (outer.empty() for _ in range(5))
        self._put = outer.on.engine.put
        self._get = outer.on.engine.get
        self._lift = outer.update(self.b, self._right)
        self._apply = outer.apply(self.x, w)
        self._back = outer.update(w, self._r)

    def solve(self, tolerance: float, limit: int) -> Found:
        """Solve for what is in b."""
        inner = self._inner
        self.x.fill(0)
        self._right.fill(0)
        norm2 = self._adjoint(self._lift, 1.0)
        for low in (inner.r, inner.p):
            low[...] = self._right
        inner.x.fill(0)
        first2 = since2 = norm2
        iterations, updates = np.zeros(len(norm2), dtype=int), 0
        while np.any(active := norm2 > tolerance**2 * first2) and iterations.max() < limit:
            before2 = norm2
            alpha, low2 = inner.step(norm2, active)
            if stuck(alpha, active):
                break
            norm2 = np.where(active, low2, norm2)
            iterations += active
            if np.any(active & (norm2 <= np.maximum(DROP * since2, tolerance**2 * first2))):
                inner.advance(alpha)
                norm2 = since2 = self._updated()
                alpha, updates = np.zeros_like(alpha), updates + 1
            inner.turn(alpha, ratio(norm2, before2, active))
        rounds, left = int(iterations.max()), relative(norm2, first2)
        return Found(self.x, iterations, left, 2 * (rounds + updates) + 1, 5 * REAL * rounds + 2 * REAL * updates)

    def _updated(self) -> Array:
        """Add what was found to x, recompute r from b; return |r|^2."""
        self.x += self._inner.x
        self._inner.x.fill(0)
        for half in self._apply:
            half()
        self._r[...] = self._right
        norm2 = self._adjoint(self._back, -1.0)
        self._inner.r[...] = self._r
        return norm2

    def _adjoint(self, halves: Any, step: float) -> Array:
        first, second = halves
        second.scalars[:, -1] = step
        first()
        return self._get(second.sums())[:, 0]


class Stabilised:
    """BiCGStab until |r|^2 <= tolerance^2 base2 for every source: see `krylov.bicgstab`."""

    def __init__(self, operator: Schur) -> None:
        self.on = operator.on
        self.x, self.b, self._shadow, p, r, v, t = (operator.empty() for _ in range(7))
        self._p, self._r = p, r
        for unset in (v, t):  # the first pass takes steps of length zero along them
            unset.fill(0)
        self._along = operator.overlap(p, v, self._shadow)
        self._across = operator.overlap(r, t, r)
        self._lessen = operator.even(steps.LESSEN, r=r, v=v)
        self._gain = operator.even(steps.GAIN, x=self.x, r=r, p=p, t=t, shadow=self._shadow)
        self._turn = operator.even(steps.TURN, p=p, r=r, v=v)

    def solve(self, tolerance: float, base2: Array, limit: int) -> Found:
        """Solve for what is in b."""
        for vector in (self._shadow, self._p, self._r):
            vector[...] = self.b
        self.x.fill(0)
        left2, target2 = self._squared(), tolerance**2 * base2
        rho = left2.astype(np.complex128)
        iterations = np.zeros(len(target2), dtype=int)
        while np.any(active := left2 > target2) and iterations.max() < limit:
            _, overlap = self._applied(self._along)
            alpha = ratio(rho, overlap, active)
            if stuck(alpha, active):
                break
            self._set(self._lessen, alpha)
            self._lessen()
            t2, overlap = self._applied(self._across)
            omega = ratio(overlap.conj(), t2, active)
            if stuck(omega, active):
                break
            self._set(self._gain, alpha, omega)
            sums = self.on.engine.get(self._gain.sums())
            before, rho, left2 = rho, sums[:, 1] + 1j * sums[:, 2], sums[:, 0]
            self._set(self._turn, ratio(rho, before, active) * ratio(alpha, omega, active), omega)
            self._turn()
            iterations += active
        rounds = int(iterations.max())
        return Found(self.x, iterations, relative(left2, base2), 2 * rounds, (9 * COMPLEX + 2 * REAL) * rounds)

    def _squared(self) -> Array:
        """Return |r|^2, by a step of length zero."""
        zero = np.zeros(self.x.shape[1])
        self._set(self._gain, zero, zero)
        return self.on.engine.get(self._gain.sums())[:, 0]

    def _applied(self, halves: Any) -> tuple[Array, Array]:
        """Apply Mhat; return |out|^2 and <shadow, out>."""
        first, second = halves
        first()
        sums = self.on.engine.get(second.sums())
        return sums[:, 0], sums[:, 1] + 1j * sums[:, 2]

    def _set(self, kernel: Any, *numbers: Array) -> None:
        parts = [part for number in numbers for part in (number.real, number.imag)]
        kernel.scalars[...] = self.on.engine.put(np.stack(parts, axis=1))
