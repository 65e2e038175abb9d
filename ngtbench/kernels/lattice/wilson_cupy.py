"""Wilson hopping term in CuPy: spin-projected array operations, sites last."""

from functools import partial
from typing import Any

import cupy as cp

from ngtbench.kernels.lattice.spin import hops
from ngtbench.kernels.lattice.wilson import Parity, neighbours, sites
from ngtbench.model.workload import Arrays, Run, Setup


def projected(setup: Setup, links: cp.ndarray, spinor: cp.ndarray) -> Run:
    """Pack links (both directions, phases in) and spinors with sites last; eight hops over all sites of all sources."""
    size = setup.size
    hopping = Hopping(links, size.boundary, size.parity)
    psi = sites_last(spinor, "odd" if size.parity == "even" else "full")
    out = cp.empty_like(psi)
    result = sites_first(out, size.sources)
    setup.say("spin-projected, sites last, whole lattice")

    def run() -> Arrays:
        out.fill(0)
        hopping.add(psi, out)
        return {"out": result}

    return run


class Hopping:
    """D onto the sites of one parity, or onto all; `scale` is a factor on it.

    Spinors have shape (4, 3, sources, x, y, z, t), or (4, 3, sources, sites) where a parity is given: read at the sites of the
    other one, written at those of this one.
    """

    def __init__(self, links: cp.ndarray, boundary: tuple[complex, ...], parity: Parity = "full", scale: float = 1) -> None:
        packed = pack(links, boundary)[:, :, :, None]
        if parity != "full":
            packed = packed.reshape(8, 3, 3, 1, -1)[..., cp.asarray(sites(links.shape[1:5], parity))]
            table = cp.asarray(neighbours(links.shape[1:5], parity))
        packed *= scale
        self._terms = []
        for k, hop in enumerate(hops()):
            phases = cp.array(hop.phases, dtype=links.dtype).reshape(2, *(1,) * (packed.ndim - 2))
            fetch: Any = partial(cp.roll, shift=hop.step, axis=3 + hop.mu)
            if parity != "full":
                fetch = partial(cp.take, indices=table[k], axis=-1)
            self._terms.append((hop, packed[k], phases, phases.conj(), fetch))

    def add(self, psi: cp.ndarray, out: cp.ndarray) -> None:
        """Add scale D psi to `out`."""
        for hop, u, phases, conjugate, fetch in self._terms:
            half = fetch(psi[:2] + phases * psi[2:][hop.order])
            product = u[:, 0] * half[:, None, 0]
            product += u[:, 1] * half[:, None, 1]
            product += u[:, 2] * half[:, None, 2]
            out[:2] += product
            lower = out[2:][hop.order]
            lower += conjugate * product


def sites_last(spinor: cp.ndarray, parity: Parity = "full") -> cp.ndarray:
    """Return spinor[x, y, z, t, spin, colour], with or without leading sources, as `Hopping` takes it."""
    shape = spinor.shape[-6:-2]
    moved = cp.ascontiguousarray(spinor.reshape(-1, *shape, 4, 3).transpose(5, 6, 0, 1, 2, 3, 4))
    if parity == "full":
        return moved
    part = moved.reshape(*moved.shape[:3], -1)[..., cp.asarray(sites(shape, parity))]
    return cp.ascontiguousarray(part)


def sites_first(out: cp.ndarray, sources: int) -> cp.ndarray:
    """Return a view with sources first, if there are many, and spin and colour last."""
    view = out.transpose(*range(2, out.ndim), 0, 1)
    return view[0] if sources == 1 else view


def pack(links: cp.ndarray, boundary: tuple[complex, ...]) -> cp.ndarray:
    """Return links[hop, a, b, x, y, z, t]: U_mu(x) and U_mu(x-mu)^+ in turns, boundary phases multiplied in."""
    packed = cp.empty((8, 3, 3, *links.shape[1:5]), dtype=links.dtype)
    for mu, phase in enumerate(boundary):
        ahead = packed[2 * mu]
        ahead[...] = links[mu].transpose(4, 5, 0, 1, 2, 3)
        ahead[(slice(None),) * (2 + mu) + (-1,)] *= phase
        packed[2 * mu + 1] = cp.roll(ahead.conj().swapaxes(0, 1), 1, axis=2 + mu)
    return packed
