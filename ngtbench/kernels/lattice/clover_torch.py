"""Wilson-clover matrix in torch: array operations on complex tensors, sites last."""

import torch

from ngtbench.kernels.lattice.clover import filled
from ngtbench.kernels.lattice.wilson import Parity, sites
from ngtbench.kernels.lattice.wilson_torch import Hopping, sites_first, sites_last
from ngtbench.model.workload import Arrays, Run, Setup


def projected(setup: Setup, links: torch.Tensor, spinor: torch.Tensor) -> Run:
    """Make 1 + 2 kappa c_sw C site by site, fold -kappa into the links; apply both over all sites of all sources."""
    size = setup.size
    hopping = Hopping(links, size.boundary, size.parity, -size.kappa)
    diagonal = matrices(links, size.kappa, size.csw, size.parity)
    own = sites_last(spinor, size.parity)
    near = own if size.parity == "full" else sites_last(spinor, "odd")
    out = torch.empty_like(own)
    rows, columns = (field.view(2, 6, *own.shape[2:]) for field in (out, own))
    result = sites_first(out, size.sources)
    setup.say("blocks of 6 x 6 numbers, spin-projected, sites last, whole lattice")

    def run() -> Arrays:
        torch.mul(diagonal[:, :, 0], columns[:, None, 0], out=rows)
        for j in range(1, 6):
            rows.addcmul_(diagonal[:, :, j], columns[:, None, j])
        hopping.add(near, out)
        return {"out": result}

    return run


def matrices(links: torch.Tensor, kappa: float, csw: float, parity: Parity) -> torch.Tensor:
    """Return the blocks of 1 + 2 kappa c_sw C, shape (2, 6, 6, 1, x, y, z, t) or, of a parity, (2, 6, 6, 1, sites)."""
    shape = links.shape[1:5]
    found: torch.Tensor = filled(links.new_zeros((*shape, 2, 6, 6)), links, torch.roll) * (2 * kappa * csw)
    found[..., range(6), range(6)] += 1
    moved = found.permute(4, 5, 6, 0, 1, 2, 3).unsqueeze(3)
    if parity != "full":
        moved = moved.flatten(4)[..., torch.from_numpy(sites(shape, parity)).to(links.device)]
    return moved.contiguous()
