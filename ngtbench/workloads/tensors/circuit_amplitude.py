"""Amplitudes of random quantum circuits: what a quantum computer is compared with where no state vector fits into memory.

The circuit GC(rows, cols, cycles, stream) is a tensor network; an amplitude is its value with the bits of a state put in. With
bits left open, one contraction gives the amplitudes of all states that differ in them.
"""

from dataclasses import dataclass

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Workload
from ngtbench.physics.tensors import grid_circuit, hash, trees
from ngtbench.physics.tensors.grid_circuit import Circuit
from ngtbench.physics.tensors.trees import Cost, Label, Tree
from ngtbench.workloads.tensors import _pairwise

_EXACT = 20  # qubits up to which the oracle is the state vector
_BITS = 1 << 31  # the stream of states, above the seed's


@dataclass(frozen=True)
class Size:
    """A circuit; how many states are asked for, and how many of the last qubits are open."""

    rows: int
    cols: int
    cycles: int
    states: int = 4
    open: int = 0

    @property
    def circuit(self) -> Circuit:
        """Return the grid; its stream is not used, for gates are inputs."""
        return Circuit(self.rows, self.cols, self.cycles, 0)

    @property
    def name(self) -> str:
        """Return the name of its tree."""
        return f"gc-{self.rows}x{self.cols}x{self.cycles}" + (f"-open{self.open}" if self.open else "")

    @property
    def tree(self) -> Tree:
        """Return the tree that implementations take."""
        return trees.load(self.name)

    def networks(self, kinds: Array, bits: Array) -> tuple[list[list[Array]], list[tuple[Label, ...]], tuple[Label, ...]]:
        """Return the tensors for each state, and the indices and output of all."""
        shut, one, two = self.circuit.qubits - self.open, grid_circuit.gates(kinds), grid_circuit.fsim()
        made = [
            grid_circuit.network(self.circuit, one, two, [int(bit) if q < shut else None for q, bit in enumerate(row)])
            for row in bits
        ]
        return [arrays for arrays, _, _ in made], made[0][1], made[0][2]

    @property
    def cost(self) -> Cost:
        """Return what the tree takes for one state."""
        zeros = np.zeros((1, self.circuit.qubits), np.int64)
        _, labels, output = self.networks(grid_circuit.kinds(self.circuit), zeros)
        return trees.cost(self.tree, labels, output, dict.fromkeys((label for own in labels for label in own), 2))


def inputs(size: Size, seed: int) -> Inputs:
    """Return which gate of one qubit is where, shape (cycles + 1, qubits), and the bits of each state.

    Gates are numbered, for if rounded to float32 they would change the state's norm by 4e-6, all being off in the same way.
    """
    n = size.circuit.qubits
    kinds = grid_circuit.kinds(Circuit(size.rows, size.cols, size.cycles, seed))
    bits = hash.words(seed + _BITS, np.arange(size.states * n)) >> np.uint64(63)
    return {"kinds": kinds, "bits": bits.astype(np.int64).reshape(size.states, n)}


def reference(size: Size, kinds: Array, bits: Array) -> dict[str, Array]:
    """Return the amplitudes from the state vector, or, of more qubits than 20, along another tree."""
    if size.circuit.qubits <= _EXACT:
        psi = grid_circuit.state(size.circuit, grid_circuit.gates(kinds), grid_circuit.fsim())
        first = bits @ (1 << np.arange(size.circuit.qubits)[::-1]) >> size.open << size.open
        return {"amplitudes": psi[first[:, None] + np.arange(1 << size.open)]}
    every, labels, output = size.networks(kinds, bits)
    tree = _pairwise.second(size.name)
    return {"amplitudes": np.array([_pairwise.value(tree, arrays, labels, output).reshape(-1) for arrays in every])}


def work(size: Size, item_b: int) -> Work:
    """Count eight FLOP for each complex multiply-add of a node of the tree, once a state; resident as in tensors/contraction."""
    cost = size.cost
    return Work(
        flop=8 * cost.mult_adds * size.states,
        bytes=2 * item_b * cost.moved * size.states,
        memory_b=2 * item_b * 3 * cost.largest,
        events=size.states << size.open,
        event="amplitude",
    )


WORKLOAD = Workload(
    version=1,
    title="Amplitudes of random circuits",
    inputs=inputs,
    reference=reference,
    work=work,
    sizes={
        "XS": Size(3, 4, 8, 8),
        "S": Size(4, 5, 12, 4),
        "M": Size(5, 5, 12, 1),
        "L": Size(5, 6, 12, 1),
        "XS-open4": Size(3, 4, 8, 1, open=4),
        "S-open6": Size(4, 5, 12, 1, open=6),
        "M-line53": Size(1, 53, 32, 4),
        "L-6x6": Size(6, 6, 14, 1),
    },
    tolerance={"float64": 1e-12, "float32": 6e-6},
    full=("S", "S-open6", "M", "L"),
    impls=(
        Impl("native", "tensors.contraction:native_amplitudes", "native", tier="optimised"),
        Impl("numpy", "tensors.contraction:numpy_amplitudes", "numpy"),
        Impl("torch", "tensors.contraction_torch:amplitudes", "torch", devices=("cpu", "gpu")),
        Impl("cupy", "tensors.contraction_cupy:amplitudes", "cupy", devices=("gpu",)),
        Impl("cutensornet", "tensors.contraction_cutensornet:amplitudes", "cupy", devices=("cuda",), needs=("cuquantum",)),
    ),
    notes=(
        "dtype float64 is complex128, float32 complex64. Timed: the contraction for every state; tensors are made before.",
        "One-qubit gates are in the tensors of the two-qubit gates that follow; the tree is given, found by cotengra.",
        "Up to 20 qubits the oracle is the state vector; above it np.tensordot along another tree. Of L-6x6 "
        "only one tree is known: its oracle takes the same, by other code.",
        "-line53: 53 qubits in a line, gates on its bonds in turns, every second pair of cycles idle (brickwork).",
        "complex64: errors of single amplitudes were 1e-6 of the rms, the largest of 64 3e-6; tolerance 6e-6.",
        "-open: the last qubits are open, and one contraction gives all amplitudes that differ in them.",
    ),
)
