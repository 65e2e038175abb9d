"""Complex numbers, four-vectors, spinors and field tensors of them, for bodies of blocks; what is real costs what reals cost.

An imaginary part that is the number 0 is folded away when a block is traced. Vectors are (t, x, y, z) with metric + - - -; a
Dirac spinor is (left 1, left 2, right 1, right 2) in the Weyl basis: gamma^0 = ((0, 1), (1, 0)), gamma^i = ((0, s_i), (-s_i, 0)).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ngtbench.codegen.kernel import Reals

METRIC = (1, -1, -1, -1)
PLANES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))  # components of an antisymmetric tensor


@dataclass(frozen=True)
class Z:
    """A complex number."""

    re: Any
    im: Any = 0

    def __add__(self, other: "Z") -> "Z":
        return Z(self.re + other.re, self.im + other.im)

    def __sub__(self, other: "Z") -> "Z":
        return Z(self.re - other.re, self.im - other.im)

    def __mul__(self, other: "Z") -> "Z":
        return Z(self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re)

    def __neg__(self) -> "Z":
        return Z(-self.re, -self.im)

    def scaled(self, factor: Any) -> "Z":
        """Multiply by a real number."""
        return Z(factor * self.re, factor * self.im)

    def turned(self) -> "Z":
        """Multiply by i."""
        return Z(-self.im, self.re)

    def plus(self, a: "Z", b: "Z") -> "Z":
        """Return self + a b as a chain of fused multiply-adds."""
        return Z((self.re + a.re * b.re) - a.im * b.im, (self.im + a.re * b.im) + a.im * b.re)

    def minus(self, a: "Z", b: "Z") -> "Z":
        """Return self - a b as a chain of fused multiply-adds."""
        return Z((self.re - a.re * b.re) + a.im * b.im, (self.im - a.re * b.im) - a.im * b.re)


Vector = Sequence[Z]


def complexes(reals: Reals) -> list[Z]:
    """Return numbers stored as all real parts, then all imaginary parts."""
    half = len(reals) // 2
    return [Z(re, im) for re, im in zip(reals[:half], reals[half:], strict=True)]


def numbers(reals: Reals, count: int) -> list[Z]:
    """Return so many numbers, real ones if there are no more reals than that."""
    return [Z(re) for re in reals] if len(reals) == count else complexes(reals)


def flat(values: Vector, real: bool = False) -> list[Any]:
    """Return all real parts, then all imaginary parts unless there are none."""
    return [value.re for value in values] + ([] if real else [value.im for value in values])


def dot(a: Vector, b: Vector) -> Z:
    """Return a.b of four-vectors."""
    return added_dot(a[0] * b[0], a, b, range(1, 4))


def added_dot(total: Z, a: Vector, b: Vector, components: Sequence[int] = range(4), sign: int = 1) -> Z:
    """Return total + sign x the metric product of these components."""
    for c in components:
        total = total.plus(a[c], b[c]) if METRIC[c] == sign else total.minus(a[c], b[c])
    return total


def contracted(sums: Vector, vector: Vector, tensor: Vector, sign: int) -> list[Z]:
    """Return sums^n + sign x vector_m T^mn; T^mn by PLANES."""
    out = list(sums)
    for (m, n), value in zip(PLANES, tensor, strict=True):  # T^mn and T^nm = -T^mn
        for (i, j), s in (((m, n), sign), ((n, m), -sign)):
            out[j] = out[j].plus(vector[i], value) if METRIC[i] * s == 1 else out[j].minus(vector[i], value)
    return out


def slashed(sums: Vector, vector: Vector, spinor: Vector) -> list[Z]:
    """Return sums + gamma.v spinor."""
    t, x, y, z = vector
    minus, plus = (t - z, t + z), (x - y.turned(), x + y.turned())
    l1, l2, r1, r2 = spinor
    return [
        sums[0].plus(minus[0], r1).minus(plus[0], r2),
        sums[1].minus(plus[1], r1).plus(minus[1], r2),
        sums[2].plus(minus[1], l1).plus(plus[0], l2),
        sums[3].plus(plus[1], l1).plus(minus[0], l2),
    ]


def slashed_row(sums: Vector, row: Vector, vector: Vector) -> list[Z]:
    """Return sums + row gamma.v."""
    t, x, y, z = vector
    minus, plus = (t - z, t + z), (x - y.turned(), x + y.turned())
    l1, l2, r1, r2 = row
    return [
        sums[0].plus(r1, minus[1]).plus(r2, plus[1]),
        sums[1].plus(r1, plus[0]).plus(r2, minus[0]),
        sums[2].plus(l1, minus[0]).minus(l2, plus[1]),
        sums[3].minus(l1, plus[0]).plus(l2, minus[1]),
    ]


def product(total: Z, row: Vector, spinor: Vector, sign: int = 1) -> Z:
    """Return total + sign x row.spinor."""
    for a, b in zip(row, spinor, strict=True):
        total = total.plus(a, b) if sign == 1 else total.minus(a, b)
    return total


def current(row: Vector, spinor: Vector) -> list[Z]:
    """Return row gamma^m spinor."""
    l1, l2, r1, r2 = row  # l: multiplies left components, which gamma^m makes of right ones
    a, b, c, d = spinor
    up, down = (l1 * c, l2 * d), (r1 * a, r2 * b)  # diagonal of sigma_3
    cross, back = (l1 * d, l2 * c), (r1 * b, r2 * a)
    return [
        (up[0] + up[1]) + (down[0] + down[1]),
        (cross[0] + cross[1]) - (back[0] + back[1]),
        (cross[1] - cross[0]).turned() - (back[1] - back[0]).turned(),
        (up[0] - up[1]) - (down[0] - down[1]),
    ]
