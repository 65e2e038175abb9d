"""Wilson hopping term in torch: spin-projected array operations on complex tensors, sites last."""

from functools import partial
from typing import Any

import torch

from ngtbench.kernels.lattice.spin import hops
from ngtbench.kernels.lattice.wilson import Parity, neighbours, sites
from ngtbench.model.workload import Arrays, Run, Setup


def projected(setup: Setup, links: torch.Tensor, spinor: torch.Tensor) -> Run:
    """Pack links (both directions, phases in) and spinors with sites last; eight hops over all sites of all sources."""
    size = setup.size
    hopping = Hopping(links, size.boundary, size.parity)
    psi = sites_last(spinor, "odd" if size.parity == "even" else "full")
    out = torch.empty_like(psi)
    result = sites_first(out, size.sources)
    setup.say("spin-projected, sites last, whole lattice")

    def run() -> Arrays:
        out.zero_()
        hopping.add(psi, out)
        return {"out": result}

    return run


class Hopping:
    """D onto the sites of one parity, or onto all; `scale` is a factor on it.

    Spinors have shape (4, 3, sources, x, y, z, t), or (4, 3, sources, sites) where a parity is given: read at the sites of the
    other one, written at those of this one.
    """

    def __init__(self, links: torch.Tensor, boundary: tuple[complex, ...], parity: Parity = "full", scale: float = 1) -> None:
        packed = pack(links, boundary).unsqueeze(3)
        if parity != "full":
            own = torch.from_numpy(sites(links.shape[1:5], parity)).to(links.device)
            table = torch.from_numpy(neighbours(links.shape[1:5], parity)).to(links.device)
            packed = packed.flatten(4)[..., own]
        packed *= scale
        self._terms = []
        for k, hop in enumerate(hops()):
            phases = torch.tensor(hop.phases, dtype=links.dtype, device=links.device).reshape(2, *(1,) * (packed.dim() - 2))
            fetch: Any = partial(torch.roll, shifts=hop.step, dims=3 + hop.mu)
            if parity != "full":
                fetch = partial(torch.index_select, dim=-1, index=table[k])
            self._terms.append((hop, packed[k], phases, phases.conj().resolve_conj(), fetch))
        self._room: list[torch.Tensor] = []

    def add(self, psi: torch.Tensor, out: torch.Tensor) -> None:
        """Add scale D psi to `out`."""
        if not self._room:
            self._room = [torch.empty_like(psi[:2]), torch.empty_like(out[:2])]
        other, product = self._room
        upper, lower = out[:2], out[2:]
        for hop, u, phases, conjugate, fetch in self._terms:
            below = psi[2:].flip(0) if hop.swapped else psi[2:]
            half = fetch(torch.addcmul(psi[:2], below, phases, out=other))
            torch.mul(u[:, 0], half[:, None, 0], out=product)
            product.addcmul_(u[:, 1], half[:, None, 1]).addcmul_(u[:, 2], half[:, None, 2])
            upper.add_(product)
            product.mul_(conjugate)
            lower.add_(product.flip(0) if hop.swapped else product)


def sites_last(spinor: torch.Tensor, parity: Parity = "full") -> torch.Tensor:
    """Return spinor[x, y, z, t, spin, colour], with or without leading sources, as `Hopping` takes it."""
    shape = spinor.shape[-6:-2]
    moved = spinor.reshape(-1, *shape, 4, 3).permute(5, 6, 0, 1, 2, 3, 4)
    if parity == "full":
        return moved.contiguous()
    return moved.flatten(3)[..., torch.from_numpy(sites(shape, parity)).to(spinor.device)].contiguous()


def sites_first(out: torch.Tensor, sources: int) -> torch.Tensor:
    """Return a view with sources first, if there are many, and spin and colour last."""
    view = out.permute(*range(2, out.dim()), 0, 1)
    return view[0] if sources == 1 else view


def pack(links: torch.Tensor, boundary: tuple[complex, ...]) -> torch.Tensor:
    """Return links[hop, a, b, x, y, z, t]: U_mu(x) and U_mu(x-mu)^+ in turns, boundary phases multiplied in."""
    packed = links.new_empty((8, 3, 3, *links.shape[1:5]))
    for mu, phase in enumerate(boundary):
        ahead = packed[2 * mu]
        ahead.copy_(links[mu].permute(4, 5, 0, 1, 2, 3))
        ahead.select(2 + mu, -1).mul_(phase)
        packed[2 * mu + 1] = torch.roll(ahead.conj().transpose(0, 1), 1, 2 + mu)
    return packed
