"""Wilson hopping term on SU(3) links: the kernel that lattice QCD spends its time in.

D psi(x) = sum_mu [(1 - g_mu) U_mu(x) psi(x+mu) + (1 + g_mu) U_mu(x-mu)^+ psi(x-mu)], DeGrand-Rossi basis, U_mu(x) from x+mu
to x; a fermion that crosses an edge takes the boundary phase, a factor on U_mu at the last site of direction mu.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Workload
from ngtbench.physics import gamma, lattice

_SLAB = 4  # x-planes checked at once at the large sizes


@dataclass(frozen=True)
class Size:
    """A lattice and the phases fermions take at its edges."""

    shape: lattice.Shape  # extents of x, y, z, t
    boundary: tuple[complex, complex, complex, complex] = (1, 1, 1, -1)  # antiperiodic in time


def inputs(size: Size, seed: int) -> Inputs:
    """Return links[mu, x, y, z, t, a, b] (disordered, without phases) and spinor[x, y, z, t, spin, colour]."""
    return {"links": lattice.random_links(size.shape, seed), "spinor": lattice.random_spinor(size.shape, seed)}


def reference(size: Size, links: Array, spinor: Array) -> dict[str, Array]:
    """Return D psi on the whole lattice."""
    return {"out": hopping(phased(links, size.boundary), spinor)}


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
        ahead = np.roll(spinor, -1, axis=mu) @ links[mu].swapaxes(-1, -2)
        behind = np.roll(spinor @ links[mu].conj(), 1, axis=mu)
        total += (np.eye(4) - g) @ ahead + (np.eye(4) + g) @ behind
    return total


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Check every component of every site, slab by slab with a plane more on either side, to keep the copies small."""
    extent, plane = size.shape[0], int(np.prod(size.shape[1:]))
    sites = np.arange(extent * plane).reshape(extent, plane)
    got, want = [], []
    for first in range(0, extent, _SLAB):
        width = min(_SLAB, extent - first)
        xs = np.arange(first - 1, first + width + 1) % extent
        local = (len(xs), *size.shape[1:])
        mine = (np.arange(4)[:, None] * sites.size + sites[xs].ravel())[..., None] * 9 + np.arange(9)
        links = np.asarray(inputs["links"][mine]).reshape(4, *local, 3, 3)
        spinor = np.asarray(inputs["spinor"][_components(sites[xs])]).reshape(*local, 4, 3)
        slab = hopping(phased(links, size.boundary, xs == extent - 1), spinor)
        want.append(slab[1:-1].ravel())
        got.append(np.asarray(outputs["out"][_components(sites[first : first + width])]).ravel())
    return np.concatenate(got), np.concatenate(want)


def work(size: Size, item_b: int) -> Work:
    """Count 1320 FLOP a site: 16 colour products of 66, 8 projections of 12, 7 accumulations of 24.

    Bytes: 72 reals of links, 24 in, 24 out per site, as if every neighbour were still in cache. Resident besides: links
    packed for both directions, 144.
    """
    sites = int(np.prod(size.shape))
    real_b = item_b * sites
    return Work(flop=1320 * sites, bytes=120 * real_b, memory_b=264 * real_b, events=sites, event="site")


def nearby(size: Size, k: int) -> Size:
    """Return a lattice of another even extent in time: longer where it is short, shorter where it is long."""
    x, y, z, t = size.shape
    return replace(size, shape=(x, y, z, t - 2 * (k + 1) if t > 8 else t + 2 * (k + 1)))


def _components(sites: Array) -> Array:
    return sites.reshape(-1, 1) * 12 + np.arange(12)


WORKLOAD = Workload(
    version=1,
    title="Wilson hopping term, SU(3)",
    inputs=inputs,
    reference=reference,
    spot=spot,
    work=work,
    nearby=nearby,
    sizes={
        "XS": Size((4, 4, 4, 4)),
        "S": Size((8, 8, 8, 8)),
        "M": Size((16, 16, 16, 32)),
        "L": Size((32, 32, 32, 64)),
    },
    tolerance={"float64": 1e-12, "float32": 3e-6},
    impls=(
        Impl("numpy", "lattice.wilson:projected", "numpy"),
        Impl("torch", "lattice.wilson_torch:projected", "torch", devices=("cpu", "gpu")),
        Impl("cupy", "lattice.wilson_cupy:projected", "cupy", devices=("gpu",)),
    ),
    notes=(
        "1320 FLOP per site by the projected algorithm, whatever an implementation does.",
        "Bytes: 120 reals per site, every link and spinor moved once (perfect reuse). Without reuse of neighbours 360 reals.",
        "Full lattice, periodic in space, antiperiodic in time; 18-real links; no even-odd split. Grid's Dhop is -1/2 of this D.",
        "XS and S against the whole oracle; M and L at every site too, slab by slab, so that one wrong element fails.",
        "An implementation keeps links and spinor in a layout of its own: packing is build time, not timed.",
    ),
)
