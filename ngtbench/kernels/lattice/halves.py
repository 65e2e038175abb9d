"""Even-odd Wilson and clover operators on traced kernels.

Mhat = A_ee - kappa^2 D_eo A_oo^-1 D_oe on even sites, A = 1 + 2 kappa c_sw C (1 without clover term).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ngtbench.codegen.engine import Bound
from ngtbench.codegen.kernel import Kernel
from ngtbench.kernels.lattice import hopping, layout
from ngtbench.kernels.lattice.compiled import Lattice
from ngtbench.model.workload import Array

_PLAIN = hopping.HALVES[False, False].to_even


class Schur:
    """The operator on vectors of one parity, (blocks / 2, sources, 24, lanes).

    `diagonal`, A of shape (x, y, z, t, 2, 6, 6), makes it the clover operator; on odd sites A^-1 is kept.
    """

    def __init__(
        self, on: Lattice, links: Array, kappa: float, boundary: Sequence[complex], diagonal: Array | None, sources: int
    ) -> None:
        self.on, self.kappa, self.sources = on, kappa, sources
        self._fields = {name: on.put(reals) for name, reals in layout.links(links, boundary, 18).items()}
        if diagonal is not None:
            odd = np.indices(diagonal.shape[:4]).sum(axis=0) % 2 == 1
            term = diagonal.copy()
            term[odd] = np.linalg.inv(diagonal[odd])
            self._fields["term"] = on.put(layout.term(term))
        self.forward, self.adjoint = (hopping.HALVES[diagonal is not None, dagger] for dagger in (False, True))
        self._middle = self.empty()

    def empty(self) -> Any:
        """Return room for a vector."""
        return self.on.empty(self.sources, 24, "even")

    def even(self, kernel: Kernel, **vectors: Any) -> Bound:
        """Bind a kernel that writes even sites; `psi`, which it reads at neighbours, is of the odd ones."""
        half = self.on.grid.blocks // 2
        bound = self.on.bind(kernel, self._of(kernel, vectors), "even", {"psi": half})
        if kernel.scalars[:1] == ("factor",):
            bound.scalars[:, 0] = -(self.kappa**2)
        return bound

    def odd(self, kernel: Kernel, **vectors: Any) -> Bound:
        """Bind a kernel that writes odd sites; `psi`, which it reads at neighbours, is of the even ones."""
        half = self.on.grid.blocks // 2
        return self.on.bind(kernel, self._of(kernel, vectors), "odd", {name: half for name in vectors if name != "psi"})

    def apply(self, psi: Any, out: Any) -> tuple[Bound, Bound]:
        """Bind out = Mhat psi in two steps; the second gives |out|^2."""
        to_odd = self.odd(self.forward.to_odd, psi=psi, out=self._middle)
        return to_odd, self.even(self.forward.to_even, psi=self._middle, own=psi, out=out)

    def overlap(self, psi: Any, out: Any, shadow: Any) -> tuple[Bound, Bound]:
        """Bind out = Mhat psi in two steps; the second gives |out|^2 and <shadow, out>."""
        to_odd = self.odd(self.forward.to_odd, psi=psi, out=self._middle)
        return to_odd, self.even(self.forward.fused, psi=self._middle, own=psi, shadow=shadow, out=out)

    def update(self, psi: Any, r: Any) -> tuple[Bound, Bound]:
        """Bind r += step Mhat^+ psi in two steps; step is the last scalar of the second, which gives |r|^2."""
        to_odd = self.odd(self.adjoint.to_odd, psi=psi, out=self._middle)
        return to_odd, self.even(self.adjoint.fused, psi=self._middle, own=psi, r=r)

    def right_hand_side(self, b_even: Any, b_odd: Any, out: Any) -> tuple[Bound, ...]:
        """Bind out = b_e + kappa D_eo A_oo^-1 b_o, in steps."""
        inverted, steps = self._inverted(b_odd)
        last = self.even(_PLAIN, psi=inverted, own=b_even, out=out)
        last.scalars[:, 0] = self.kappa
        return (*steps, last)

    def reconstruction(self, x_even: Any, b_odd: Any) -> tuple[Any, tuple[Bound, ...]]:
        """Return x_o = A_oo^-1 (b_o + kappa D_oe x_e), and the steps that write it."""
        out = self.empty()
        first = self.odd(_PLAIN, psi=x_even, own=b_odd, out=out)
        first.scalars[:, 0] = self.kappa
        inverted, steps = self._inverted(out)
        return inverted, (first, *steps)

    def _inverted(self, psi: Any) -> tuple[Any, tuple[Bound, ...]]:
        """Return A_oo^-1 psi, and the step that writes it."""
        if "term" not in self._fields:
            return psi, ()
        out = self.empty()
        return out, (self.odd(hopping.CHIRAL, own=psi, out=out),)

    def _of(self, kernel: Kernel, vectors: dict[str, Any]) -> dict[str, Any]:
        wanted = {field.name for field in kernel.fields}
        return {name: array for name, array in (self._fields | vectors).items() if name in wanted}
