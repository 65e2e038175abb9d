"""The gradient of a variational circuit's energy by all its angles: a state vector there, two back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Workload
from ngtbench.physics.tensors import ansatz
from ngtbench.physics.tensors.ansatz import Ansatz as Size
from ngtbench.workloads.tensors import state_vector

_SAMPLED = 6  # derivatives


def reference(size: Size, angles: Array) -> dict[str, Array]:
    """Return the energy (1,) and its gradient (layers, qubits, 2): each angle shifted by itself."""
    slopes = [ansatz.shifted(size, angles, place) for place in range(angles.size)]
    return {"energy": _energy(size, angles), "gradient": np.array(slopes).reshape(angles.shape)}


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Return the energy and some derivatives, and what they should be."""
    count = 2 * size.layers * size.qubits
    angles = inputs["angles"][np.arange(count)].reshape(size.layers, size.qubits, 2)
    places = np.linspace(0, count - 1, _SAMPLED).astype(np.int64)
    got = np.concatenate((outputs["energy"][np.arange(1)], outputs["gradient"][places]))
    return got, np.concatenate((_energy(size, angles), [ansatz.shifted(size, angles, int(place)) for place in places]))


def work(size: Size, item_b: int) -> Work:
    """Count a circuit there and two back; three states, each written at least once."""
    once = state_vector.work(size, item_b)
    return Work(3 * once.flop, 3 * once.bytes, 3 * once.memory_b, once.events, "gate")


def _energy(size: Size, angles: Array) -> Array:
    return np.array([ansatz.energy(ansatz.chain(ansatz.gates(size, angles), size.qubits))])


WORKLOAD = Workload(
    version=1,
    title="Gradient of a variational circuit",
    inputs=state_vector.inputs,
    reference=reference,
    spot=spot,
    work=work,
    nearby=state_vector.nearby,
    sizes={"XS": Size(6, 3), "S": Size(12), "M": Size(20), "L": Size(26)},
    tolerance={"float64": 1e-12, "float32": 2e-5},
    impls=(
        Impl("numpy", "tensors.state_gradient:adjoint", "numpy"),
        Impl("native", "tensors.state_gradient_native:adjoint", "native", tier="optimised"),
        Impl("torch", "tensors.state_gradient_torch:adjoint", "torch", devices=("cpu", "gpu")),
    ),
    quick=(),
    full=("M",),
    notes=(
        "Energy: -sum Z Z - sum X, the critical Ising chain, of the state of tensors/state_vector; its gradient by every angle.",
        "Adjoint: state and energy operator times state go back through the circuit, and each layer gives its derivatives on the "
        "way (Jones and Gacon 2020, arXiv 2009.02823). A gate of the circuit is an event, whatever is done for its gradient.",
    ),
)
