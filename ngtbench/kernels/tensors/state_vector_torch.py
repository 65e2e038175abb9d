"""A state vector in torch: rotations of a few qubits, and the CZs among them, are one matrix product."""

import torch

from ngtbench.kernels.tensors.state_vector import crossing, groups, signs
from ngtbench.model.workload import Arrays, Run, Setup
from ngtbench.physics.tensors.ansatz import Ansatz

_TOGETHER = {"cpu": 4, "cuda": 5}  # qubits


def products(setup: Setup, angles: torch.Tensor) -> Run:
    """Allocate two states; each product goes from one to the other."""
    circuit = Circuit(setup.size, angles)
    states = [circuit.empty() for _ in range(2)]

    def run() -> Arrays:
        return {"state": circuit.forward(circuit.matrices(angles), *states)[0]}

    return run


class Circuit:
    """A circuit in groups of qubits, each rotated by one matrix a layer."""

    def __init__(self, size: Ansatz, angles: torch.Tensor) -> None:
        self.size, self.place = size, angles.device
        self.kind = torch.complex128 if angles.dtype == torch.float64 else torch.complex64
        self.parts = groups(size.qubits, _TOGETHER[self.place.type])
        self.signs = [torch.from_numpy(signs(size, group))[:, :, None].to(self.place) for group in self.parts]
        self._across = [crossing(size, layer, self.parts) for layer in range(size.layers)]

    def empty(self) -> torch.Tensor:
        """Return room for a state."""
        return torch.empty(1 << self.size.qubits, dtype=self.kind, device=self.place)

    def matrices(self, angles: torch.Tensor) -> list[torch.Tensor]:
        """Return a matrix per layer of each group."""
        each = _rotations(angles)
        made = [_together(each[:, group.start : group.stop]) for group in self.parts]
        return [(sign * one).to(self.kind) for sign, one in zip(self.signs, made, strict=True)]

    def forward(self, matrices: list[torch.Tensor], here: torch.Tensor, there: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the state after the circuit, and the tensor that is left."""
        here.zero_()
        here[0] = 1
        for layer in range(self.size.layers):
            for group, matrix in zip(self.parts, matrices, strict=True):
                self.apply(matrix[layer], here, there, group)
                here, there = there, here
            self.negate(here, layer)
        return here, there

    def negate(self, state: torch.Tensor, layer: int) -> None:
        """Do the CZs of a layer that lie in two groups."""
        for q in self._across[layer]:
            state.view(1 << q, 2, 2, -1)[:, 1, 1].neg_()

    def apply(self, matrix: torch.Tensor, here: torch.Tensor, there: torch.Tensor, group: range) -> None:
        """Write the product of a group's matrix and the state."""
        side, below = len(matrix), 1 << (self.size.qubits - group.stop)
        if below == 1:
            torch.mm(here.view(-1, side), matrix.T, out=there.view(-1, side))
        else:
            shape = (1 << group.start, side, below)
            torch.bmm(matrix.expand(shape[0], side, side), here.view(shape), out=there.view(shape))

    def overlap(self, bra: torch.Tensor, ket: torch.Tensor, group: range) -> torch.Tensor:
        """Return sum conj(bra) ket over all other qubits, rows by the bits of bra."""
        shape = (1 << group.start, 1 << len(group), -1)
        a, b = bra.view(shape), ket.view(shape)
        if a.shape[2] == 1:
            return a[..., 0].conj().T @ b[..., 0]
        return torch.sum(a.conj() @ b.transpose(1, 2), dim=0)


def _rotations(angles: torch.Tensor) -> torch.Tensor:
    """Return Rz Ry, complex128, (layers, qubits, 2, 2)."""
    half = angles.double() / 2
    c, s = torch.cos(half[..., 0]), torch.sin(half[..., 0])
    phase = torch.polar(torch.ones_like(c), half[..., 1])[..., None]
    return torch.stack((torch.stack((c, -s), -1) * phase.conj(), torch.stack((s, c), -1) * phase), -2)


def _together(each: torch.Tensor) -> torch.Tensor:
    """Return Kronecker products: (layers, qubits, 2, 2) to (layers, 2^qubits, 2^qubits)."""
    found = each[:, 0]
    for k in range(1, each.shape[1]):
        side = 2 * found.shape[1]
        found = (found[:, :, None, :, None] * each[:, k, None, :, None, :]).reshape(-1, side, side)
    return found
