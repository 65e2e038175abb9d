"""The clover term in NumPy, and the Wilson-clover matrix on top of the hopping term: two 6 x 6 blocks a site.

F_{mu nu} = (Q - Q^+) / 8, Q the sum of the four plaquettes that start at x and turn from mu to nu. Since sigma_{mu nu} is
i g_mu g_nu, C = (i/4) sum_{mu, nu} sigma F is -1/2 sum_{mu < nu} g_mu g_nu F: block-diagonal in chirality.
"""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

from ngtbench.kernels.lattice.check import check_field
from ngtbench.kernels.lattice.wilson import BLOCK, Hopping, sites, sites_first, sites_last
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics import gamma

PLANES = tuple(combinations(range(4), 2))
Roll = Callable[[Any, int, int], Any]  # np.roll, or a framework's


def clover_term(links: Array, spinor: Array) -> Array:
    """Return C psi, C = (i/4) sum_{mu, nu} sigma_{mu nu} F_{mu nu}: Hermitian, commutes with gamma_5.

    Both orders of mu and nu count; sigma_{mu nu} = (i/2) [g_mu, g_nu], F anti-Hermitian with its trace. Links without boundary
    phases, spinor[x, y, z, t, spin, colour]; both complex128, or both complex64, and so is the result. The Wilson-clover
    matrix is 1 + 2 kappa c_sw C - kappa D.
    Raises BadInput for another shape or dtype.
    """
    check_field("clover_term", links, spinor)
    term: Array = blocks(links) @ spinor.reshape(*spinor.shape[:4], 2, 6, 1)
    return term.reshape(spinor.shape)


def projected(setup: Setup, links: Array, spinor: Array) -> Run:
    """Make 1 + 2 kappa c_sw C site by site, fold -kappa into the links; apply both block by block, sources inside."""
    size = setup.size
    hopping = Hopping(links, size.boundary, size.parity, -size.kappa)
    diagonal = sites_last_blocks(matrix_blocks(links, size.kappa, size.csw), size.parity)
    own = sites_last(spinor, size.parity)
    near = own if size.parity == "full" else sites_last(spinor, "odd")
    out = np.empty_like(own)
    room = {n: np.empty((2, 6, n), own.dtype) for n in {block.stop - block.start for block in hopping.blocks}}
    result = sites_first(out, spinor.shape, size.parity)
    setup.say(f"blocks of 6 x 6 numbers, spin-projected, sites last, blocks of {BLOCK}")

    def run() -> Arrays:
        for block in hopping.blocks:
            matrices, term = diagonal[..., block], room[block.stop - block.start]
            for source, target in zip(own, out, strict=True):
                multiply(matrices, source[..., block], target[..., block], term)
            hopping.add_block(near, out, block)
        return {"out": result}

    return run


def multiply(matrices: Array, psi: Array, out: Array, term: Array) -> None:
    """Write matrices[chirality, i, j, site] times psi[spin, colour, site] to `out`; `term` is room for (2, 6, sites)."""
    columns, rows = psi.reshape(term.shape), out.reshape(term.shape)
    np.multiply(matrices[:, :, 0], columns[:, None, 0], out=rows)
    for j in range(1, 6):
        np.multiply(matrices[:, :, j], columns[:, None, j], out=term)
        np.add(rows, term, out=rows)


def blocks(links: Array) -> Array:
    """Return the two Hermitian blocks of C, shape (x, y, z, t, 2, 6, 6): chirality +1 first, index 3 spin + colour."""
    found: Array = filled(np.zeros((*links.shape[1:5], 2, 6, 6), links.dtype), links, np.roll)
    return found


def matrix_blocks(links: Array, kappa: float, csw: float) -> Array:
    """Return the blocks of 1 + 2 kappa c_sw C, shape (x, y, z, t, 2, 6, 6)."""
    found = 2 * kappa * csw * blocks(links)
    found[..., range(6), range(6)] += 1
    return found


def sites_last_blocks(matrices: Array, parity: Any = "full") -> Array:
    """Return matrices[x, y, z, t, 2, 6, 6] as (2, 6, 6, sites of a parity)."""
    part = matrices.reshape(-1, 2, 6, 6)[sites(matrices.shape[:4], parity)]
    return np.ascontiguousarray(part.transpose(1, 2, 3, 0))


def filled(room: Any, links: Any, roll: Roll) -> Any:
    """Add the blocks of C to zeros of their shape; arrays of any framework whose `roll` this is."""
    g = gamma.matrices()
    for mu, nu in PLANES:
        strength, spins = field_strength(links, mu, nu, roll), -0.5 * g[mu] @ g[nu]
        for chirality in range(2):
            for s in range(2):
                for t in range(2):
                    factor = complex(spins[2 * chirality + s, 2 * chirality + t])
                    if factor:
                        room[..., chirality, 3 * s : 3 * s + 3, 3 * t : 3 * t + 3] += factor * strength
    return room


def field_strength(links: Any, mu: int, nu: int, roll: Roll = np.roll) -> Any:
    """Return F_{mu nu}, shape (x, y, z, t, 3, 3): the plaquette, and the same one carried to its other three corners."""
    u, v = links[mu], links[nu]
    ahead, above = u @ roll(v, -1, mu), v @ roll(u, -1, nu)  # both ways from x to x + mu + nu
    corner = ahead @ dagger(above)
    right = dagger(u) @ corner @ u  # from x + mu
    top = dagger(v) @ corner @ v  # from x + nu
    far = dagger(above) @ ahead  # from x + mu + nu
    leaves = corner + roll(right, 1, mu) + roll(top, 1, nu) + roll(roll(far, 1, mu), 1, nu)
    return (leaves - dagger(leaves)) / 8


def dagger(matrices: Any) -> Any:
    """Return the Hermitian conjugate of each matrix."""
    return matrices.conj().swapaxes(-1, -2)
