"""Wilson hopping term in torch: spin-projected array operations on complex tensors, sites last."""

import torch

from ngtbench.kernels.lattice.spin import hops
from ngtbench.model.workload import Arrays, Run, Setup


def projected(setup: Setup, links: torch.Tensor, spinor: torch.Tensor) -> Run:
    """Pack links (both directions, phases in) and spinor with sites last; eight hops over the whole lattice."""
    packed = pack(links, setup.size.boundary)
    psi = spinor.permute(4, 5, 0, 1, 2, 3).contiguous()
    terms = []
    for hop, u in zip(hops(), packed, strict=True):
        phases = torch.tensor(hop.phases, dtype=psi.dtype, device=psi.device).reshape(2, 1, 1, 1, 1, 1)
        terms.append((hop, u, phases, phases.conj().resolve_conj()))
    out = torch.empty_like(psi)
    upper, lower = out[:2], out[2:]
    product, other = torch.empty_like(upper), torch.empty_like(upper)
    result = out.permute(2, 3, 4, 5, 0, 1)
    setup.say("spin-projected, sites last, whole lattice")

    def run() -> Arrays:
        out.zero_()
        for hop, u, phases, conjugate in terms:
            below = psi[2:].flip(0) if hop.swapped else psi[2:]
            half = torch.roll(torch.addcmul(psi[:2], below, phases, out=other), hop.step, 2 + hop.mu)
            torch.mul(u[:, 0], half[:, None, 0], out=product)
            product.addcmul_(u[:, 1], half[:, None, 1]).addcmul_(u[:, 2], half[:, None, 2])
            upper.add_(product)
            product.mul_(conjugate)
            lower.add_(product.flip(0) if hop.swapped else product)
        return {"out": result}

    return run


def pack(links: torch.Tensor, boundary: tuple[complex, ...]) -> torch.Tensor:
    """Return links[hop, a, b, x, y, z, t]: U_mu(x) and U_mu(x-mu)^+ in turns, boundary phases multiplied in."""
    packed = links.new_empty((8, 3, 3, *links.shape[1:5]))
    for mu, phase in enumerate(boundary):
        ahead = packed[2 * mu]
        ahead.copy_(links[mu].permute(4, 5, 0, 1, 2, 3))
        ahead.select(2 + mu, -1).mul_(phase)
        packed[2 * mu + 1] = torch.roll(ahead.conj().transpose(0, 1), 1, 2 + mu)
    return packed
