"""Wilson hopping term in NumPy: spin-projected, sites last, in blocks of sites that stay in cache."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from ngtbench.kernels.lattice.spin import hops
from ngtbench.model.workload import Array, Arrays, Run, Setup

Parity = Literal["full", "even", "odd"]

# Below half of NumPy's 8192-element buffer, broadcast operands are copied into it first: 4096 sites ran twice as fast as 2048.
BLOCK = 4096


def hopping_numpy(links: Array, spinor: Array, boundary: Sequence[complex]) -> Array:
    """Return D psi as `wilson_dslash` does, in array operations, of arguments that were checked; sources may come first."""
    hopping, psi = Hopping(links, boundary), sites_last(spinor)
    out = np.zeros_like(psi)
    hopping.add(psi, out)
    return np.ascontiguousarray(sites_first(out, spinor.shape))


def projected(setup: Setup, links: Array, spinor: Array) -> Run:
    """Pack links (both directions, phases in) and spinors with sites last; apply D block by block, sources inside."""
    size = setup.size
    hopping, psi = Hopping(links, size.boundary, size.parity), sites_last(spinor, _OTHER[size.parity])
    out = np.empty((len(psi), 4, 3, hopping.count), psi.dtype)
    result = sites_first(out, spinor.shape, size.parity)
    setup.say(f"spin-projected, sites last, blocks of {BLOCK}")

    def run() -> Arrays:
        hopping.write(psi, out)
        return {"out": result}

    return run


class Hopping:
    """D onto the sites of one parity, or onto all; `scale` is a factor on it.

    Spinors have shape (sources, 4, 3, sites): read at the sites of the other parity, written at those of this one, both in C
    order of the whole lattice. With a parity, all extents are even.
    """

    def __init__(self, links: Array, boundary: Sequence[complex], parity: Parity = "full", scale: float = 1) -> None:
        shape = links.shape[1:5]
        packed = pack(links, boundary)
        self._links = packed if parity == "full" else packed[..., sites(shape, parity)]
        if scale != 1:
            self._links *= scale
        self._table = neighbours(shape, parity)
        self.count = self._table.shape[1]
        edges = np.linspace(0, self.count, max(1, self.count // BLOCK) + 1).astype(int).tolist()
        self.blocks = [slice(start, stop) for start, stop in pairwise(edges)]
        self._work = {n: _Workspace(n, links.dtype) for n in {block.stop - block.start for block in self.blocks}}

    def write(self, psi: Array, out: Array) -> None:
        """Write scale D psi to `out`."""
        for block in self.blocks:
            out[..., block] = 0
            self.add_block(psi, out, block)

    def add(self, psi: Array, out: Array) -> None:
        """Add scale D psi to `out`."""
        for block in self.blocks:
            self.add_block(psi, out, block)

    def add_block(self, psi: Array, out: Array, block: slice) -> None:
        """Add one block of scale D psi to `out`, for each source while links are in cache."""
        work, links, table = self._work[block.stop - block.start], self._links[..., block], self._table[:, block]
        for source, target in zip(psi, out, strict=True):
            work.add(source, links, table, target[..., block])


_OTHER: dict[str, Parity] = {"full": "full", "even": "odd", "odd": "even"}


def sites_last(spinor: Array, parity: Parity = "full") -> Array:
    """Return spinor[x, y, z, t, spin, colour], with or without leading sources, as (sources, 4, 3, sites of a parity)."""
    shape = spinor.shape[-6:-2]
    flat = spinor.reshape(-1, int(np.prod(shape)), 4, 3)
    part = flat if parity == "full" else flat[:, sites(shape, parity)]
    return np.ascontiguousarray(part.transpose(0, 2, 3, 1))


def sites_first(out: Array, shape: tuple[int, ...], parity: Parity = "full") -> Array:
    """Return a view of (sources, 4, 3, sites) like spinors of this shape, or with one axis for the sites of a parity."""
    lattice = shape[-6:-2] if parity == "full" else (out.shape[3],)
    return out.transpose(0, 3, 1, 2).reshape(*shape[:-6], *lattice, 4, 3)


def pack(links: Array, boundary: Sequence[complex]) -> Array:
    """Return links[hop, a, b, site]: U_mu(x) and U_mu(x-mu)^+ in turns, boundary phases multiplied in."""
    shape = links.shape[1:5]
    packed = np.empty((8, 3, 3, *shape), dtype=links.dtype)
    for mu, phase in enumerate(boundary):
        ahead = packed[2 * mu]
        ahead[...] = np.moveaxis(links[mu], (-2, -1), (0, 1))
        ahead[(slice(None),) * (2 + mu) + (-1,)] *= phase
        packed[2 * mu + 1] = np.roll(ahead.conj().swapaxes(0, 1), 1, axis=2 + mu)
    return packed.reshape(8, 3, 3, -1)


def sites(shape: tuple[int, ...], parity: Parity) -> Array:
    """Return the flat indices, in C order, of the sites of a parity: (x + y + z + t) % 2 is 0 for even."""
    odd = np.indices(shape).sum(axis=0).ravel() % 2
    return np.arange(odd.size) if parity == "full" else np.flatnonzero(odd == (parity == "odd"))


def neighbours(shape: tuple[int, ...], parity: Parity = "full") -> Array:
    """Return the site each hop fetches from, shape (8, sites); of a parity, its place among the sites of the other one."""
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    table = np.stack([np.roll(numbers, hop.step, axis=hop.mu).ravel() for hop in hops()])
    return table if parity == "full" else table[:, sites(shape, parity)] // 2  # of two neighbours along t one is even


class _Workspace:
    """Buffers of one block length."""

    def __init__(self, sites: int, dtype: Any) -> None:
        self._near = np.empty((4, 3, sites), dtype)
        self._half, self._product, self._term = (np.empty((2, 3, sites), dtype) for _ in range(3))
        self._hops = [(hop.order, np.array(hop.phases, dtype)[:, None, None]) for hop in hops()]

    def add(self, psi: Array, links: Array, table: Array, out: Array) -> None:
        """Add the eight hops to one block of the output."""
        near, half, product, term = self._near, self._half, self._product, self._term
        upper = out[:2]
        for u, neighbour, (order, phases) in zip(links, table, self._hops, strict=True):
            np.take(psi, neighbour, axis=2, out=near, mode="clip")  # "raise" would go through a copy
            np.multiply(near[2:][order], phases, out=term)
            np.add(near[:2], term, out=half)
            np.multiply(u[:, 0], half[:, None, 0], out=product)
            for b in (1, 2):
                np.multiply(u[:, b], half[:, None, b], out=term)
                np.add(product, term, out=product)
            np.add(upper, product, out=upper)
            lower = out[2:][order]
            np.multiply(product, phases.conj(), out=term)
            np.add(lower, term, out=lower)
