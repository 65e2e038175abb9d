"""Wilson-clover matrix on SU(3) links: the hopping term and two Hermitian 6 x 6 blocks a site.

M = 1 + 2 kappa c_sw C - kappa D, D as in lattice/wilson_dslash. C = (i/4) sum_{mu, nu} sigma_{mu nu} F_{mu nu} over both
orders, sigma_{mu nu} = (i/2) [g_mu, g_nu], F = (Q - Q^+) / 8 with its trace kept, Q the sum of four leaves: plaquettes that
start and end at x, all turning from mu to nu. The clover term is of links without boundary phases.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Workload
from ngtbench.physics import gamma
from ngtbench.workloads.lattice import _wilson


@dataclass(frozen=True)
class Size(_wilson.Lattice):
    """A lattice, the sites and sources computed, and the two parameters of the matrix."""

    kappa: float = 0.12
    csw: float = 1.0


def reference(size: Size, links: Array, spinor: Array) -> dict[str, Array]:
    """Return M psi on the whole lattice, or at its even sites, of each source."""
    return {"out": _wilson.chosen(size, matrix(size, links, spinor))}


def matrix(size: Size, links: Array, spinor: Array, last: Any = -1) -> Array:
    """Return M psi of a spinor, or of spinors; `last` selects the x-planes whose links take the phase of x."""
    hopped = _wilson.hopping(_wilson.phased(links, size.boundary, last), spinor)
    return spinor + 2 * size.kappa * size.csw * clover(links, spinor) - size.kappa * hopped


def clover(links: Array, spinor: Array) -> Array:
    """Return C psi; (F psi)_sa = psi_sb F_ab is psi @ F^T. Both orders of mu and nu give the same, so one is doubled."""
    g = gamma.matrices()
    total = np.zeros_like(spinor)
    for mu in range(4):
        for nu in range(mu + 1, 4):
            sigma = 0.5j * (g[mu] @ g[nu] - g[nu] @ g[mu])
            total += 2 * 0.25j * sigma @ (spinor @ field_strength(links, mu, nu).swapaxes(-1, -2))
    return total


def field_strength(links: Array, mu: int, nu: int) -> Array:
    """Return F_{mu nu}, shape (x, y, z, t, 3, 3), its four leaves written link by link as a walk from x passes them."""

    def u(direction: int, *steps: tuple[int, int]) -> Array:
        moved: Array = links[direction]
        for axis, step in steps:
            moved = np.roll(moved, -step, axis=axis)
        return moved

    leaves = (
        u(mu) @ u(nu, (mu, 1)) @ dagger(u(mu, (nu, 1))) @ dagger(u(nu))
        + u(nu) @ dagger(u(mu, (nu, 1), (mu, -1))) @ dagger(u(nu, (mu, -1))) @ u(mu, (mu, -1))
        + dagger(u(mu, (mu, -1))) @ dagger(u(nu, (mu, -1), (nu, -1))) @ u(mu, (mu, -1), (nu, -1)) @ u(nu, (nu, -1))
        + dagger(u(nu, (nu, -1))) @ u(mu, (nu, -1)) @ u(nu, (mu, 1), (nu, -1)) @ dagger(u(mu))
    )
    strength: Array = (leaves - dagger(leaves)) / 8
    return strength


def dagger(matrices: Array) -> Array:
    """Return the Hermitian conjugate of each matrix."""
    conjugate: Array = matrices.conj().swapaxes(-1, -2)
    return conjugate


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Check every component of every site, slab by slab."""

    def operator(links: Array, spinor: Array, last: Any) -> Array:
        return matrix(size, links, spinor, last)

    return _wilson.spot(size, inputs, outputs, operator)


def work(size: Size, item_b: int) -> Work:
    """Count 1872 FLOP a site: 1320 of the hopping term, 504 of two 6 x 6 blocks (12 + 30 x 6 + 30 x 2 each), 48 to join them.

    Bytes per site: 72 reals of links, 72 of the blocks, 24 in and 24 out of each source, all moved once. An even site needs
    the links of both its ends, 144, and reads a spinor of its own besides those of odd sites. Resident as for the hopping
    term, and the blocks.
    """
    links, blocks = 72 * size.sites, 72 * size.written
    read = links + blocks + 24 * size.sources * size.sites
    out = 24 * size.sources * size.written
    packed = 144 * size.written
    return Work(
        flop=1872 * size.sources * size.written,
        bytes=item_b * (read + out),
        memory_b=item_b * (read + out + packed),
        events=size.sources * size.written,
        event="site",
    )


WORKLOAD = Workload(
    version=1,
    title="Wilson-clover matrix, SU(3)",
    inputs=_wilson.inputs,
    reference=reference,
    spot=spot,
    work=work,
    nearby=_wilson.nearby,
    sizes={
        "XS": Size((4, 4, 4, 4)),
        "S": Size((8, 8, 8, 8)),
        "M": Size((16, 16, 16, 32)),
        "L": Size((32, 32, 32, 64)),
        "S-eo": Size((8, 8, 8, 8), parity="even"),
        "S-rhs12": Size((8, 8, 8, 8), sources=12),
        "S-16": Size((16, 16, 16, 16)),
        "M-eo": Size((16, 16, 16, 32), parity="even"),
        "M-rhs12": Size((16, 16, 16, 32), sources=12),
    },
    tolerance={"float64": 1e-12, "float32": 3e-6},
    impls=(
        Impl("numpy", "lattice.clover:projected", "numpy"),
        Impl("torch", "lattice.clover_torch:projected", "torch", devices=("cpu", "gpu")),
        Impl("cupy", "lattice.clover_cupy:projected", "cupy", devices=("gpu",)),
        Impl("native", "lattice.traced:clover", "native"),
        Impl("native-12", "lattice.traced:clover_12", "native", traffic=0.83),
        Impl("native-8", "lattice.traced:clover_8", "native", tolerance=_wilson.EIGHT, traffic=0.72),
        Impl("numba", "lattice.traced:clover", "numba"),
        Impl("rtc", "lattice.traced:clover", "cupy", devices=("gpu",)),
        Impl("rtc-12", "lattice.traced:clover_12", "cupy", devices=("gpu",), traffic=0.83),
        Impl("rtc-8", "lattice.traced:clover_8", "cupy", devices=("gpu",), tolerance=_wilson.EIGHT, traffic=0.72),
    ),
    notes=(
        "M = 1 + 2 kappa c_sw C - kappa D, kappa 0.12, c_sw 1; C of links without boundary phases, F with its trace.",
        "1872 FLOP per site: 1320 + 504 + 48, whatever an implementation does; to make the blocks is build time, not timed.",
        "Bytes: 192 reals per site, every link, block and spinor moved once (perfect reuse). Without any reuse 456.",
        "Many sources: 144 + 48 n reals per site with perfect reuse. Blocks are two Hermitian 6 x 6, 72 reals a site.",
        "-eo: the even half of M psi, from odd sites and the even site itself; 216 + 72 n reals per even site.",
        "-rhs: n sources at once, each link and block read once for all of them; FLOP, events and rates count every source.",
        "XS and S against the whole oracle; M and L at every site too, slab by slab, so that one wrong element fails.",
    ),
)
