"""Staggered operator in NumPy: sites last, in blocks of sites that stay in cache, eta and 1/2 in the links."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ngtbench.kernels.lattice.wilson import BLOCK, Parity, neighbours, pack, sites
from ngtbench.model.workload import Array, Arrays, Run, Setup

OTHER: dict[str, Parity] = {"full": "full", "even": "odd", "odd": "even"}


def staggered_numpy(links: Array, field: Array, boundary: Sequence[complex]) -> Array:
    """Return D chi as `staggered_dslash` does, in array operations, of arguments that were checked; sources may come first."""
    chi = colours_first(field)
    out = np.empty_like(chi)
    Staggered(links, boundary).write(chi, out)
    return np.ascontiguousarray(colours_last(out, field.shape))


def blocked(setup: Setup, links: Array, field: Array) -> Run:
    """Pack links (both directions; eta, 1/2 and phases in) and fields with sites last; apply D block by block, sources inside."""
    size = setup.size
    staggered, chi = Staggered(links, size.boundary, size.parity), colours_first(field, OTHER[size.parity])
    out = np.empty((len(chi), 3, staggered.count), chi.dtype)
    result = colours_last(out, field.shape, size.parity)
    setup.say(f"sites last, blocks of {BLOCK}")

    def run() -> Arrays:
        staggered.write(chi, out)
        return {"out": result}

    return run


class Staggered:
    """D onto the sites of one parity, or onto all.

    Fields have shape (sources, 3, sites): read at the sites of the other parity, written at those of this one, both in C order
    of the whole lattice. With a parity, all extents are even.
    """

    def __init__(self, links: Array, boundary: Sequence[complex], parity: Parity = "full") -> None:
        shape = links.shape[1:5]
        self._links = pack(links, boundary) * signs(shape)[:, None, None].astype(links.real.dtype)
        if parity != "full":
            self._links = self._links[..., sites(shape, parity)]
        self._table = neighbours(shape, parity)
        self.count = self._table.shape[1]
        edges = np.linspace(0, self.count, max(1, self.count // BLOCK) + 1).astype(int).tolist()
        self._blocks = [slice(start, stop) for start, stop in pairwise(edges)]
        self._room = {n: _Room(n, links.dtype) for n in {block.stop - block.start for block in self._blocks}}

    def write(self, chi: Array, out: Array) -> None:
        """Write D chi to `out`, block by block, and for each source while links are in cache."""
        for block in self._blocks:
            room, links, table = self._room[block.stop - block.start], self._links[..., block], self._table[:, block]
            for source, target in zip(chi, out, strict=True):
                room.write(source, links, table, target[:, block])


class _Room:
    """Buffers of one block length."""

    def __init__(self, sites: int, dtype: Any) -> None:
        self._near, self._term = (np.empty((3, sites), dtype) for _ in range(2))

    def write(self, chi: Array, links: Array, table: Array, out: Array) -> None:
        """Sum the eight hops into one block of the output."""
        near, term = self._near, self._term
        out[...] = 0
        for u, neighbour in zip(links, table, strict=True):
            np.take(chi, neighbour, axis=1, out=near, mode="clip")  # "raise" would go through a copy
            for b in range(3):
                np.multiply(u[:, b], near[b], out=term)
                np.add(out, term, out=out)


def signs(shape: tuple[int, ...]) -> Array:
    """Return the factor of each hop, shape (8, sites): eta_mu(x) / 2 ahead, -eta_mu(x) / 2 behind."""
    parity = np.zeros(shape, dtype=int)  # of the coordinates before mu
    factors = []
    for mu in range(4):
        half = (0.5 - parity % 2).ravel()
        factors += [half, -half]
        parity = parity + np.indices(shape)[mu]
    return np.stack(factors)


def colours_first(field: Array, parity: Parity = "full") -> Array:
    """Return field[x, y, z, t, colour], with or without leading sources, as (sources, 3, sites of a parity)."""
    shape = field.shape[-5:-1]
    flat = field.reshape(-1, int(np.prod(shape)), 3)
    part = flat if parity == "full" else flat[:, sites(shape, parity)]
    return np.ascontiguousarray(part.transpose(0, 2, 1))


def colours_last(out: Array, shape: tuple[int, ...], parity: Parity = "full") -> Array:
    """Return a view of (sources, 3, sites) like fields of this shape, or with one axis for the sites of a parity."""
    lattice = shape[-5:-1] if parity == "full" else (out.shape[2],)
    return out.transpose(0, 2, 1).reshape(*shape[:-5], *lattice, 3)
