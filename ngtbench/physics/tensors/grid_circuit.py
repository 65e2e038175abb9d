"""Random circuits on a grid of qubits: gates by formula, the state they lead to, and their amplitudes as a tensor network.

Start |0..0>; qubit row * cols + col, qubit 0 being the highest bit of a state's number. A cycle is a layer of one-qubit gates
exp(-i pi/4 P), P = X, Y or (X + Y) / sqrt 2, and fSim(pi/2, pi/6) on one of four sets of neighbours; a last layer of one-qubit
gates follows.
"""

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import hash

_ORDER = "ABCDCDAB"
_GROUP = 5  # qubits whose gates are applied as one matrix
_MOST = 26  # qubits of a state vector: 1 GiB of complex128


@dataclass(frozen=True)
class Circuit:
    """A circuit; raises BadInput for a grid or a number of cycles that is not positive."""

    rows: int
    cols: int
    cycles: int
    stream: int

    def __post_init__(self) -> None:
        if min(self.rows, self.cols, self.cycles) < 1:
            raise BadInput(f"GC({self.rows}, {self.cols}, {self.cycles}): give rows, columns and cycles of 1 or more")

    @property
    def qubits(self) -> int:
        """Return the number of qubits."""
        return self.rows * self.cols


def fsim(theta: float = math.pi / 2, phi: float = math.pi / 6) -> Array:
    """Return the matrix of fSim, rows being what comes out."""
    cos, sin = math.cos(theta), -1j * math.sin(theta)
    return np.array([[1, 0, 0, 0], [0, cos, sin, 0], [0, sin, cos, 0], [0, 0, 0, cmath.exp(-1j * phi)]])


def one_qubit(circuit: Circuit) -> Array:
    """Return the one-qubit gates, shape (cycles + 1, qubits, 2, 2)."""
    return gates(kinds(circuit))


def gates(chosen: Array) -> Array:
    """Return the matrices of gates 0, 1 and 2: exp(-i pi/4 P) for P = X, Y and (X + Y) / sqrt 2."""
    x, y = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]])
    known = np.array([(np.eye(2) - 1j * pauli) / math.sqrt(2) for pauli in (x, y, (x + y) / math.sqrt(2))])
    made: Array = known[chosen]
    return made


def kinds(circuit: Circuit) -> Array:
    """Return which gate each qubit takes in each layer, shape (cycles + 1, qubits)."""
    n = circuit.qubits
    words = hash.words(circuit.stream, np.arange((circuit.cycles + 1) * n)).reshape(circuit.cycles + 1, n)
    chosen = np.empty(words.shape, np.int64)
    chosen[0] = words[0] % np.uint64(3)
    for m in range(1, circuit.cycles + 1):
        pick = (words[m] % np.uint64(2)).astype(np.int64)  # into the ascending list of the two others
        chosen[m] = pick + (pick >= chosen[m - 1])
    return chosen


def pairs(circuit: Circuit, cycle: int) -> list[tuple[int, int]]:
    """Return the pairs of qubits that a cycle couples: A, B beside each other, C, D one above the other."""
    which = "ABCD".index(_ORDER[cycle % len(_ORDER)])
    down, across = (0, 1) if which < 2 else (1, 0)
    return [
        (row * circuit.cols + col, (row + down) * circuit.cols + col + across)
        for row in range(circuit.rows - down)
        for col in range(circuit.cols - across)
        if (row if down else col) % 2 == which % 2
    ]


def state(circuit: Circuit, one: Array, two: Array) -> Array:
    """Return the 2^qubits amplitudes after the gates `one`, as from `one_qubit`, and the matrix `two` on every pair.

    Raises BadInput for more qubits than fit into memory.
    """
    n = circuit.qubits
    if n > _MOST:
        raise BadInput(f"a state vector of {n} qubits takes {16 << n} bytes: {_MOST} qubits are the most")
    psi = np.zeros(1 << n, np.complex128)
    psi[0] = 1
    for m in range(circuit.cycles + 1):
        psi = _layer(psi, one[m])
        for a, b in pairs(circuit, m) if m < circuit.cycles else ():
            psi = _coupled(psi, two, a, b, n)
    return psi


def network(
    circuit: Circuit, one: Array, two: Array, bits: Sequence[int | None]
) -> tuple[list[Array], list[tuple[int, ...]], tuple[int, ...]]:
    """Return arrays, indices and output of the network whose value is the amplitude of `bits`; None is an open qubit.

    A tensor per two-qubit gate, with the one-qubit gates before it, the start and the bits in it; its axes are what comes out,
    then what goes in. Output: the indices of open qubits, ascending by qubit. Raises BadInput for other bits than 0, 1, None.
    """
    if len(bits) != circuit.qubits or any(bit not in (0, 1, None) for bit in bits):
        raise BadInput(f"bits of {circuit.qubits} qubits must each be 0, 1 or None, not {list(bits)}")
    wires = [_Wire(one[0, q, :, 0]) for q in range(circuit.qubits)]
    arrays, inputs, label = list[Array](), list[tuple[int, ...]](), 0
    for m in range(circuit.cycles):
        for a, b in pairs(circuit, m):
            tensor = np.tensordot(two.reshape(2, 2, 2, 2), wires[a].gate, ((2,), (0,)))  # (a, b out, b in[, a in])
            tensor = np.tensordot(tensor, wires[b].gate, ((2,), (0,)))
            inputs.append((label, label + 1, *wires[a].index, *wires[b].index))
            arrays.append(tensor)
            for qubit in (a, b):
                wires[qubit] = _Wire(np.eye(2), (label,), len(arrays) - 1)
                label += 1
        for qubit, wire in enumerate(wires):
            wire.gate = one[m + 1, qubit] @ wire.gate
    return _closed(wires, bits, arrays, inputs, label)


@dataclass
class _Wire:
    """What was done to a qubit since its last tensor: a matrix; before the first one a vector, and no index."""

    gate: Array
    index: tuple[int, ...] = ()
    tensor: int = -1


def _closed(
    wires: list[_Wire], bits: Sequence[int | None], arrays: list[Array], inputs: list[tuple[int, ...]], label: int
) -> tuple[list[Array], list[tuple[int, ...]], tuple[int, ...]]:
    """Put last gates and bits into the last tensors; a qubit that was never coupled has one of its own."""
    output = list[int]()
    for wire, bit in zip(wires, bits, strict=True):
        end = wire.gate if bit is None else wire.gate[bit]
        new = (label,) if bit is None else ()
        label += 1
        output += new
        if wire.tensor < 0:
            arrays.append(np.asarray(end))
            inputs.append(new)
            continue
        own = inputs[wire.tensor]
        axis = own.index(wire.index[0])
        put = np.tensordot(arrays[wire.tensor], end, ((axis,), (end.ndim - 1,)))
        arrays[wire.tensor], inputs[wire.tensor] = put, (*own[:axis], *own[axis + 1 :], *new)
    return arrays, inputs, tuple(output)


def _layer(psi: Array, gates: Array) -> Array:
    """Apply a gate to every qubit, some qubits at once."""
    for first in range(0, len(gates), _GROUP):
        matrix = np.eye(1)
        for gate in gates[first : first + _GROUP]:
            matrix = np.kron(matrix, gate)
        after = max(0, len(gates) - first - _GROUP)
        many = psi.reshape(-1, len(matrix), 1 << after)
        psi = np.matmul(matrix, many) if after else many[..., 0] @ matrix.T
    return psi.reshape(-1)


def _coupled(psi: Array, two: Array, a: int, b: int, n: int) -> Array:
    """Apply the matrix of two qubits a < b, element by element."""
    old = psi.reshape(1 << a, 2, 1 << (b - a - 1), 2, 1 << (n - b - 1))
    new = np.zeros_like(old)
    for row, column in np.argwhere(two):
        new[:, row // 2, :, row % 2] += two[row, column] * old[:, column // 2, :, column % 2]
    return new.reshape(-1)
