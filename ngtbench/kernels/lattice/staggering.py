"""The staggered operator for every back end: one body on real numbers.

With 18 reals of a link, eta / 2 and the boundary phases are in the links; with fewer, `edge` has these factors of the eight
hops, which are real then.
"""

from collections.abc import Callable
from typing import Any

from ngtbench.codegen.kernel import HOPS_4D, Field, Kernel, Reals
from ngtbench.kernels.lattice.su3 import Complex, flat, link, pairs, plus, row, scaled, turned

Read = Callable[..., Reals]


def staggered(links: Read, psi: Read, kept: int = 18, edge: Read | None = None) -> dict[str, Any]:
    """Return sum_mu [V_mu(x) psi(x+mu) - V_mu(x-mu)^+ psi(x-mu)], V = eta U / 2: 570 FLOP with all 18 reals."""
    total: list[Complex] = [(0, 0)] * 3
    for hop, (mu, step) in enumerate(HOPS_4D):
        ahead = step == 1
        matrix = link(links() if ahead else links(mu, -1), mu, kept)
        vector = pairs(psi(mu, step))
        for c in range(3):
            (value,) = row(matrix, c, [vector], dagger=not ahead)
            if edge is not None:
                value = scaled(edge()[hop], value)
            total[c] = plus(total[c], value if ahead else turned(-1, value))
    return {"out": flat(total)}


def kernel(kept: int) -> Kernel:
    """Return the operator with so many reals of each link."""
    fields = (Field("links", 4 * kept, each=False), Field("psi", 6), Field("out", 6, "out"))
    edge = () if kept == 18 else (Field("edge", 8, each=False),)
    name = "staggered" if kept == 18 else f"staggered-{kept}"
    return Kernel(name, staggered, (*fields, *edge), HOPS_4D, options=(("kept", kept),))


STAGGERED = {kept: kernel(kept) for kept in (18, 12, 8)}
KERNELS = tuple(STAGGERED.values())
