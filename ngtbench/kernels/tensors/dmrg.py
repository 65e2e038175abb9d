"""Ground states of chains by two-site DMRG: an operator in product form, environments, Lanczos on two sites at a time.

The Hamiltonian's matrices W[w, x, out, in] carry, per bond, "nothing yet", a term begun (one state per Schmidt value of it), and
"all done". Environments are E[bra, w, ket]. Sweeps go right and left until a whole one lowers the energy by less than asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.kernels.tensors import splits
from ngtbench.kernels.tensors.library import Library
from ngtbench.model.workload import Array

_KRYLOV = 6  # vectors per two-site problem: more sweeps do better than more vectors
_RESIDUAL = 1e-12
_DROPPED = 1e-24  # share of weight under which a Schmidt value is rounding


@dataclass(frozen=True)
class Found:
    """Right-orthonormal tensors (left, d, right), their energy, and how it came down sweep by sweep."""

    tensors: list[Any]
    energy: float
    energies: tuple[float, ...]
    discarded_weight: float  # the most in an update of the last sweep
    converged: bool


def operator(terms: Sequence[Array]) -> list[Array]:
    """Return the matrices of a sum of bond operators; real where they all are."""
    d, sites = round(len(terms[0]) ** 0.5), len(terms) + 1
    parts = [_halves(term, d) for term in terms]
    found = []
    for i in range(sites):
        right = parts[i - 1][1] if i else np.zeros((0, d, d))
        left = parts[i][0] if i < sites - 1 else np.zeros((0, d, d))
        w = np.zeros((len(right) + 2, len(left) + 2, d, d), np.result_type(right, left))
        w[0, 0] = w[-1, -1] = np.eye(d)
        w[0, 1:-1], w[1:-1, -1] = left, right
        found.append(w)
    return [w[:1] if i == 0 else w[:, -1:] if i == sites - 1 else w for i, w in enumerate(found)]


def _halves(term: Array, d: int) -> tuple[Array, Array]:
    """Return operators whose products sum to a bond's."""
    whole = term.real if not np.any(term.imag) else term
    u, s, vh = np.linalg.svd(whole.reshape(d, d, d, d).transpose(0, 2, 1, 3).reshape(d * d, d * d))
    kept = int((s > 1e-14 * s[0]).sum()) if s[0] > 0 else 0
    return (u[:, :kept] * s[:kept]).T.reshape(kept, d, d), vh[:kept].reshape(kept, d, d)


def ground_state(
    library: Library, terms: Sequence[Array], places: Array, most: int, *, tolerance: float = 1e-10, sweeps: int = 40
) -> Found:
    """Sweep from a basis state until a sweep to the right and back lowers the energy by less than tolerance, relative."""
    whole = operator(terms)
    dtype, d, sites = np.result_type(*whole), whole[0].shape[3], len(whole)
    matrices = [library.put(w.astype(dtype)) for w in whole]
    one = np.eye(d, dtype=dtype)
    tensors = [library.put(one[place].reshape(1, d, 1)) for place in places]
    edge = library.put(np.ones((1, 1, 1), dtype))
    environments: dict[int, Any] = {-1: edge, sites: edge}  # left of sites done, right of the others
    for i in reversed(range(2, sites)):
        environments[i] = _rightwards(library, environments[i + 1], tensors[i], matrices[i])
    energies = list[float]()
    for _ in range(sweeps):
        lost = 0.0
        for i in (*range(sites - 1), *reversed(range(sites - 1))):
            to_right = len(energies) % 2 == 0
            energy, dropped = _update(library, tensors, matrices, environments, i, most, to_right)
            lost = max(lost, dropped)
            if i == (sites - 2 if to_right else 0):
                energies.append(energy)
        if len(energies) > 2 and abs(energies[-1] - energies[-3]) <= tolerance * abs(energies[-1]):
            return Found(tensors, energies[-1], tuple(energies), lost, True)
    return Found(tensors, energies[-1], tuple(energies), lost, False)


def _update(
    library: Library, tensors: list[Any], matrices: list[Any], environments: dict[int, Any], i: int, most: int, to_right: bool
) -> tuple[float, float]:
    """Optimise sites i and i + 1 and move on; return the energy and the share of weight dropped."""
    contract = library.contract
    left, right, first, second = environments[i - 1], environments[i + 2], matrices[i], matrices[i + 1]
    theta = contract("asm,mtb->astb", tensors[i], tensors[i + 1])
    shape = theta.shape

    def apply(vector: Any) -> Any:
        t = contract("awc,cstb->awstb", left, vector.reshape(shape))
        t = contract("awstb,wxus->axutb", t, first)
        t = contract("axutb,xyvt->ayuvb", t, second)
        return contract("ayuvb,dyb->auvd", t, right).reshape(-1)

    energy, vector = lowest(library, apply, theta.reshape(-1))
    u, s, vh = (part[0] for part in splits.decomposed(library, vector.reshape(1, shape[0] * shape[1], -1))[:3])
    squares = library.get(s) ** 2
    kept = min(most, int((squares > _DROPPED * squares.sum()).sum()))
    s = s[:kept] / float(np.sqrt(squares[:kept].sum()))
    u, vh = u[:, :kept], vh[:kept]
    tensors[i] = (u if to_right else u * s).reshape(shape[0], shape[1], kept)
    tensors[i + 1] = (s[:, None] * vh if to_right else vh).reshape(kept, shape[2], shape[3])
    if to_right:
        environments[i] = _leftwards(library, left, tensors[i], first)
    else:
        environments[i + 1] = _rightwards(library, right, tensors[i + 1], second)
    return energy, float(squares[kept:].sum() / squares.sum())


def lowest(library: Library, apply: Callable[[Any], Any], start: Any) -> tuple[float, Any]:
    """Return the least eigenvalue of a Hermitian operator and a unit vector, by some steps of Lanczos from a vector."""
    xp = library.xp
    basis, diagonal, beside = [start / xp.linalg.norm(start)], list[float](), list[float]()
    while True:
        made = apply(basis[-1])
        diagonal.append(float((basis[-1].conj() * made).sum().real))
        for _ in range(2):  # twice is enough
            for one in basis:
                made = made - one * (one.conj() * made).sum()
        levels, modes = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        size = float(xp.linalg.norm(made))
        done = size * abs(modes[-1, 0]) < _RESIDUAL * max(1.0, abs(levels[0])) or size < _RESIDUAL
        if done or len(basis) >= min(_KRYLOV, len(start)):
            vector = sum(one * float(share) for one, share in zip(basis, modes[:, 0], strict=True))
            return float(levels[0]), vector / xp.linalg.norm(vector)
        beside.append(size)
        basis.append(made / size)


def _leftwards(library: Library, left: Any, tensor: Any, matrix: Any) -> Any:
    """Return the environment left of the next site."""
    t = library.contract("awc,csb->awsb", left, tensor)
    t = library.contract("awsb,wxus->axub", t, matrix)
    return library.contract("axub,aud->dxb", t, tensor.conj())


def _rightwards(library: Library, right: Any, tensor: Any, matrix: Any) -> Any:
    """Return the environment right of the site before."""
    t = library.contract("csb,dyb->csdy", tensor, right)
    t = library.contract("csdy,xyus->cxud", t, matrix)
    return library.contract("cxud,aud->axc", t, tensor.conj())
