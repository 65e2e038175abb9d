"""Wilson hopping term in CuPy: spin-projected array operations, sites last."""

import cupy as cp

from ngtbench.kernels.lattice.spin import hops
from ngtbench.model.workload import Arrays, Run, Setup


def projected(setup: Setup, links: cp.ndarray, spinor: cp.ndarray) -> Run:
    """Pack links (both directions, phases in) and spinor with sites last; eight hops over the whole lattice."""
    packed = pack(links, setup.size.boundary)
    psi = cp.ascontiguousarray(spinor.transpose(4, 5, 0, 1, 2, 3))
    phases = [cp.array(hop.phases, dtype=psi.dtype).reshape(2, 1, 1, 1, 1, 1) for hop in hops()]
    terms = list(zip(hops(), packed, phases, strict=True))
    out = cp.empty_like(psi)
    setup.say("spin-projected, sites last, whole lattice")

    def run() -> Arrays:
        out.fill(0)
        for hop, u, phase in terms:
            half = cp.roll(psi[:2] + phase * psi[2:][hop.order], hop.step, axis=2 + hop.mu)
            product = u[:, 0] * half[:, None, 0]
            product += u[:, 1] * half[:, None, 1]
            product += u[:, 2] * half[:, None, 2]
            out[:2] += product
            lower = out[2:][hop.order]
            lower += phase.conj() * product
        return {"out": out.transpose(2, 3, 4, 5, 0, 1)}

    return run


def pack(links: cp.ndarray, boundary: tuple[complex, ...]) -> cp.ndarray:
    """Return links[hop, a, b, x, y, z, t]: U_mu(x) and U_mu(x-mu)^+ in turns, boundary phases multiplied in."""
    packed = cp.empty((8, 3, 3, *links.shape[1:5]), dtype=links.dtype)
    for mu, phase in enumerate(boundary):
        ahead = packed[2 * mu]
        ahead[...] = links[mu].transpose(4, 5, 0, 1, 2, 3)
        ahead[(slice(None),) * (2 + mu) + (-1,)] *= phase
        packed[2 * mu + 1] = cp.roll(ahead.conj().swapaxes(0, 1), 1, axis=2 + mu)
    return packed
