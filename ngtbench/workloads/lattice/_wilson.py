"""What the oracles of Wilson-like operators share: a lattice as a size, the hopping term as it is defined, checks in slabs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np

from ngtbench.errors import WorkloadError
from ngtbench.model.workload import Array, Inputs
from ngtbench.physics import gamma, lattice

# Links in 8 reals: |a1| = sqrt(1 - n) is off by eps / (2 |a1|), and what is rebuilt from it by a few times that. The smallest
# |a1| of N random links is about 1 / sqrt(2 N), 2.4e-4 for the 8 million of size L: 10 eps / (2 x 2.4e-4).
EIGHT = (("float64", 5e-12), ("float32", 2.5e-3))
_SLAB = 4  # x-planes checked at once at the large sizes


@dataclass(frozen=True)
class Lattice:
    """A lattice, the phases fermions take at its edges, and what is computed on it.

    With parity "even" only even sites, (x+y+z+t) % 2 == 0, are written: shape (sites / 2, ...) in C order of the whole lattice.
    With more than one source, spinors and results have a leading axis. Field "formula": links and the first source come from
    formulas of `physics.lattice` instead of random numbers.
    Raises WorkloadError for no source, and for parity "even" where an extent is odd: a hop across its edge keeps the parity.
    """

    shape: lattice.Shape  # extents of x, y, z, t
    boundary: tuple[complex, complex, complex, complex] = (1, 1, 1, -1)  # antiperiodic in time
    sources: int = 1
    parity: Literal["full", "even"] = "full"
    field: Literal["random", "formula"] = "random"
    eps: float = 0.8  # roughness of formula links

    def __post_init__(self) -> None:
        if self.sources < 1:
            raise WorkloadError(f"size has {self.sources} sources: give one or more")
        if self.parity == "even" and any(extent % 2 for extent in self.shape):
            raise WorkloadError(f"size {self.shape} has an odd extent: even sites have odd neighbours only if all are even")

    @property
    def sites(self) -> int:
        """Sites of the whole lattice."""
        return int(np.prod(self.shape))

    @property
    def written(self) -> int:
        """Sites of the result, for each source."""
        return self.sites // 2 if self.parity == "even" else self.sites


SizeT = TypeVar("SizeT", bound=Lattice)
Operator = Callable[[Array, Array, Any], Array]  # (links, spinor, which x-planes are the last) -> operator on spinor


def inputs(size: Lattice, seed: int) -> Inputs:
    """Return links[mu, x, y, z, t, a, b] without phases, and spinor[x, y, z, t, spin, colour], sources first if many."""
    named = size.field == "formula"
    links = lattice.formula_links(size.shape, size.eps) if named else lattice.random_links(size.shape, seed)
    spinors = [
        lattice.formula_spinor(size.shape) if named and source == 0 else lattice.random_spinor(size.shape, seed, source)
        for source in range(size.sources)
    ]
    return {"links": links, "spinor": spinors[0] if size.sources == 1 else np.stack(spinors)}


def phased(links: Array, boundary: tuple[complex, ...], last: Any = -1) -> Array:
    """Return a copy with the boundary phases on the links of the last sites; `last` selects them along x."""
    links = links.copy()
    for mu, phase in enumerate(boundary):
        edge = (slice(None),) * mu + (last if mu == 0 else -1,)
        links[mu][edge] *= phase
    return links


def hopping(links: Array, spinor: Array) -> Array:
    """Return D psi on a periodic lattice, written as its definition reads; (U psi)_sa = psi_sb U_ab is psi @ U^T."""
    total = np.zeros_like(spinor)
    for mu, g in enumerate(gamma.matrices()):
        axis = mu - 6  # from the end: sources may come first
        ahead = np.roll(spinor, -1, axis=axis) @ links[mu].swapaxes(-1, -2)
        behind = np.roll(spinor @ links[mu].conj(), 1, axis=axis)
        total += (np.eye(4) - g) @ ahead + (np.eye(4) + g) @ behind
    return total


def written(size: Lattice) -> Array:
    """Tell which sites the result has, shape (x, y, z, t); `spinor[..., written(size), :, :]` lists them in C order."""
    if size.parity == "full":
        return np.ones(size.shape, dtype=bool)
    even: Array = np.indices(size.shape).sum(axis=0) % 2 == 0
    return even


def chosen(size: Lattice, spinor: Array) -> Array:
    """Return the part of a spinor, or of spinors, that the size asks for."""
    return spinor if size.parity == "full" else spinor[..., written(size), :, :]


def spot(size: Lattice, inputs: Mapping[str, Any], outputs: Mapping[str, Any], operator: Operator) -> tuple[Array, Array]:
    """Check every component of every site written, slab by slab, to keep the copies small."""
    sites, mask = np.arange(size.sites).reshape(size.shape), written(size)
    places = sites // (size.sites // size.written)  # of two neighbours along t one is even
    got, want = [], []
    for links, last, inner, xs in _slabs(size, inputs["links"]):
        spinors = np.asarray(inputs["spinor"][_components(sites[xs], size.sources, size.sites)])
        result = operator(links, spinors.reshape(size.sources, len(xs), *size.shape[1:], 4, 3), last)[:, 1:-1]
        want.append(result[:, mask[inner]].ravel())
        there = _components(places[inner][mask[inner]], size.sources, size.written)
        got.append(np.asarray(outputs["out"][there]).ravel())
    return np.concatenate(got), np.concatenate(want)


def nearby(size: SizeT, k: int) -> SizeT:
    """Return a lattice of another even extent in time: longer where it is short, shorter where it is long."""
    x, y, z, t = size.shape
    return replace(size, shape=(x, y, z, t - 2 * (k + 1) if t > 8 else t + 2 * (k + 1)))


def _slabs(size: Lattice, links: Any) -> Iterator[tuple[Array, Array, slice, Array]]:
    """Yield links of some x-planes with a plane more on either side, which planes are the last, the inner planes, and all."""
    extent, plane = size.shape[0], size.sites // size.shape[0]
    sites = np.arange(size.sites).reshape(extent, plane)
    for first in range(0, extent, _SLAB):
        inner = slice(first, min(first + _SLAB, extent))
        xs = np.arange(inner.start - 1, inner.stop + 1) % extent
        mine = (np.arange(4)[:, None] * sites.size + sites[xs].ravel())[..., None] * 9 + np.arange(9)
        yield np.asarray(links[mine]).reshape(4, len(xs), *size.shape[1:], 3, 3), xs == extent - 1, inner, xs


def _components(sites: Array, sources: int, each: int) -> Array:
    """Return flat indices of all components at these sites, of each source; a source has `each` sites."""
    return (np.arange(sources)[:, None, None] * each + sites.reshape(-1, 1)) * 12 + np.arange(12)
