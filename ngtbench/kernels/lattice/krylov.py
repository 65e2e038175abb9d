"""Krylov solvers for any array library: the algorithms once, vectors and operator behind one small protocol.

Vectors have a leading axis of sources, which are solved side by side; scalars are NumPy arrays, one number per source. A
source that has converged takes steps of length zero.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ngtbench.model.workload import Array

REAL, COMPLEX = 4, 8  # FLOP per complex number of a pass: y += a x with a real or complex, |x|^2, or <x, y>
DROP = 1e-4  # of |r|^2 between two reliable updates: single precision still resolves it


class Operator(Protocol):
    """A matrix on vectors of one precision, and the arithmetic of these vectors."""

    def apply(self, x: Any, out: Any) -> None:
        """Write A x to `out`."""
        ...

    def apply_dagger(self, x: Any, out: Any) -> None:
        """Write A^+ x to `out`; x may be used as room meanwhile, and is as before in the end."""
        ...

    def dot(self, x: Any, y: Any) -> Array:
        """Return <x, y> per source, complex128."""
        ...

    def norm2(self, x: Any) -> Array:
        """Return |x|^2 per source, float64."""
        ...

    def axpy(self, scale: Array, x: Any, y: Any) -> None:
        """Add scale x to y."""
        ...

    def xpay(self, x: Any, scale: Array, y: Any) -> None:
        """Overwrite y by x + scale y."""
        ...

    def copied(self, x: Any) -> Any:
        """Return a copy in this operator's precision."""
        ...

    def zeros(self, x: Any) -> Any:
        """Return a vector of zeros like x, in this operator's precision."""
        ...


@dataclass(frozen=True)
class Found:
    """What a solver reached: x, and per source how many iterations it took and what it tested, relative to its base.

    `applications` counts products with A or A^+ for each source; `flop` the rest, per complex number of a vector.
    """

    x: Any
    iterations: Array
    left: Array
    applications: int
    flop: int


def cg(operator: Operator, b: Any, tolerance: float, base2: Array | None, limit: int) -> Found:
    """Solve A x = b by conjugate gradients on A^+ A x = A^+ b, for at most `limit` iterations.

    Until |r|^2 <= tolerance^2 base2, or, where base2 is None, until |A^+ r| <= tolerance |A^+ b|. r = b - A x itself is carried
    along, not only A^+ r (Hestenes and Stiefel, J. Res. NBS 49 (1952) 409, section 10). Stops early at a step of zero or NaN.
    """
    x, r = operator.zeros(b), operator.copied(b)
    p, q, s = (operator.zeros(b) for _ in range(3))
    operator.apply_dagger(r, p)
    slope2 = operator.norm2(p)
    tested2 = slope2 if base2 is None else operator.norm2(r)
    target2 = tolerance**2 * (slope2 if base2 is None else base2)
    iterations = np.zeros(len(slope2), dtype=int)
    while np.any(active := tested2 > target2) and iterations.max() < limit:
        operator.apply(p, q)
        step = ratio(slope2, operator.norm2(q), active)
        if stuck(step, active):
            break
        operator.axpy(step, p, x)
        operator.axpy(-step, q, r)
        operator.apply_dagger(r, s)
        before2, slope2 = slope2, operator.norm2(s)
        tested2 = slope2 if base2 is None else operator.norm2(r)
        operator.xpay(s, ratio(slope2, before2, active), p)
        iterations += active
    rounds = int(iterations.max())
    return Found(x, iterations, relative(tested2, target2) * tolerance, 2 * rounds + 1, (6 - (base2 is None)) * REAL * rounds)


def bicgstab(operator: Operator, b: Any, tolerance: float, base2: Array, limit: int) -> Found:
    """Solve A x = b by stabilised biconjugate gradients until |r|^2 <= tolerance^2 base2, for at most `limit` iterations.

    Source: van der Vorst, SIAM J. Sci. Stat. Comput. 13 (1992) 631. Stops early at a step of zero or NaN: a breakdown.
    """
    x, r = operator.zeros(b), operator.copied(b)
    shadow, p, v, t = operator.copied(r), operator.copied(r), operator.zeros(b), operator.zeros(b)
    rho, left2, target2 = operator.dot(shadow, r), operator.norm2(r), tolerance**2 * base2
    iterations = np.zeros(len(target2), dtype=int)
    while np.any(active := left2 > target2) and iterations.max() < limit:
        operator.apply(p, v)
        alpha = ratio(rho, operator.dot(shadow, v), active)
        if stuck(alpha, active):
            break
        operator.axpy(-alpha, v, r)
        operator.apply(r, t)
        omega = ratio(operator.dot(t, r), operator.norm2(t), active)
        if stuck(omega, active):
            break
        operator.axpy(alpha, p, x)
        operator.axpy(omega, r, x)
        operator.axpy(-omega, t, r)
        before, rho, left2 = rho, operator.dot(shadow, r), operator.norm2(r)
        operator.axpy(-omega, v, p)
        operator.xpay(r, ratio(rho, before, active) * ratio(alpha, omega, active), p)
        iterations += active
    rounds = int(iterations.max())
    return Found(x, iterations, relative(left2, base2), 2 * rounds, (9 * COMPLEX + 2 * REAL) * rounds)


def cg_mixed(outer: Operator, inner: Operator, b: Any, tolerance: float, base2: Array | None, limit: int) -> Found:
    """Solve as `cg` does, with vectors and products of `inner`, of lower precision, and reliable updates by `outer`.

    Whenever what is tested has fallen by a fixed factor for some source, what was found is added to x in high precision, and r
    and A^+ r are recomputed from b; the search direction goes on (Sleijpen and van der Vorst, Computing 56 (1996) 141). Only
    recomputed values declare convergence, so the recursive residual is the true one of A.
    """
    x, r, slope = outer.zeros(b), outer.copied(b), outer.zeros(b)
    low, gained, q, s = inner.copied(b), inner.zeros(b), inner.zeros(b), inner.zeros(b)
    outer.apply_dagger(r, slope)
    p, slope2 = inner.copied(slope), outer.norm2(slope)
    tested2 = since2 = slope2 if base2 is None else outer.norm2(b)
    target2 = tolerance**2 * (slope2 if base2 is None else base2)
    iterations, updates, one = np.zeros(len(slope2), dtype=int), 0, np.ones(len(slope2))
    while np.any(active := tested2 > target2) and iterations.max() < limit:
        inner.apply(p, q)
        step = ratio(slope2, inner.norm2(q), active)
        if stuck(step, active):
            break
        inner.axpy(step, p, gained)
        inner.axpy(-step, q, low)
        inner.apply_dagger(low, s)
        before2, slope2 = slope2, inner.norm2(s)
        tested2 = np.where(active, slope2 if base2 is None else inner.norm2(low), tested2)
        if np.any(active & (tested2 <= np.maximum(DROP * since2, target2))):
            outer.axpy(one, outer.copied(gained), x)
            outer.apply(x, r)
            outer.xpay(b, -one, r)
            outer.apply_dagger(r, slope)
            low, s, gained, updates = inner.copied(r), inner.copied(slope), inner.zeros(b), updates + 1
            slope2 = outer.norm2(slope)
            tested2 = since2 = slope2 if base2 is None else outer.norm2(r)
        inner.xpay(s, ratio(slope2, before2, active), p)
        iterations += active
    rounds, passes = int(iterations.max()), 6 - (base2 is None)
    left = relative(tested2, target2) * tolerance
    return Found(x, iterations, left, 2 * (rounds + updates) + 1, passes * REAL * rounds + 4 * REAL * updates)


def ratio(above: Array, below: Array, active: Array) -> Array:
    """Return above / below where a source is active, else 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = np.where(active, above / below, 0)
    return ratio


def relative(norm2: Array, base2: Array) -> Array:
    """Return the ratio of norms, 0 where both are 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = np.where((norm2 == 0) & (base2 == 0), 0, np.sqrt(norm2 / base2))
    return ratio


def stuck(step: Array, active: Array) -> bool:
    """Tell whether an active source cannot go on."""
    return bool(np.any(active & ((step == 0) | ~np.isfinite(step))))
