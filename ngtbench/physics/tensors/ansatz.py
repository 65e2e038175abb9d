"""A hardware-efficient variational circuit on a line of qubits, its angles from the hash, and its exact matrix-product state.

Layer m: Ry(angles[m, q, 0]) and then Rz(angles[m, q, 1]) on every qubit q, then CZ on q and q + 1 for all q of m's parity. The
start is |0..0>; qubit 0 is the highest bit of an amplitude's number. Ry(t) = [[cos, -sin], [sin, cos]](t / 2),
Rz(t) = diag(e^(-i t / 2), e^(i t / 2)).
"""

from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import hash as hashed


@dataclass(frozen=True)
class Ansatz:
    """Qubits and layers."""

    qubits: int
    layers: int = 8

    def __post_init__(self) -> None:
        if not 2 <= self.qubits <= 40 or self.layers < 1:
            raise BadInput(f"{self.qubits} qubits, {self.layers} layers: name 2 to 40 qubits and a layer or more")

    def pairs(self, layer: int) -> range:
        """Return the first qubit of each CZ of a layer."""
        return range(layer % 2, self.qubits - 1, 2)

    def gates(self) -> int:
        """Count gates: two rotations a qubit and layer, and CZs."""
        return sum(2 * self.qubits + len(self.pairs(layer)) for layer in range(self.layers))


Gate = tuple[int, Array | None]  # a qubit and the matrix on it, or the first of two qubits of a CZ


def angles(ansatz: Ansatz, stream: int) -> Array:
    """Return angles in [0, 2 pi), shape (layers, qubits, 2): 2 pi u(stream, k), k counting in C order."""
    shape = (ansatz.layers, ansatz.qubits, 2)
    return 2 * np.pi * hashed.u(stream, np.arange(np.prod(shape))).reshape(shape)


def rotations(angle: Array) -> Array:
    """Return Rz Ry of each pair of angles, complex128, shape (..., 2, 2)."""
    half = np.asarray(angle, np.float64) / 2
    c, s = np.cos(half[..., 0]), np.sin(half[..., 0])
    phase = np.exp(-1j * half[..., 1])[..., None]
    found: Array = np.stack((np.stack((c, -s), -1) * phase, np.stack((s, c), -1) * phase.conj()), -2)
    return found


def gates(ansatz: Ansatz, angle: Array) -> list[Gate]:
    """Return the circuit in order; both rotations of a qubit are one matrix."""
    found: list[Gate] = []
    matrices = rotations(angle)
    for layer in range(ansatz.layers):
        found += [(q, matrices[layer, q]) for q in range(ansatz.qubits)]
        found += [(q, None) for q in ansatz.pairs(layer)]
    return found


def chain(circuit: list[Gate], qubits: int) -> list[Array]:
    """Return the state as tensors (bond, 2, bond), exact: a CZ = |0><0| x 1 + |1><1| x Z doubles its bond."""
    sites = [np.array([1.0 + 0j, 0.0]).reshape(1, 2, 1) for _ in range(qubits)]
    for q, matrix in circuit:
        if matrix is not None:
            sites[q] = np.einsum("st,atb->asb", matrix, sites[q])
            continue
        a, b = sites[q], sites[q + 1]
        sites[q] = np.einsum("asb,sk->asbk", a, np.eye(2)).reshape(a.shape[0], 2, -1)
        sites[q + 1] = np.einsum("bsc,ks->bksc", b, [[1, 1], [1, -1]]).reshape(-1, 2, b.shape[2])
    return sites


def state(sites: list[Array]) -> Array:
    """Return all amplitudes."""
    found = np.ones((1, 1), np.complex128)
    for site in sites:
        found = (found @ site.reshape(site.shape[0], -1)).reshape(-1, site.shape[2])
    return found.reshape(-1)


def amplitudes(sites: list[Array], index: Array) -> Array:
    """Return those of these numbers."""
    found = np.ones((len(index), 1, 1), np.complex128)
    for q, site in enumerate(sites):
        bit = (index >> (len(sites) - 1 - q)) & 1
        found = found @ site.transpose(1, 0, 2)[bit]
    return found[:, 0, 0]


def magnetisations(sites: list[Array]) -> Array:
    """Return <Z> of each qubit."""
    right = [np.ones((1, 1))]
    for site in reversed(sites):
        right.append(np.einsum("asb,bd,csd->ac", site, right[-1], site.conj(), optimize=True))
    left, found = np.ones((1, 1)), []
    for q, site in enumerate(sites):
        after = right[len(sites) - 1 - q]
        found.append(np.einsum("ac,asb,s,csd,bd->", left, site, [1, -1], site.conj(), after, optimize=True).real)
        left = np.einsum("ac,asb,csd->bd", left, site, site.conj(), optimize=True)
    return np.array(found)


def energy(sites: list[Array]) -> float:
    """Return the energy of the critical Ising chain, -sum Z Z - sum X: what the circuit would be varied for."""
    x, z, unit = np.array([[0.0, 1], [1, 0]]), np.diag([1.0, -1]), np.eye(2)
    norm, spin, found = np.ones((1, 1)), np.zeros((1, 1)), np.zeros((1, 1))
    for site in sites:
        found = _through(found, site, unit) - _through(norm, site, x) - _through(spin, site, z)
        norm, spin = _through(norm, site, unit), _through(norm, site, z)
    return float(found[0, 0].real)


def shifted(ansatz: Ansatz, angle: Array, place: int) -> float:
    """Return the derivative of the energy by the angle of this number in C order: half the difference of turns by +-pi/2."""
    sides = []
    for sign in (1, -1):
        moved = angle.astype(np.float64)
        moved.flat[place] += sign * np.pi / 2
        sides.append(energy(chain(gates(ansatz, moved), ansatz.qubits)))
    return (sides[0] - sides[1]) / 2


def _through(left: Array, site: Array, operator: Array) -> Array:
    """Return the overlap of all sites up to this one, with an operator on it."""
    shape = (site.shape[0], -1)
    ket = np.tensordot(operator, site, (1, 1)).swapaxes(0, 1)
    found: Array = np.tensordot(site.conj(), (left @ ket.reshape(shape)).reshape(-1, *ket.shape[1:]), ((0, 1), (0, 1)))
    return found
