"""Staggered operator in CuPy: array operations, sites last, eta and 1/2 in the links."""

import cupy as cp

from ngtbench.kernels.lattice.staggered import OTHER, colours_last, signs
from ngtbench.kernels.lattice.wilson import neighbours, sites
from ngtbench.kernels.lattice.wilson_cupy import pack
from ngtbench.model.workload import Arrays, Run, Setup


def gathered(setup: Setup, links: cp.ndarray, field: cp.ndarray) -> Run:
    """Pack links (both directions; eta, 1/2 and phases in) and fields with sites last; eight hops over all sites."""
    shape, parity = links.shape[1:5], setup.size.parity
    factors = cp.asarray(signs(shape).astype(links.real.dtype))
    packed = pack(links, setup.size.boundary).reshape(8, 3, 3, -1) * factors[:, None, None]
    table = cp.asarray(neighbours(shape, parity))
    chi = field.reshape(-1, packed.shape[3], 3).transpose(0, 2, 1)
    if parity != "full":
        packed, chi = packed[..., cp.asarray(sites(shape, parity))], chi[..., cp.asarray(sites(shape, OTHER[parity]))]
    chi = cp.ascontiguousarray(chi)
    out = cp.empty((len(chi), 3, table.shape[1]), links.dtype)
    terms = list(zip(packed, table, strict=True))
    result = colours_last(out, field.shape, parity)
    setup.say("sites last, gathers over all sites")

    def run() -> Arrays:
        out.fill(0)
        for u, neighbour in terms:
            near = cp.take(chi, neighbour, axis=2)
            total = u[:, 0] * near[:, None, 0]
            total += u[:, 1] * near[:, None, 1]
            total += u[:, 2] * near[:, None, 2]
            out[...] += total
        return {"out": result}

    return run
