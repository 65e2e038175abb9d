"""Complex numbers as pairs of reals, and SU(3) links in 18, 12 or 8 of them, for bodies of kernels."""

from typing import Any

from ngtbench.codegen.kernel import Reals
from ngtbench.codegen.trace import larger, sqrt

Complex = tuple[Any, Any]  # real and imaginary part
Matrix = list[list[Complex]]


def pairs(reals: Reals) -> list[Complex]:
    """Return complex numbers as (real, imaginary)."""
    return list(zip(reals[::2], reals[1::2], strict=True))


def flat(numbers: list[Complex]) -> list[Any]:
    """Return the real numbers of complex ones."""
    return [part for number in numbers for part in number]


def turned(phase: complex, z: Complex) -> Complex:
    """Multiply by 1, -1, i or -i."""
    re, im = z
    return {1: (re, im), -1: (-re, -im), 1j: (-im, re), -1j: (im, -re)}[phase]


def plus(a: Complex, b: Complex) -> Complex:
    """Add."""
    return a[0] + b[0], a[1] + b[1]


def scaled(factor: Any, z: Complex) -> Complex:
    """Multiply by a real number."""
    return factor * z[0], factor * z[1]


def squared(numbers: list[Complex]) -> Any:
    """Return the sum of |z|^2."""
    return sum((part * part for part in flat(numbers)), start=0)


def overlap(left: list[Complex], right: list[Complex]) -> Complex:
    """Return sum conj(left) right."""
    total: Complex = (0, 0)
    for a, b in zip(left, right, strict=True):
        total = plus(total, _conj_times(a, b))
    return total


def times(a: Complex, b: Complex) -> Complex:
    """Multiply."""
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def link(reals: Reals, mu: int, kept: int) -> Matrix:
    """Return the link of direction mu of a site that keeps so many reals of each."""
    elements = reals[kept * mu : kept * (mu + 1)]
    if kept == 8:
        return rebuilt_8(elements)
    numbers = pairs(elements)
    rows = [numbers[a : a + 3] for a in range(0, len(numbers), 3)]
    return rows if kept == 18 else [*rows, _cross(*rows)]


def row(matrix: Matrix, a: int, vectors: list[list[Complex]], dagger: bool) -> list[Complex]:
    """Return component a of U v or U^+ v for each vector v.

    Real and imaginary parts are chains of fused multiply-adds; all vectors advance together, so that an element of the link is
    loaded once and not kept.
    """
    sums: list[Complex] = [(0, 0) for _ in vectors]
    for b in range(3):
        ur, ui = matrix[b][a] if dagger else matrix[a][b]
        for k, vector in enumerate(vectors):
            vr, vi = vector[b]
            sums[k] = (sums[k][0] + ur * vr, sums[k][1] + ur * vi)
        for k, vector in enumerate(vectors):
            vr, vi = vector[b]
            re, im = sums[k]
            sums[k] = (re + ui * vi, im - ui * vr) if dagger else (re - ui * vi, im + ui * vr)
    return sums


def rebuilt_8(reals: Reals) -> Matrix:
    """Return U = (a, b, c) from tan(arg a1 / 2), tan(arg c1 / 2), a2, a3, b1 (Bunk and Sommer's eight, angles by their tangents).

    |a1|^2 = 1 - n, |c1|^2 = n - |b1|^2 with n = |a2|^2 + |a3|^2. b2 and b3 follow from b orthogonal to a and c = conj(a x b),
    by a division by n: links whose a is nearly (a1, 0, 0) cannot be kept so.
    """
    tan_a, tan_c = reals[0], reals[1]
    a2, a3, b1 = pairs(reals[2:])
    n = squared([a2, a3])
    a1 = _polar(sqrt(larger(1 - n, 0.0)), tan_a)
    c1 = _polar(sqrt(larger(n - squared([b1]), 0.0)), tan_c)
    inverse = 1 / n
    along = _conj_times(a1, b1)
    b2 = scaled(-inverse, plus(times(along, a2), _conj_times(a3, _conj(c1))))
    b3 = scaled(inverse, plus(_conj_times(a2, _conj(c1)), turned(-1, times(along, a3))))
    a, b = [a1, a2, a3], [b1, b2, b3]
    return [a, b, [c1, *_cross(a, b)[1:]]]


def _polar(radius: Any, tangent: Any) -> Complex:
    """Return radius x exp(i angle), tangent = tan(angle / 2)."""
    square = tangent * tangent
    scale = radius / (1 + square)
    return scale * (1 - square), scale * (2 * tangent)


def _cross(a: list[Complex], b: list[Complex]) -> list[Complex]:
    """Return conj(a x b), the third row of SU(3)."""
    third = []
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        first, second = times(a[i], b[j]), times(a[j], b[i])
        third.append((first[0] - second[0], second[1] - first[1]))
    return third


def _conj(a: Complex) -> Complex:
    return a[0], -a[1]


def _conj_times(a: Complex, b: Complex) -> Complex:
    return a[0] * b[0] + a[1] * b[1], a[0] * b[1] - a[1] * b[0]
