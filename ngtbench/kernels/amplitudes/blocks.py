"""The building blocks of amplitudes: wave functions, propagators, currents and what closes them, as kinds of a tape's operations.

Conventions: all particles leave, momentum p(S) of a set is the sum of theirs. Fields are matrices in colour, the coupling is 1:
    p^2 J = sum [A, B] + source,  (pslash + m) psi = Aslash psi,  psibar (pslash - m) = -psibar Aslash,
    [A, B]^n = 2 (p_B.A) B^n - 2 (p_A.B) A^n + (p_A - p_B)^n A.B + B_m T_A^mn - A_m T_B^mn,  T^mn = sum A^m B^n - A^n B^m,
the classical equations in Feynman gauge (Berends, Giele, Nucl. Phys. B306 (1988) 759; with T, Mafra, Schlotterer,
arXiv:1510.08846), whose sums over the splittings of a colour word are its currents. External gluons are two real vectors each,
transverse in the frame of the momenta and without a time component: sums over them equal sums over helicities, and currents of
gluons stay real, a quarter of the arithmetic.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product as pairs_of
from typing import Any

from ngtbench.codegen.kernel import Reals
from ngtbench.codegen.tape import Kind, Term
from ngtbench.codegen.trace import signum, sqrt
from ngtbench.kernels.amplitudes import numbers
from ngtbench.kernels.amplitudes.numbers import Vector, Z

SCALARS = ("mass", "mass_width")  # m and m x Gamma of the top quark, GeV and GeV^2
_HALF = 0.5
_ROOT_HALF = 0.5**0.5


@cache
def momentum() -> Kind:
    """Sum of momenta that leave and enter."""
    return Kind("momentum", (), 4, (Term("out", (4,), _added), Term("in", (4,), _taken)), 4, lambda sums, **_: sums)


@cache
def inverse(quark: bool, width: bool) -> Kind:
    """Return 2 / p^2, or for a quark 1 / (p^2 - m^2 + i m Gamma), from the pairs of momenta in p.

    p^2 is the sum of 2 p_i.p_j, which in soft limits keeps every digit; a top quark among them has its mass subtracted.
    """

    def finish(sums: Reals, *, mass_width: Any, **_: Any) -> Reals:
        if not quark:
            return [1 / sums[0]]
        square = 2 * sums[0]
        if not width:
            return [1 / square]
        norm = 1 / (square * square + mass_width * mass_width)
        return [square * norm, -(mass_width * norm)]

    def pair(sign: int) -> Callable[..., Reals]:
        return lambda sums, a, b, **_: [numbers.added_dot(Z(sums[0]), numbers.numbers(a, 4), numbers.numbers(b, 4), sign=sign).re]

    terms = (Term("alike", (4, 4), pair(1)), Term("opposite", (4, 4), pair(-1)))
    return Kind(f"inverse{'_quark' * quark}{'_width' * width}", (), 1, terms, 1 + width, finish)


@cache
def polarisation(sampled: bool) -> Kind:
    """Two transverse unit vectors (Duff et al., JCGT 6 (2017) 1: without a branch, for every direction), or the one chosen.

    Extras: p, and, if `sampled`, 0 or 1.
    """

    def finish(sums: Reals, p: Reals, *choice: Reals, **_: Any) -> Reals:
        x, y, z = (p[c] / p[0] for c in (1, 2, 3))
        sign = signum(z)
        a = -1 / (sign + z)
        b = x * y * a
        first, second = [0, 1 + sign * x * x * a, sign * b, -(sign * x)], [0, b, sign + y * y * a, -y]
        return _chosen(first, second, choice[0][0]) if sampled else [*first, *second]

    return Kind(f"polarisation{'_sampled' * sampled}", (4, 1) if sampled else (4,), 0, (), 4 if sampled else 8, finish)


@cache
def top(row: bool, spins: int, sampled: bool) -> Kind:
    """Spinors of outgoing top quarks: ubar(p, s), or v(p, s), in so many of the two states s along z at rest, or the one chosen.

    Extras: p, and, if `sampled`, 0 or 1.
    """

    def finish(sums: Reals, p: Reals, *choice: Reals, mass: Any, **_: Any) -> Reals:
        states = [_top(row, spin, p, mass) for spin in range(2 if sampled else spins)]
        return _chosen(states[0], states[-1], choice[0][0]) if sampled else [part for state in states for part in state]

    name = f"top_{'row' if row else 'column'}_{spins}{'_sampled' * sampled}"
    return Kind(name, (4, 1) if sampled else (4,), 0, (), 8 * spins, finish)


def _top(row: bool, spin: int, p: Reals, mass: Any) -> list[Any]:
    """Return ((m + p.sigma) chi, (m + p.sigmabar) chi) / sqrt(2 (E + m)) as u, with a minus as v, conjugate as ubar."""
    e, x, y, z = p
    norm, up = 1 / sqrt(2 * (e + mass)), (spin == 0) == row  # chi = (1, 0) or (0, 1); v(s) has the other one
    diagonal, cross = (z, Z(x, y)) if up else (-z, Z(x, -y))
    low, high = ([Z(e + mass - s * diagonal), -cross.scaled(s)] for s in (1, -1))
    low, high = (half if up else half[::-1] for half in (low, high))
    spinor = [*high, *low] if row else [*low, *(-value for value in high)]
    values = [value.scaled(norm) for value in spinor]
    return numbers.flat([Z(value.re, -value.im) for value in values] if row else values)


def _chosen(first: list[Any], second: list[Any], choice: Any) -> list[Any]:
    """Return the first if the choice is 0, the second if it is 1."""
    return [a + choice * (b - a) for a, b in zip(first, second, strict=True)]


@cache
def massless(row: bool, right: bool) -> Kind:
    """Return the spinor of a massless quark of one chirality, as ubar and vbar or as u and v, which are the same.

    chi chi^+ = E -+ p.sigma, made from the column of it whose norm is the larger one.
    """

    def finish(sums: Reals, p: Reals, **_: Any) -> Reals:
        e, x, y, z = p if right else (p[0], -p[1], -p[2], -p[3])
        sign = signum(x)
        norm = _ROOT_HALF / sqrt(e + sign * x)
        spinor = [Z(norm * ((e + z) + sign * x), -(norm * (sign * y))), Z(norm * (x + sign * (e - z)), norm * y)]
        return numbers.flat([Z(value.re, -value.im) for value in spinor] if row else spinor)

    return Kind(f"massless_{'row' if row else 'column'}_{'right' if right else 'left'}", (4,), 0, (), 4, finish)


@cache
def quark(row: bool, spins: int, right: bool | None, bare: bool, width: bool) -> Kind:
    """Currents of quarks: Aslash psi, and with the propagator applied unless `bare`; of chirality `right` unless massive.

    Extras unless bare: p, 1 / (p^2 - m^2).
    """
    size = 8 * spins if right is None else 4
    here, there = (
        (None, None) if right is None else (right ^ row, not right ^ row)
    )  # the half of spinors, before and behind a vertex

    def term(sign: int) -> Callable[..., Reals]:
        def body(sums: Reals, *given: Reals, **_: Any) -> Reals:
            vector, spinors = given[-2:]
            field = [value if sign == 1 else -value for value in numbers.numbers(vector, 4)]
            pairs = zip(spread(sums, there), spread(spinors, here), strict=True)
            return kept([_vertex(row, total, field, one) for total, one in pairs], there)

        return body

    def finish(sums: Reals, p: Reals, inverse: Reals, *, mass: Any, **_: Any) -> Reals:
        """Apply (pslash - m) / (p^2 - m^2), to a row -(pslash + m) / (p^2 - m^2)."""
        momentum, factor, out = [-v if row else v for v in numbers.numbers(p, 4)], numbers.numbers(inverse, 1)[0], []
        for total in spread(sums, there):
            start = [Z(0)] * 4 if right is not None else [value.scaled(-mass) for value in total]
            out.append([value * factor for value in _vertex(row, start, momentum, total)])
        return kept(out, here)

    terms = tuple(
        Term(f"{name}_{size_of}", (size_of, size), term(sign))
        for size_of in (4, 8)
        for name, sign in (("plus", 1), ("minus", -1))
    )
    name = f"{'row' if row else 'column'}{_chirality(right)}_{spins}{'_bare' * bare}{'_width' * width}"
    if bare:
        return Kind(name, (), size, terms, size, lambda sums, **_: sums)
    return Kind(name, (4, 1 + width), size, terms, size, finish)


@cache
def current(rows: int, columns: int, right: bool | None) -> Kind:
    """Psibar gamma psi of every spin of a row and of a column. Extras: the row, the column."""

    def finish(sums: Reals, row: Reals, column: Reals, **_: Any) -> Reals:
        lefts, rights = spread(row, None if right is None else not right), spread(column, right)
        return [part for psi, psibar in pairs_of(rights, lefts) for part in numbers.flat(numbers.current(psibar, psi))]

    sizes = (4, 4) if right is not None else (8 * rows, 8 * columns)
    return Kind(f"current{_chirality(right)}_{rows}{columns}", sizes, 0, (), 8 * rows * columns, finish)


@cache
def closed(rows: int, columns: int, right: bool | None) -> Kind:
    """Amplitudes of a quark line: currents with gluons, and left with right parts of the line, real and imaginary part each."""
    count = rows * columns

    def dotted(sign: int) -> Callable[..., Reals]:
        def body(sums: Reals, gluon: Reals, currents: Reals, **_: Any) -> Reals:
            field = numbers.numbers(gluon, 4)
            vectors = [numbers.complexes(currents[8 * k : 8 * k + 8]) for k in range(count)]
            totals = [Z(*sums[2 * k : 2 * k + 2]) for k in range(count)]
            return [
                part
                for total, one in zip(totals, vectors, strict=True)
                for part in numbers.flat([numbers.added_dot(total, one, field, sign=sign)])
            ]

        return body

    def joined(sign: int) -> Callable[..., Reals]:
        def body(sums: Reals, row: Reals, column: Reals, **_: Any) -> Reals:
            lefts, rights = (
                spread(row, None if right is None else not right),
                spread(column, None if right is None else not right),
            )
            totals = [Z(*sums[2 * k : 2 * k + 2]) for k in range(count)]
            return [
                part
                for total, (psi, psibar) in zip(totals, pairs_of(rights, lefts), strict=True)
                for part in numbers.flat([numbers.product(total, psibar, psi, sign)])
            ]

        return body

    sizes = (4, 4) if right is not None else (8 * rows, 8 * columns)
    terms = [Term(f"dot_{name}_{size}", (size, 8 * count), dotted(sign)) for size in (4, 8) for name, sign in _SIGNS]
    terms += [Term(f"join_{name}", sizes, joined(sign)) for name, sign in _SIGNS]
    return Kind(f"closed{_chirality(right)}_{rows}{columns}", (), 2 * count, tuple(terms), 2 * count, lambda sums, **_: sums)


_SIGNS = (("plus", 1), ("minus", -1))


def spread(reals: Reals, lower: bool | None) -> list[Vector]:
    """Return Dirac spinors: whole ones, or the lower or upper halves of one, its other half 0."""
    if lower is None:
        return [numbers.complexes(reals[start : start + 8]) for start in range(0, len(reals), 8)]
    half, none = numbers.complexes(reals), [Z(0), Z(0)]
    return [[*none, *half] if lower else [*half, *none]]


def kept(spinors: Sequence[Vector], lower: bool | None) -> Reals:
    """Return the reals of Dirac spinors, or of the lower or upper half of one."""
    if lower is None:
        return [part for spinor in spinors for part in numbers.flat(spinor)]
    return numbers.flat(spinors[0][2:] if lower else spinors[0][:2])


def _vertex(row: bool, total: Vector, vector: Vector, spinor: Vector) -> list[Z]:
    return numbers.slashed_row(total, spinor, vector) if row else numbers.slashed(total, vector, spinor)


def _chirality(right: bool | None) -> str:
    return "" if right is None else "_right" if right else "_left"


def _added(sums: Reals, p: Reals, **_: Any) -> Reals:
    return [a + b for a, b in zip(sums, p, strict=True)]


def _taken(sums: Reals, p: Reals, **_: Any) -> Reals:
    return [a - b for a, b in zip(sums, p, strict=True)]
