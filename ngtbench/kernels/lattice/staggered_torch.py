"""Staggered operator in torch: array operations on complex tensors, sites last, eta and 1/2 in the links."""

import torch

from ngtbench.kernels.lattice.staggered import OTHER, signs
from ngtbench.kernels.lattice.wilson import Parity, neighbours, sites
from ngtbench.kernels.lattice.wilson_torch import pack
from ngtbench.model.workload import Arrays, Run, Setup


def gathered(setup: Setup, links: torch.Tensor, field: torch.Tensor) -> Run:
    """Pack links (both directions; eta, 1/2 and phases in) and fields with sites last; eight hops over all sites."""
    shape, parity = links.shape[1:5], setup.size.parity
    factors = torch.from_numpy(signs(tuple(shape))).to(links.device, links.real.dtype)
    packed = pack(links, setup.size.boundary).flatten(3) * factors[:, None, None]
    table = torch.from_numpy(neighbours(tuple(shape), parity)).to(links.device)
    chi = field.reshape(-1, shape.numel(), 3).transpose(1, 2)
    if parity != "full":
        packed, chi = packed[..., _sites(shape, parity, links)], chi[..., _sites(shape, OTHER[parity], links)]
    chi, out = chi.contiguous(), links.new_empty((len(chi), 3, table.shape[1]))
    near, terms = torch.empty_like(out), list(zip(packed, table, strict=True))
    sources, lattice = field.shape[:-5], shape if parity == "full" else (table.shape[1],)
    result = out.transpose(1, 2).reshape(*sources, *lattice, 3)
    setup.say("sites last, gathers over all sites")

    def run() -> Arrays:
        out.zero_()
        for u, neighbour in terms:
            torch.index_select(chi, 2, neighbour, out=near)
            for b in range(3):
                out.addcmul_(u[:, b], near[:, None, b])
        return {"out": result}

    return run


def _sites(shape: torch.Size, parity: Parity, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(sites(tuple(shape), parity)).to(like.device)
