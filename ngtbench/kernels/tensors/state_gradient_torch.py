"""The adjoint gradient of a circuit's energy in torch: groups of qubits by matrix products, there and back."""

import torch

from ngtbench.kernels.tensors import state_gradient
from ngtbench.kernels.tensors.state_vector_torch import Circuit
from ngtbench.model.workload import Arrays, Run, Setup


def adjoint(setup: Setup, angles: torch.Tensor) -> Run:
    """Allocate four states: two and what products write."""
    circuit = Circuit(setup.size, angles)
    kets = [circuit.empty() for _ in range(4)]
    x = state_gradient.PAULI[0]
    fields = [torch.from_numpy(state_gradient.sum_of(x, len(group))).to(circuit.place, circuit.kind) for group in circuit.parts]
    bonds = torch.from_numpy(state_gradient.bonds(setup.size.qubits)).to(angles)

    def run() -> Arrays:
        with torch.inference_mode():
            matrices = circuit.matrices(angles)
            ket, spare = circuit.forward(matrices, kets[0], kets[1])
            bra = torch.mul(bonds, ket, out=kets[2])
            for group, field in zip(circuit.parts, fields, strict=True):
                circuit.apply(field, ket, spare, group)
                bra -= spare
            energy, left = torch.vdot(ket, bra).real.reshape(1), kets[3]
            overlaps: list[list[torch.Tensor]] = []
            for layer in range(setup.size.layers - 1, -1, -1):
                circuit.negate(ket, layer)
                circuit.negate(bra, layer)
                overlaps.append([])
                for k, group in enumerate(circuit.parts):
                    sign = circuit.signs[k][layer]
                    overlaps[-1].append(circuit.overlap(bra, ket, group) * (sign * sign.T))
                    back = matrices[k][layer].mH
                    circuit.apply(back, ket, spare, group)
                    circuit.apply(back, bra, left, group)
                    ket, spare, bra, left = spare, ket, left, bra
            return {"energy": energy.to(angles.dtype, copy=True), "gradient": _gradient(circuit, overlaps[::-1], angles)}

    return run


def _gradient(circuit: Circuit, overlaps: list[list[torch.Tensor]], angles: torch.Tensor) -> torch.Tensor:
    """Return (layers, qubits, 2), as `state_gradient.derivatives` does, all layers of a group at once."""
    found = []
    paulis = torch.from_numpy(state_gradient.PAULI).to(circuit.place)
    for k, group in enumerate(circuit.parts):
        every = torch.stack([layer[k] for layer in overlaps]).to(torch.complex128)
        about_z = angles[:, group.start : group.stop, 1].double()
        for j in range(len(group)):
            above, below = 1 << j, 1 << (len(group) - 1 - j)
            one = torch.einsum("laibajb->lij", every.view(-1, above, 2, below, above, 2, below))
            x, y, z = torch.einsum("lij,pij->pl", one, paulis).imag
            turn = about_z[:, j]
            found.append(torch.stack((torch.cos(turn) * y - torch.sin(turn) * x, z), -1))
    return torch.stack(found, 1).to(angles.dtype)
