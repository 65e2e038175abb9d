"""The adjoint gradient of a circuit's energy in NumPy: groups of qubits by matrix products, there and back."""

import numpy as np

from ngtbench.kernels.tensors.state_vector import Circuit
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics.tensors import ansatz

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def adjoint(setup: Setup, angles: Array) -> Run:
    """Allocate four states: two and what products write."""
    circuit = Circuit(setup.size, np.result_type(angles.dtype, np.complex64))
    kets = [np.empty(1 << setup.size.qubits, circuit.kind) for _ in range(4)]
    fields = [sum_of(PAULI[0], len(group)).astype(circuit.kind) for group in circuit.parts]
    bond = bonds(setup.size.qubits).astype(angles.dtype)

    def run() -> Arrays:
        matrices = circuit.matrices(ansatz.rotations(angles))
        ket, spare = circuit.forward(matrices, kets[0], kets[1])
        bra = _energy_times(circuit, bond, fields, ket, kets[2], spare)
        energy, left, slopes = np.vdot(ket, bra).real, kets[3], np.empty(angles.shape)
        for layer in range(circuit.size.layers - 1, -1, -1):
            circuit.negate(ket, layer)
            circuit.negate(bra, layer)
            for k, group in enumerate(circuit.parts):
                sign = circuit.signs[k][layer]
                overlap = circuit.overlap(bra, ket, group) * (sign * sign.T)
                slopes[layer, group.start : group.stop] = derivatives(overlap, angles[layer, group.start : group.stop, 1])
                back = matrices[k][layer].conj().T
                circuit.apply(back, ket, spare, group)
                circuit.apply(back, bra, left, group)
                ket, spare, bra, left = spare, ket, left, bra
        return {"energy": np.array([energy], angles.dtype), "gradient": slopes.astype(angles.dtype)}

    return run


def sum_of(operator: Array, qubits: int) -> Array:
    """Return the sum of an operator on each of some qubits."""
    each = [np.kron(np.kron(np.eye(1 << k), operator), np.eye(1 << (qubits - 1 - k))) for k in range(qubits)]
    return np.asarray(np.sum(each, axis=0))


def bonds(qubits: int) -> Array:
    """Return -sum Z Z on each amplitude, float64."""
    number = np.arange(1 << qubits)
    turns = number ^ (number >> 1)
    found = np.full(1 << qubits, 1.0 - qubits)
    for bit in range(qubits - 1):
        found += 2 * (turns >> bit & 1)
    return found


def derivatives(overlap: Array, about_z: Array) -> Array:
    """Return those by the angles of a group of qubits, (qubits, 2), from sum_ab conj(bra_i) ket_j of the group after its gates.

    d/dt of exp(-i t P / 2) is -i P / 2 times it; the axis of Ry has been turned about z by the Rz after it.
    """
    qubits, found = len(about_z), []
    for k in range(qubits):
        parts = overlap.reshape(1 << k, 2, 1 << (qubits - 1 - k), 1 << k, 2, 1 << (qubits - 1 - k))
        one = np.einsum("aibajb->ij", parts)
        x, y, z = (np.sum(one * pauli).imag for pauli in PAULI)
        found.append((np.cos(about_z[k]) * y - np.sin(about_z[k]) * x, z))
    return np.array(found)


def _energy_times(circuit: Circuit, bond: Array, fields: list[Array], ket: Array, out: Array, spare: Array) -> Array:
    """Write the energy operator times the state: bonds, and the field on each group by a product."""
    np.multiply(bond, ket, out=out)
    for group, field in zip(circuit.parts, fields, strict=True):
        circuit.apply(field, ket, spare, group)
        out -= spare
    return out
