"""A variational circuit as a state vector: gates a second, by how often the state goes through memory."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Bounds, Inputs, Workload
from ngtbench.physics.tensors import ansatz
from ngtbench.physics.tensors.ansatz import Ansatz as Size

_SAMPLED = 4096  # amplitudes
_CHUNK = 1 << 18  # amplitudes summed at once
_SUMS = {"float64": 1e-12, "float32": 2e-5}  # of the norm and of <Z>


def inputs(size: Size, seed: int) -> Inputs:
    """Return the angles (layers, qubits, 2)."""
    return {"angles": ansatz.angles(size, seed)}


def reference(size: Size, angles: Array) -> dict[str, Array]:
    """Return all amplitudes, from the circuit's exact matrix-product state."""
    return {"state": ansatz.state(_chain(size, angles))}


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Return amplitudes spread over the state, and what they should be."""
    rows = np.unique(np.linspace(0, 2**size.qubits - 1, _SAMPLED).astype(np.int64) ^ np.arange(_SAMPLED) % 2)
    return outputs["state"][rows], ansatz.amplitudes(_chain(size, _angles(size, inputs)), rows)


def invariants(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], dtype: str) -> Bounds:
    """Sum all probabilities: the norm is 1, and <Z> of each qubit is that of the matrix-product state."""
    step = min(_CHUNK, 2**size.qubits)
    norm, found = 0.0, np.zeros(size.qubits)
    for start in range(0, 2**size.qubits, step):
        p = np.abs(outputs["state"][np.arange(start, start + step)]) ** 2
        norm += float(np.sum(p))
        for q in range(size.qubits):
            bit = size.qubits - 1 - q
            inside = p.reshape(-1, 2, 1 << bit).sum(axis=(0, 2)) if 2 << bit <= step else None
            found[q] += inside[0] - inside[1] if inside is not None else np.sum(p) * (1 - 2 * (start >> bit & 1))
    want = ansatz.magnetisations(_chain(size, _angles(size, inputs)))
    return {"norm": (norm - 1, _SUMS[dtype]), "magnetisation": (float(np.max(np.abs(found - want))), _SUMS[dtype])}


def work(size: Size, item_b: int) -> Work:
    """Count gate by gate: 6 FLOP an amplitude for Ry and for Rz, half a sign for CZ; the least traffic is the state, written."""
    amplitudes = 2**size.qubits
    signs = sum(len(size.pairs(layer)) for layer in range(size.layers))
    flop = amplitudes * (12 * size.qubits * size.layers + signs // 2)
    state_b = 2 * item_b * amplitudes
    return Work(flop, state_b, state_b, size.gates(), "gate")


def nearby(size: Size, k: int) -> Size:
    """Return a circuit of a layer more, or a layer less."""
    return replace(size, layers=size.layers + 1 if k == 0 else max(1, size.layers - 1))


def _chain(size: Size, angles: Array) -> list[Array]:
    return ansatz.chain(ansatz.gates(size, angles), size.qubits)


def _angles(size: Size, inputs: Mapping[str, Any]) -> Array:
    shape = (size.layers, size.qubits, 2)
    found: Array = inputs["angles"][np.arange(np.prod(shape))].reshape(shape)
    return found


WORKLOAD = Workload(
    version=1,
    title="State vector of a variational circuit",
    inputs=inputs,
    reference=reference,
    spot=spot,
    invariants=invariants,
    work=work,
    nearby=nearby,
    sizes={"XS": Size(12), "S": Size(20), "M": Size(24), "L": Size(26)},
    tolerance={"float64": 1e-12, "float32": 5e-5},
    impls=(
        Impl("numpy", "tensors.state_vector:products", "numpy"),
        Impl("native", "tensors.state_vector_native:compiled", "native", tier="optimised"),
        Impl("torch", "tensors.state_vector_torch:products", "torch", devices=("cpu", "gpu")),
    ),
    full=("S", "M"),
    notes=(
        "8 layers of Ry and Rz on every qubit of a line and CZ on every second bond, from |0..0>; 12, 20, 24 and 26 qubits.",
        "float64 is complex128, float32 complex64. The angles are given; matrices are made at each call.",
        "Gate by gate the state would be read and written once a gate: that traffic is gates x 2 x state. Less is moved, as "
        "gates are fused. FLOP are those gate by gate.",
    ),
)
