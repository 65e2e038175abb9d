"""Wilson-clover matrix in CuPy: array operations, sites last."""

import cupy as cp

from ngtbench.kernels.lattice.clover import filled
from ngtbench.kernels.lattice.wilson import Parity, sites
from ngtbench.kernels.lattice.wilson_cupy import Hopping, sites_first, sites_last
from ngtbench.model.workload import Arrays, Run, Setup


def projected(setup: Setup, links: cp.ndarray, spinor: cp.ndarray) -> Run:
    """Make 1 + 2 kappa c_sw C site by site, fold -kappa into the links; apply both over all sites of all sources."""
    size = setup.size
    hopping = Hopping(links, size.boundary, size.parity, -size.kappa)
    diagonal = matrices(links, size.kappa, size.csw, size.parity)
    own = sites_last(spinor, size.parity)
    near = own if size.parity == "full" else sites_last(spinor, "odd")
    out = cp.empty_like(own)
    rows, columns = (field.reshape(2, 6, *own.shape[2:]) for field in (out, own))
    result = sites_first(out, size.sources)
    setup.say("blocks of 6 x 6 numbers, spin-projected, sites last, whole lattice")

    def run() -> Arrays:
        cp.multiply(diagonal[:, :, 0], columns[:, None, 0], out=rows)
        for j in range(1, 6):
            term = diagonal[:, :, j] * columns[:, None, j]
            cp.add(rows, term, out=rows)
        hopping.add(near, out)
        return {"out": result}

    return run


def matrices(links: cp.ndarray, kappa: float, csw: float, parity: Parity) -> cp.ndarray:
    """Return the blocks of 1 + 2 kappa c_sw C, shape (2, 6, 6, 1, x, y, z, t) or, of a parity, (2, 6, 6, 1, sites)."""
    shape = links.shape[1:5]
    found = filled(cp.zeros((*shape, 2, 6, 6), links.dtype), links, cp.roll) * (2 * kappa * csw)
    found += cp.eye(6, dtype=links.dtype)
    moved = cp.ascontiguousarray(found.transpose(4, 5, 6, 0, 1, 2, 3))[:, :, :, None]
    if parity == "full":
        return moved
    return cp.ascontiguousarray(moved.reshape(2, 6, 6, 1, -1)[..., cp.asarray(sites(shape, parity))])
