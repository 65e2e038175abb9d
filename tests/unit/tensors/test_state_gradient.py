"""Gradients of circuits: shifts of a dense state, all implementations at sizes of many blocks, and what must be zero."""

import numpy as np
import pytest
import torch

from ngtbench import backends
from ngtbench.errors import Unavailable
from ngtbench.kernels.tensors import state_gradient, state_gradient_native, state_gradient_torch
from ngtbench.model.workload import Array, Arrays, Setup
from ngtbench.physics.tensors import ansatz
from ngtbench.physics.tensors.ansatz import Ansatz
from ngtbench.workloads.tensors.state_gradient import WORKLOAD


def setup(size: Ansatz, threads: int = 1) -> Setup:
    return Setup(size, "float64", "cpu:0", threads, 1, backends.load("numpy", "cpu:0", threads))


def native(size: Ansatz, angles: Array, threads: int = 1) -> Arrays:
    try:
        return state_gradient_native.adjoint(setup(size, threads), angles)()
    except Unavailable as error:
        pytest.skip(str(error))


def energy(size: Ansatz, angles: Array) -> float:
    """Return the energy of the state, amplitude by amplitude."""
    state = ansatz.state(ansatz.chain(ansatz.gates(size, angles), size.qubits)).reshape((2,) * size.qubits)
    found = 0.0
    for q in range(size.qubits):
        found -= float(np.vdot(state, np.flip(state, q)).real)
        if q + 1 < size.qubits:
            p = np.abs(np.moveaxis(state, (q, q + 1), (0, 1))) ** 2
            found -= float(np.sum(p[0, 0] + p[1, 1] - p[0, 1] - p[1, 0]))
    return found


def test_the_oracle_is_the_limit_of_differences() -> None:
    size = Ansatz(5, 3)
    angles = ansatz.angles(size, 1)
    assert WORKLOAD.reference is not None
    want = WORKLOAD.reference(size, angles=angles)
    assert want["energy"][0] == pytest.approx(energy(size, angles), abs=1e-13)
    for place in (0, 7, 13, 20, 28):
        sides = []
        for sign in (1, -1):
            moved = angles.copy()
            moved.flat[place] += sign * 1e-5
            sides.append(energy(size, moved))
        assert want["gradient"].flat[place] == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-8)


@pytest.mark.parametrize(("qubits", "layers"), [(5, 2), (9, 5), (15, 6)])
def test_every_implementation_has_the_oracles_derivatives(qubits: int, layers: int) -> None:
    size = Ansatz(qubits, layers)
    angles = ansatz.angles(size, 3)
    places = np.linspace(0, angles.size - 1, 12).astype(int)
    want = [ansatz.shifted(size, angles, int(place)) for place in places]
    host = state_gradient.adjoint(setup(size), angles)()
    device = {name: one.numpy() for name, one in state_gradient_torch.adjoint(setup(size), torch.tensor(angles))().items()}
    for got in (host, device, native(size, angles)):
        assert float(got["energy"][0]) == pytest.approx(energy(size, angles), abs=1e-12)
        np.testing.assert_allclose(got["gradient"].flat[places], want, atol=1e-12)
        np.testing.assert_allclose(got["gradient"], host["gradient"], atol=1e-12)


def test_blocks_on_two_threads_give_the_same_again_and_again() -> None:
    size = Ansatz(16, 4)
    angles = ansatz.angles(size, 2)
    one = state_gradient.adjoint(setup(size), angles)()
    run = state_gradient_native.adjoint(setup(size, 2), angles)
    for _ in range(2):
        got = run()
        np.testing.assert_allclose(got["gradient"], one["gradient"], atol=1e-12)
        np.testing.assert_allclose(got["energy"], one["energy"], rtol=1e-13)


def test_a_descent_by_it_lowers_the_energy_to_the_ground_state() -> None:
    """Of three critical sites E0 = 1 - 1 / sin(pi / 14), exactly."""
    size = Ansatz(3, 4)
    angles = ansatz.angles(size, 1)
    run = state_gradient.adjoint(setup(size), angles)
    for _ in range(400):
        found = run()
        angles -= 0.1 * found["gradient"]
    assert run()["energy"][0] == pytest.approx(1 - 1 / np.sin(np.pi / 14), abs=5e-3)


def test_samples_of_a_gradient_are_derivatives_in_their_places() -> None:
    size = Ansatz(8, 3)
    angles = ansatz.angles(size, 1)
    found = state_gradient.adjoint(setup(size), angles)()
    asked = {"energy": found["energy"], "gradient": found["gradient"].reshape(-1)}
    assert WORKLOAD.spot is not None
    got, want = WORKLOAD.spot(size, {"angles": angles.reshape(-1)}, asked)
    np.testing.assert_allclose(got, want, atol=1e-13)
    got, want = WORKLOAD.spot(size, {"angles": angles.reshape(-1)}, asked | {"gradient": np.roll(asked["gradient"], 1)})
    assert not np.allclose(got, want, atol=1e-3)
