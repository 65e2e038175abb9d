"""The even-odd Wilson and clover matrix in array operations, one text for NumPy, PyTorch and CuPy.

M = A - kappa D with A = 1 + 2 kappa c_sw C. On even sites (x+y+z+t even) that leaves Mhat = A_e - kappa^2 D_eo A_o^-1 D_oe:
M x = b is Mhat x_e = b_e + kappa D_eo A_o^-1 b_o and x_o = A_o^-1 (b_o + kappa D_oe x_e). All extents are even. Then the
residual of the full system vanishes on odd sites and is that of Mhat on even ones: |b - M x| = |rhs - Mhat x_e|.
Vectors of one parity: (sources, 4 spins, 3 colours, sites / 2), sites in C order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.kernels.lattice.krylov import relative
from ngtbench.kernels.lattice.wilson import Parity, sites
from ngtbench.model.workload import Array

EVEN, ODD = 0, 1
_PARITIES: tuple[Parity, Parity] = ("even", "odd")
Hop = Callable[[Any, Any], None]  # (x, out): write D x, from vectors of one parity to those of the other


@dataclass(frozen=True)
class Library:
    """An array library: its module, how a host array gets to its device, and its hopping term onto the sites of a parity."""

    xp: Any
    put: Callable[[Array], Any]
    hop: Callable[[Any, Sequence[complex], Parity], Hop]  # (links, boundary, parity)


class EvenOdd:
    """M and Mhat in the precision of `links`; `blocks[x, y, z, t, chirality, i, j]` are C, needed where csw is not 0."""

    def __init__(
        self,
        library: Library,
        links: Any,
        boundary: Sequence[complex],
        kappa: float,
        csw: float = 0.0,
        blocks: Array | None = None,
    ) -> None:
        shape = links.shape[1:5]
        self._kappa, self._xp, self.dtype, self.clover = kappa, library.xp, links.dtype, csw != 0
        self._near: Any = None
        self._room: Any = None
        self._hop = [library.hop(links, boundary, parity) for parity in _PARITIES]
        chosen = [sites(shape, parity) for parity in _PARITIES]
        self._numbers = [library.put((own * 12 + np.arange(12)[:, None]).ravel()) for own in chosen]
        if self.clover:
            assert blocks is not None
            a = np.eye(6) + 2 * kappa * csw * blocks.reshape(-1, 2, 6, 6).astype(np.complex128)
            kept = (a[chosen[EVEN]], a[chosen[ODD]], np.linalg.inv(a[chosen[ODD]]))
            self._diagonal = [self.copied(library.put(np.ascontiguousarray(m.transpose(1, 2, 3, 0)))) for m in kept]

    def apply(self, x: Any, out: Any) -> None:
        """Write Mhat x to `out`."""
        near = self._odd(x)
        self._hop[ODD](x, near)
        self._hop[EVEN](self._inverted(near), out)
        out *= -(self._kappa**2)
        self._add_diagonal(EVEN, x, out)

    def apply_dagger(self, x: Any, out: Any) -> None:
        """Write Mhat^+ x = gamma_5 Mhat gamma_5 x to `out`; gamma_5 is diag(1, 1, -1, -1), and x is turned there and back."""
        x[:, 2:] *= -1
        self.apply(x, out)
        x[:, 2:] *= -1
        out[:, 2:] *= -1

    def prepare_source(self, b_even: Any, b_odd: Any) -> Any:
        """Return the right-hand side of Mhat x_e."""
        rhs = self.zeros(b_even)
        self._hop[EVEN](self._inverted(self.copied(b_odd)), rhs)
        rhs *= self._kappa
        rhs += b_even
        return rhs

    def reconstruct(self, x_even: Any, b_odd: Any) -> Any:
        """Return x on odd sites."""
        rest = self.zeros(b_odd)
        self._hop[ODD](x_even, rest)
        rest *= self._kappa
        rest += b_odd
        return self._inverted(rest)

    def residual(self, x: tuple[Any, Any], b: tuple[Any, Any]) -> Array:
        """Return |b - M x| / |b| of the whole lattice, per source; x and b are (even, odd)."""
        left2, r = np.zeros(len(x[EVEN])), self.zeros(x[EVEN])
        for parity in (EVEN, ODD):
            self._hop[parity](x[1 - parity], r)
            r *= -self._kappa
            self._add_diagonal(parity, x[parity], r)
            r -= b[parity]
            left2 += self.norm2(r)
        return relative(left2, self.norm2(b[EVEN]) + self.norm2(b[ODD]))

    def split(self, canonical: Any) -> tuple[Any, Any]:
        """Return fields[source, x, y, z, t, spin, colour] by parity, in this precision."""
        flat = canonical.reshape(len(canonical), -1)
        even, odd = (self.copied(flat[:, index].reshape(len(flat), 4, 3, -1)) for index in self._numbers)
        return even, odd

    def join(self, even: Any, odd: Any, canonical: Any) -> Any:
        """Return both parities as fields[source, x, y, z, t, spin, colour], shaped like the array given."""
        joined = self._xp.empty_like(canonical)
        flat = joined.reshape(len(joined), -1)
        for index, half in zip(self._numbers, (even, odd), strict=True):
            flat[:, index] = half.reshape(len(flat), -1)
        return joined

    def dot(self, x: Any, y: Any) -> Array:
        """Return <x, y> per source."""
        pairs = zip(x, y, strict=True)
        return np.array([complex(self._xp.vdot(a.reshape(-1), b.reshape(-1))) for a, b in pairs])

    def norm2(self, x: Any) -> Array:
        """Return |x|^2 per source."""
        return self.dot(x, x).real

    def axpy(self, scale: Array, x: Any, y: Any) -> None:
        """Add scale x to y."""
        room = self._one(x)
        for a, one, other in zip(scale.tolist(), x, y, strict=True):
            self._xp.multiply(one, a, out=room)
            other += room

    def xpay(self, x: Any, scale: Array, y: Any) -> None:
        """Overwrite y by x + scale y."""
        for a, one, other in zip(scale.tolist(), x, y, strict=True):
            other *= a
            other += one

    def copied(self, x: Any) -> Any:
        """Return a copy in this precision."""
        copy = self._xp.empty_like(x, dtype=self.dtype)
        copy[...] = x
        return copy

    def zeros(self, x: Any) -> Any:
        """Return zeros like x in this precision."""
        return self._xp.zeros_like(x, dtype=self.dtype)

    def _add_diagonal(self, which: int, x: Any, y: Any) -> None:
        """Add A x to y; `which` may also be 2, for the inverse on odd sites."""
        if not self.clover:
            y += x
            return
        blocks, room = self._diagonal[which], self._one(x).reshape(2, 6, -1)
        for one, other in zip(x, y, strict=True):
            columns, rows = one.reshape(room.shape), other.reshape(room.shape)
            for j in range(6):
                self._xp.multiply(blocks[:, :, j], columns[:, None, j], out=room)
                rows += room

    def _inverted(self, x: Any) -> Any:
        """Return A_o^-1 x; x itself where that is the same."""
        if not self.clover:
            return x
        y = self.zeros(x)
        self._add_diagonal(2, x, y)
        return y

    # Room for temporaries is kept: to map new memory costs more than to compute what is written there.
    def _odd(self, x: Any) -> Any:
        if self._near is None or self._near.shape != x.shape:
            self._near = self.zeros(x)
        return self._near

    def _one(self, x: Any) -> Any:
        if self._room is None:
            self._room = self.zeros(x[0])
        return self._room
