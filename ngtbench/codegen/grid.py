"""How a lattice is laid out for a kernel: blocks of W sites, one from each of W equal sub-lattices ("virtual nodes").

Arrays are [block][source][component][lane]. A block holds the sites with the same place in every sub-lattice, so that a step
to a neighbour is a step to another block, all lanes alike; only where it leaves the sub-lattice are the lanes permuted.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from ngtbench.codegen import pages
from ngtbench.codegen.kernel import Hop
from ngtbench.model.workload import Array

Part = Literal["all", "even", "odd"]


@dataclass(frozen=True)
class Grid:
    """A periodic lattice cut into lanes.

    With `parity`, blocks of even sites are numbered before those of odd ones, and no block has both.
    """

    shape: tuple[int, ...]
    splits: tuple[int, ...]  # sub-lattices along each axis
    parity: bool = False

    @property
    def lanes(self) -> int:
        """Sites of a block."""
        return int(np.prod(self.splits))

    @property
    def inner(self) -> tuple[int, ...]:
        """The extents of a sub-lattice."""
        return tuple(extent // split for extent, split in zip(self.shape, self.splits, strict=True))

    @property
    def blocks(self) -> int:
        """Blocks of the whole lattice."""
        return int(np.prod(self.inner))

    @cached_property
    def _visits(self) -> Array:
        """The places in a sub-lattice in the order of visits, row by row, shape (blocks, axes)."""
        return np.stack(np.unravel_index(np.arange(self.blocks), self.inner), axis=1)

    @cached_property
    def _places(self) -> Array:
        """The place that each block stands for, shape (blocks, axes): numbered as visited, or even ones before odd ones."""
        places = self._visits
        return places[np.argsort(places.sum(axis=1) % 2, kind="stable")] if self.parity else places

    @cached_property
    def _number(self) -> Array:
        """The block of each place, shape `inner`."""
        number = np.empty(self.inner, dtype=np.int64)
        number[tuple(self._places.T)] = np.arange(self.blocks)
        return number

    @cached_property
    def sites(self) -> Array:
        """The flat index (C order) of the site in each lane of each block, shape (blocks, lanes)."""
        corner = np.stack(np.unravel_index(np.arange(self.lanes), self.splits), axis=1) * np.array(self.inner)
        where = self._places[:, None, :] + corner
        return np.asarray(np.ravel_multi_index(tuple(np.moveaxis(where, -1, 0)), self.shape))

    def range(self, part: Part) -> slice:
        """Return the blocks of a part; ValueError where even and odd sites share blocks."""
        if part != "all" and not self.parity:
            raise ValueError(f"a grid with no parity has no part '{part}'")
        half = self.blocks // 2
        return {"all": slice(0, self.blocks), "even": slice(0, half), "odd": slice(half, self.blocks)}[part]

    def permuted(self, hop: Hop) -> tuple[int, ...]:
        """Return for each lane the one its neighbour is in, for a hop that leaves the sub-lattice."""
        lanes = np.stack(np.unravel_index(np.arange(self.lanes), self.splits))
        axis, step = hop
        lanes[axis] = (lanes[axis] + step) % self.splits[axis]
        return tuple(int(lane) for lane in np.ravel_multi_index(tuple(lanes), self.splits))

    def table(self, hops: Sequence[Hop], part: Part = "all") -> Array:
        """Return int32 rows (own block, then per hop: 2 x block + 1 if it leaves the sub-lattice), in the order of visits.

        A row is added at the end, which the last visit prefetches from.
        """
        chosen = self._visits if part == "all" else self._places[self.range(part)]
        rows = np.empty((len(chosen) + 1, 1 + len(hops)), dtype=np.int32)
        rows[:-1, 0] = self._number[tuple(chosen.T)]
        for k, (axis, step) in enumerate(hops, start=1):
            there = chosen.copy()
            there[:, axis] += step
            outside = (there[:, axis] < 0) | (there[:, axis] >= self.inner[axis])
            there[:, axis] %= self.inner[axis]
            rows[:-1, k] = 2 * self._number[tuple(there.T)] + outside
        rows[-1] = rows[-2]
        return rows

    def pack(self, reals: Array, part: Part = "all", offset_b: int = 0) -> Array:
        """Return reals of shape (sites, components), or (sources, sites, components), as (blocks, sources, components, lanes)."""
        many = reals if reals.ndim == 3 else reals[None]
        chosen = self.sites[self.range(part)]
        packed = pages.empty((len(chosen), len(many), many.shape[2], self.lanes), reals.dtype, offset_b)
        for source, one in enumerate(many):
            packed[:, source] = one[chosen].transpose(0, 2, 1)
        return packed

    def unpack(self, packed: Array) -> Array:
        """Return (sources, sites, components) of a whole lattice."""
        found = np.empty((packed.shape[1], self.sites.size, packed.shape[2]), dtype=packed.dtype)
        found[:, self.sites] = packed.transpose(1, 0, 3, 2)
        return found


def grid(shape: Sequence[int], lanes: int, *, parity: bool = False) -> Grid:
    """Return the best grid with so many lanes, or half as many, and so on, if they do not divide the lattice.

    Best is where the fewest hops leave their sub-lattice; among equals, where the slowest axes are left whole. With `parity`
    the extents of sub-lattices are even, so that all lanes of a block are of one parity.
    Raises ValueError for a lattice of odd extents with `parity`.
    """
    unit = 2 if parity else 1
    while True:
        cuts = [
            splits
            for splits in itertools.product(*([s for s in range(1, lanes + 1) if extent % (s * unit) == 0] for extent in shape))
            if int(np.prod(splits)) == lanes
        ]
        if cuts:
            return Grid(tuple(shape), min(cuts, key=lambda splits: (_leaving(shape, splits), splits)), parity)
        if lanes == 1:
            raise ValueError(f"an even-odd split needs even extents, not {tuple(shape)}")
        lanes //= 2


def _leaving(shape: Sequence[int], splits: Sequence[int]) -> float:
    return sum(2 * split / extent for extent, split in zip(shape, splits, strict=True) if split > 1)
