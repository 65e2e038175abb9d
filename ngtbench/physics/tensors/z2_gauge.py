"""Z2 lattice gauge theory with staggered fermions in one dimension: strings between charges, and how they break.

H = 1/2 sum_j (c+_j sz_j c_j+1 + h.c.) + MASS sum_j (-1)^j n_j - h sum_j sx_j; link j joins sites j and j+1. A site of the
chain is a site of matter with the link to its right, the last without one in H; fermions are spins by Jordan and Wigner,
without strings between neighbours. Basis: (occupied, empty) x (sx = 1, sx = -1), so that electric strings are basis states.
Gauss's law: G_j = (-1)^(j + n_j) sx_j-1 sx_j commutes with each bond's term, and is 1 in the states here. Without h and mass
the matter moves as in the XX chain.
"""

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array

MASS = 0.5
_RAISE = np.array([[0, 1], [0, 0]], complex)
_FLIP = np.array([[0, 1], [1, 0]], complex)
_OCCUPIED = np.diag([1, 0]).astype(complex)
_ELECTRIC = np.diag([1, -1]).astype(complex)


def bonds(couplings: Array, h: float, mass: float = MASS) -> list[Array]:
    """Return the Hamiltonian as a matrix per bond, hopping times its coupling; a site's mass is halved, but whole at the ends."""
    one, whole = np.eye(2), np.eye(4)
    hop = np.kron(np.kron(_RAISE, _FLIP), np.kron(_RAISE.T, one)) / 2
    electric = np.kron(np.kron(one, -h * _ELECTRIC), whole)
    found, sites = [], len(couplings) + 1
    for j, coupling in enumerate(couplings):
        left = mass * (-1) ** j * (1.0 if j == 0 else 0.5) * np.kron(_OCCUPIED, one)
        right = mass * (-1) ** (j + 1) * (1.0 if j == sites - 2 else 0.5) * np.kron(_OCCUPIED, one)
        found.append(coupling * (hop + hop.conj().T) + electric + np.kron(left, whole) + np.kron(whole, right))
    return found


def start(string: bool, sites: int) -> Array:
    """Return the basis state of each site: the vacuum, or a pair of charges a quarter from the ends and the string between.

    Raises BadInput where the chain has no room for it.
    """
    occupied, flipped = np.arange(sites) % 2 == 1, np.zeros(sites, bool)
    if string:
        first = sites // 4 // 2 * 2
        last = 3 * sites // 4 // 2 * 2 + 1
        if last >= sites:
            raise BadInput(f"a string needs 4 sites or more, not {sites}")
        occupied[first], occupied[last], flipped[first:last] = True, False, True
    return np.where(occupied, 0, 2) + flipped


def gauss(j: int) -> tuple[Array, Array]:
    """Return the diagonals, on sites j-1 and j, whose product is G_j; the first is of ones for j = 0."""
    left = np.ones(4) if j == 0 else np.array([1.0, -1.0, 1.0, -1.0])
    sign = (-1) ** j
    return left, sign * np.array([-1.0, 1.0, 1.0, -1.0])
