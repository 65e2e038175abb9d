"""Open spin chains: operators per bond, states they start from, and the whole Hamiltonian of a short one.

"xx" is sum J_j (Sx Sx + Sy Sy), "heisenberg" sum J_j S.S, both of spin 1/2; "ising" is -sum J_j sx sx - g sum sz in Pauli
matrices. J_j = 1 unless given, hbar = 1; the first basis state of a site is up. "z2_gauge": see `z2_gauge`, hopping times J_j.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Literal

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import z2_gauge

Model = Literal["xx", "ising", "heisenberg", "z2_gauge"]
Initial = Literal["domain_wall", "neel", "all_up", "string", "vacuum"]
X = np.array([[0, 1], [1, 0]], complex)
Y = np.array([[0, -1j], [1j, 0]])
Z = np.diag([1, -1]).astype(complex)
_SPIN_STARTS = ("domain_wall", "neel", "all_up")
_GAUGE_STARTS = ("string", "vacuum")


def dimension(model: Model) -> int:
    """Return the number of states of a site."""
    return 4 if model == "z2_gauge" else 2


def observable(model: Model) -> Array:
    """Return the diagonal of what is measured: Sz, of the matter of a gauge theory, and sigma^z for "ising"."""
    if model == "z2_gauge":
        return np.array([0.5, 0.5, -0.5, -0.5])
    return np.array([1.0, -1.0]) if model == "ising" else np.array([0.5, -0.5])


def bonds(model: Model, sites: int, field: float | None = None, couplings: Sequence[float] | Array | None = None) -> list[Array]:
    """Return the Hamiltonian as a matrix per bond, whose sum it is: a site's own terms are halved, but whole at the ends."""
    strengths = np.ones(sites - 1) if couplings is None else np.asarray(couplings)
    if model == "z2_gauge":
        return z2_gauge.bonds(strengths, 0.0 if field is None else field)
    if model == "ising":
        g = 0.0 if field is None else field
        shares = [(1.0 if j == 0 else 0.5, 1.0 if j == sites - 2 else 0.5) for j in range(sites - 1)]
        return [
            -J * np.kron(X, X) - g * (a * np.kron(Z, np.eye(2)) + b * np.kron(np.eye(2), Z))
            for J, (a, b) in zip(strengths, shares, strict=True)
        ]
    one = (np.kron(X, X) + np.kron(Y, Y) + (np.kron(Z, Z) if model == "heisenberg" else 0)) / 4
    return [J * one for J in strengths]


def start(model: Model, initial: str, sites: int) -> Array:
    """Return the basis state of each site.

    "domain_wall": the first sites // 2 up, the others down; "neel": up, down, up, ...
    Raises BadInput for a start that the model does not have.
    """
    known = _GAUGE_STARTS if model == "z2_gauge" else _SPIN_STARTS
    if not isinstance(initial, str) or initial not in known:
        raise BadInput(f"no initial state {initial!r} of {model}: there are {', '.join(known)}")
    if model == "z2_gauge":
        return z2_gauge.start(initial == "string", sites)
    place = np.arange(sites)
    down = {"domain_wall": place >= sites // 2, "neel": place % 2 == 1, "all_up": place < 0}[initial]
    return np.asarray(down, np.int64)


def whole(terms: Sequence[Array], d: int) -> Array:
    """Return the matrix of a sum of bond operators on all states of a short chain."""
    sites = len(terms) + 1
    return np.asarray(sum(embedded(term, j, sites, d) for j, term in enumerate(terms)))


def embedded(operator: Array, first: int, sites: int, d: int) -> Array:
    """Return an operator on sites from `first` on as a matrix on all states of a short chain."""
    after = sites - first - round(np.log(len(operator)) / np.log(d))
    return np.asarray(reduce(np.kron, (np.eye(d**first), operator, np.eye(d**after))))
