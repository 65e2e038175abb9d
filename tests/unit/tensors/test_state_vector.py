"""State vectors: the oracle gate by gate, circuits of odd sizes, threads, there and back again, and what passes do."""

import itertools
from functools import reduce

import numpy as np
import pytest

from ngtbench import backends
from ngtbench.codegen import compiler
from ngtbench.codegen import native as codegen_native
from ngtbench.errors import BadInput, Unavailable
from ngtbench.kernels.tensors import state_vector, state_vector_native, state_vector_plan
from ngtbench.model.workload import Array, Setup
from ngtbench.physics.tensors import ansatz
from ngtbench.physics.tensors.ansatz import Ansatz
from ngtbench.workloads.tensors.state_vector import WORKLOAD

Y, Z = np.array([[0, -1j], [1j, 0]]), np.diag([1.0 + 0j, -1])


def turned(pauli: Array, angle: float) -> Array:
    """Return exp(-i angle pauli / 2)."""
    return np.asarray(np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * pauli)


def gate_by_gate(size: Ansatz, angles: Array) -> Array:
    """Return the state by matrices on all qubits."""
    state: Array = np.eye(1, 2**size.qubits)[0].astype(np.complex128)
    for layer in range(size.layers):
        state = reduce(np.kron, [turned(Z, b) @ turned(Y, a) for a, b in angles[layer]]) @ state
        for q in range(layer % 2, size.qubits - 1, 2):
            number = np.arange(2**size.qubits) >> (size.qubits - 2 - q)
            state = np.where(number & 3 == 3, -state, state)
    return state


def setup(size: Ansatz, dtype: str = "float64", threads: int = 1) -> Setup:
    return Setup(size, dtype, "cpu:0", threads, 1, backends.load("numpy", "cpu:0", threads))


def native(size: Ansatz, angles: Array, threads: int = 1) -> Array:
    try:
        return np.array(state_vector_native.compiled(setup(size, threads=threads), angles)()["state"])
    except Unavailable as error:
        pytest.skip(str(error))


def test_the_oracle_is_the_circuit_gate_by_gate() -> None:
    size = Ansatz(6, 5)
    angles = ansatz.angles(size, 3)
    want, sites = gate_by_gate(size, angles), ansatz.chain(ansatz.gates(size, angles), 6)
    np.testing.assert_allclose(ansatz.state(sites), want, atol=1e-14)
    some = np.array([0, 5, 63, 17])
    np.testing.assert_allclose(ansatz.amplitudes(sites, some), want[some], atol=1e-14)
    p = np.abs(want.reshape(2, 2, 2, 2, 2, 2)) ** 2
    sums = [p.sum(axis=tuple(k for k in range(6) if k != q)) for q in range(6)]
    np.testing.assert_allclose(ansatz.magnetisations(sites), [a - b for a, b in sums], atol=1e-14)


@pytest.mark.parametrize(("qubits", "layers"), [(5, 1), (7, 3), (9, 8), (16, 6)])
def test_every_implementation_at_odd_sizes(qubits: int, layers: int) -> None:
    import torch

    from ngtbench.kernels.tensors import state_vector_torch

    size = Ansatz(qubits, layers)
    angles = ansatz.angles(size, 2)
    want = WORKLOAD.reference(size, angles=angles)["state"] if WORKLOAD.reference else np.empty(0)
    host = state_vector.products(setup(size), angles)()["state"]
    device = state_vector_torch.products(setup(size), torch.tensor(angles))()["state"].numpy()
    for got in (host, device, native(size, angles)):
        np.testing.assert_allclose(got, want, atol=1e-14)


def test_threads_change_no_bit() -> None:
    size = Ansatz(17, 4)
    angles = ansatz.angles(size, 1)
    np.testing.assert_array_equal(native(size, angles, 2), native(size, angles, 1))


def test_a_circuit_and_its_inverse_return_to_the_start() -> None:
    size = Ansatz(16, 6)
    there = ansatz.gates(size, ansatz.angles(size, 4))
    back = [(q, None if matrix is None else matrix.conj().T) for q, matrix in reversed(there)]
    circuit, lanes = [*there, *back], codegen_native.lanes(compiler.find(), "float64")
    simulate = state_vector_native.Simulation(16, [(q, m is not None) for q, m in circuit], setup(size), lanes)
    state = simulate(np.array([m for _, m in circuit if m is not None]))
    np.testing.assert_allclose(state, np.eye(1, 2**16)[0], atol=1e-13)


@pytest.mark.parametrize(("qubits", "block"), [(12, 6), (12, 9), (20, 13), (9, 14)])
def test_passes_do_each_gate_once_and_in_order(qubits: int, block: int) -> None:
    size = Ansatz(qubits, 7)
    circuit = [(q, matrix is not None) for q, matrix in ansatz.gates(size, ansatz.angles(size, 1))]
    found: list[tuple[int, bool]] = []
    for one in state_vector_plan.passes(circuit, qubits, 4, block):
        bits = [*range(one.low), *range(one.shift, one.shift + one.high)]
        assert len(bits) == min(block, qubits)
        for at, what in one.gates:
            if at >= 0:
                assert circuit[what] == (qubits - 1 - bits[at], True)
                found.append(circuit[what])
            else:
                found += [(qubits - 2 - bit, False) for bit in range(qubits) if what >> bit & 1]
    assert sorted(found) == sorted(circuit)
    for q in range(qubits):
        assert on(q, found) == on(q, circuit)


def on(qubit: int, circuit: list[tuple[int, bool]]) -> list[tuple[int, bool]]:
    return [(q, single) for q, single in circuit if q == qubit or (q + 1 == qubit and not single)]


def test_light_cones_save_passes() -> None:
    size = Ansatz(26, 8)
    circuit = [(q, matrix is not None) for q, matrix in ansatz.gates(size, ansatz.angles(size, 1))]
    assert len(state_vector_plan.passes(circuit, 26, 4, 14)) <= 5  # layer by layer: 3 a layer


def test_signs_are_shared_between_products_and_corners() -> None:
    size = Ansatz(10, 2)
    parts = state_vector.groups(10)
    inside = [sum(int(np.any(state_vector.signs(size, group)[layer] < 0)) for group in parts) for layer in range(2)]
    assert (inside, [state_vector.crossing(size, layer, parts) for layer in range(2)]) == ([3, 2], [[], [3, 7]])


def test_nonsense_is_refused() -> None:
    for qubits, layers in itertools.product((1, 41), (1, 0)):
        with pytest.raises(BadInput, match="qubits"):
            Ansatz(qubits, layers)


def test_invariants_see_the_norm_and_the_order_of_qubits() -> None:
    size = WORKLOAD.sizes["XS"]
    angles = ansatz.angles(size, 1)
    assert WORKLOAD.invariants is not None
    assert WORKLOAD.reference is not None
    right = WORKLOAD.reference(size, angles=angles)["state"]
    turned_round = right.reshape((2,) * 12).transpose(range(11, -1, -1)).reshape(-1)
    held = []
    for state in (right, 1.001 * right, turned_round):
        bounds = WORKLOAD.invariants(size, {"angles": angles.reshape(-1)}, {"state": state}, "float64")
        held.append({name: abs(value) <= bound for name, (value, bound) in bounds.items()})
    assert held[0] == {"norm": True, "magnetisation": True}
    assert not held[1]["norm"]
    assert held[2] == {"norm": True, "magnetisation": False}


def test_samples_of_a_large_state_are_amplitudes_in_their_places() -> None:
    size = Ansatz(14, 4)
    angles = ansatz.angles(size, 1)
    state = ansatz.state(ansatz.chain(ansatz.gates(size, angles), 14))
    assert WORKLOAD.spot is not None
    got, want = WORKLOAD.spot(size, {"angles": angles.reshape(-1)}, {"state": state})
    np.testing.assert_allclose(got, want, atol=1e-15)
    assert len(got) == 4096
    got, want = WORKLOAD.spot(size, {"angles": angles.reshape(-1)}, {"state": np.roll(state, 1)})
    assert not np.allclose(got, want, atol=1e-3)
