"""The blocks of gluons: brackets of currents, the tensor of the four-gluon vertex, and what closes amplitudes of gluons.

Equations and conventions are those of `blocks`.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from ngtbench.codegen.kernel import Reals
from ngtbench.codegen.tape import Kind, Term
from ngtbench.kernels.amplitudes import numbers
from ngtbench.kernels.amplitudes.numbers import Vector, Z

_HALF = 0.5
_SIGNS = (("plus", 1), ("minus", -1))


@cache
def gluon(real: bool) -> Kind:
    """Currents of gluons: J = (2 / p^2) sum of brackets, halved, and of sources. Extras: p, 2 / p^2."""

    def finish(sums: Reals, p: Reals, inverse: Reals, **_: Any) -> Reals:
        return numbers.flat([value.scaled(inverse[0]) for value in _ended(sums, p)], real)

    return Kind(f"gluon{'' if real else '_complex'}", (4, 1), 5 if real else 10, _gluon_terms(real), 4 if real else 8, finish)


@cache
def gluon_closed() -> Kind:
    """Amplitudes of gluons: p^2 J . epsilon of the last one. Extras: p, epsilon."""

    def finish(sums: Reals, p: Reals, epsilon: Reals, **_: Any) -> Reals:
        return [2 * numbers.dot(_ended(sums, p), numbers.numbers(epsilon, 4)).re]

    return Kind("gluon_closed", (4, 4), 5, _gluon_terms(True), 1, finish)


@cache
def tensor(real: bool) -> Kind:
    """Half of T, for the four-gluon vertex."""

    def body(sums: Reals, *given: Reals, **_: Any) -> Reals:
        total, (a, b) = numbers.numbers(sums, 6), (numbers.numbers(one, 4) for one in given)
        wedge = [value.plus(a[m], b[n]).minus(a[n], b[m]) for value, (m, n) in zip(total, numbers.PLANES, strict=True)]
        return numbers.flat(wedge, real)

    count = 6 if real else 12
    terms = tuple(Term(f"wedge_{a}{b}", (a, b), body) for a, b in ([(4, 4)] if real else [(4, 8), (8, 4), (8, 8)]))
    return Kind(
        f"tensor{'' if real else '_complex'}", (), count, terms, count, lambda sums, **_: [_HALF * value for value in sums]
    )


def _gluon_terms(real: bool) -> tuple[Term, ...]:
    """Add to J without its part along p, and to how much of that part there is."""

    def bracket(sums: Reals, p: Reals, _: Reals, p_a: Reals, a: Reals, b: Reals, **__: Any) -> Reals:
        total, along = (
            numbers.numbers(sums[:4], 4) if real else numbers.complexes([*sums[:4], *sums[5:9]]),
            Z(sums[4], 0 if real else sums[9]),
        )
        first, second, whole, part = (numbers.numbers(one, 4) for one in (a, b, p, p_a))
        if real:
            on_b, on_a = numbers.dot(whole, first), numbers.dot(whole, second)
        else:  # currents that quarks emit are conserved only where no width spoils it
            on_b = numbers.dot([w - v.scaled(_HALF) for w, v in zip(whole, part, strict=True)], first)
            on_a = numbers.dot([(w + v).scaled(_HALF) for w, v in zip(whole, part, strict=True)], second)
        both = numbers.dot(first, second)
        out = [
            value.plus(on_b, y).minus(on_a, x).plus(both, k) for value, x, y, k in zip(total, first, second, part, strict=True)
        ]
        return _packed(out, along + both, real)

    def four(sign: int) -> Callable[..., Reals]:
        def body(sums: Reals, p: Reals, _: Reals, tensor: Reals, vector: Reals, **__: Any) -> Reals:
            total = numbers.numbers(sums[:4], 4) if real else numbers.complexes([*sums[:4], *sums[5:9]])
            out = numbers.contracted(total, numbers.numbers(vector, 4), numbers.numbers(tensor, 6), sign)
            return _packed(out, Z(sums[4], 0 if real else sums[9]), real)

        return body

    def source(factor: float) -> Callable[..., Reals]:
        def body(sums: Reals, p: Reals, _: Reals, vector: Reals, **__: Any) -> Reals:
            total = numbers.complexes([*sums[:4], *sums[5:9]])
            out = [value + one.scaled(factor) for value, one in zip(total, numbers.complexes(vector), strict=True)]
            return _packed(out, Z(sums[4], sums[9]), real)

        return body

    kinds = [(4, 4)] if real else [(4, 8), (8, 4), (8, 8)]
    terms = [Term(f"bracket_{a}{b}", (4, a, b), bracket) for a, b in kinds]
    terms += [
        Term(f"four_{name}_{t}{b}", (t, b), four(sign))
        for t, b in (((6, 4),) if real else ((6, 8), (12, 4), (12, 8)))
        for name, sign in _SIGNS
    ]
    sources = [Term(f"source_{name}", (8,), source(sign * _HALF)) for name, sign in _SIGNS]
    return tuple(terms) if real else (*terms, *sources)


def _packed(total: Vector, along: Z, real: bool) -> Reals:
    return [*(v.re for v in total), along.re] if real else [*(v.re for v in total), along.re, *(v.im for v in total), along.im]


def _ended(sums: Reals, p: Reals) -> list[Z]:
    """Return half of p^2 J."""
    real = len(sums) == 5
    total = numbers.numbers(sums[:4], 4) if real else numbers.complexes([*sums[:4], *sums[5:9]])
    along = Z(sums[4], 0 if real else sums[9]).scaled(-_HALF)
    return [value.plus(along, k) for value, k in zip(total, numbers.numbers(p, 4), strict=True)]
