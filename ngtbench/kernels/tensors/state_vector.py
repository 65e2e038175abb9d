"""A state vector in NumPy: rotations of a few qubits, and the CZs among them, are one matrix product."""

from typing import Any

import numpy as np

from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics.tensors import ansatz
from ngtbench.physics.tensors.ansatz import Ansatz

TOGETHER = 4  # qubits


def groups(qubits: int, together: int = TOGETHER) -> list[range]:
    """Return neighbours that are rotated together."""
    return [range(first, min(first + together, qubits)) for first in range(0, qubits, together)]


def signs(size: Ansatz, group: range) -> Array:
    """Return the signs of the CZs within a group: (layers, 2^n of the group)."""
    number = np.arange(1 << len(group))
    found = np.ones((size.layers, len(number)))
    for layer in range(size.layers):
        for q in size.pairs(layer):
            if q in group and q + 1 in group:
                place = group[-1] - q - 1
                found[layer] *= np.where(number >> place & 3 == 3, -1, 1)
    return found


def crossing(size: Ansatz, layer: int, parts: list[range]) -> list[int]:
    """Return the first qubits of the CZs of a layer that lie in two groups."""
    ends = {group[-1] for group in parts}
    return [q for q in size.pairs(layer) if q in ends]


def products(setup: Setup, angles: Array) -> Run:
    """Allocate two states; each product goes from one to the other."""
    circuit = Circuit(setup.size, np.result_type(angles.dtype, np.complex64))
    states = [np.empty(1 << setup.size.qubits, circuit.kind) for _ in range(2)]

    def run() -> Arrays:
        return {"state": circuit.forward(circuit.matrices(ansatz.rotations(angles)), *states)[0]}

    return run


class Circuit:
    """A circuit in groups of qubits, each rotated by one matrix a layer."""

    def __init__(self, size: Ansatz, kind: np.dtype[Any]) -> None:
        self.size, self.kind, self.parts = size, kind, groups(size.qubits)
        self.signs = [signs(size, group)[:, :, None] for group in self.parts]
        self._across = [crossing(size, layer, self.parts) for layer in range(size.layers)]

    def matrices(self, each: Array) -> list[Array]:
        """Return a matrix per layer of each group, from rotations (layers, qubits, 2, 2)."""
        made = [_together(each[:, group.start : group.stop]) for group in self.parts]
        return [(sign * one).astype(self.kind) for sign, one in zip(self.signs, made, strict=True)]

    def forward(self, matrices: list[Array], here: Array, there: Array) -> tuple[Array, Array]:
        """Return the state after the circuit, and the array that is left."""
        here[:] = 0
        here[0] = 1
        for layer in range(self.size.layers):
            for group, matrix in zip(self.parts, matrices, strict=True):
                self.apply(matrix[layer], here, there, group)
                here, there = there, here
            self.negate(here, layer)
        return here, there

    def negate(self, state: Array, layer: int) -> None:
        """Do the CZs of a layer that lie in two groups."""
        for q in self._across[layer]:
            corner = state.reshape(1 << q, 2, 2, -1)[:, 1, 1]
            np.negative(corner, out=corner)

    def apply(self, matrix: Array, here: Array, there: Array, group: range) -> None:
        """Write the product of a group's matrix and the state."""
        side, below = len(matrix), 1 << (self.size.qubits - group.stop)
        if below == 1:
            np.matmul(here.reshape(-1, side), matrix.T, out=there.reshape(-1, side))
        else:
            shape = (1 << group.start, side, below)
            np.matmul(matrix, here.reshape(shape), out=there.reshape(shape))

    def overlap(self, bra: Array, ket: Array, group: range) -> Array:
        """Return sum conj(bra) ket over all other qubits, rows by the bits of bra."""
        shape = (1 << group.start, 1 << len(group), -1)
        a, b = bra.reshape(shape), ket.reshape(shape)
        if a.shape[2] == 1:
            found: Array = a[..., 0].conj().T @ b[..., 0]
        else:
            found = np.sum(a.conj() @ b.swapaxes(1, 2), axis=0)
        return found


def _together(each: Array) -> Array:
    """Return Kronecker products: (layers, qubits, 2, 2) to (layers, 2^qubits, 2^qubits)."""
    found = each[:, 0]
    for k in range(1, each.shape[1]):
        side = 2 * found.shape[1]
        found = np.einsum("lij,lab->liajb", found, each[:, k]).reshape(-1, side, side)
    return found
