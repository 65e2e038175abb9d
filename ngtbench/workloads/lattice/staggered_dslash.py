"""Staggered hopping term on SU(3) links: one colour vector a site, the lowest intensity of all lattice operators.

D chi(x) = 1/2 sum_mu eta_mu(x) [U_mu(x) chi(x+mu) - U_mu(x-mu)^+ chi(x-mu)], eta = 1, (-1)^x, (-1)^(x+y), (-1)^(x+y+z) for
mu = x, y, z, t; boundary phases as in lattice/wilson_dslash. The staggered matrix is m + D.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Workload
from ngtbench.physics import lattice
from ngtbench.workloads.lattice import _wilson

_SLAB = 4  # x-planes checked at once at the large sizes


@dataclass(frozen=True)
class Size(_wilson.Lattice):
    """A lattice, the phases fermions take at its edges, and which sites of how many sources are computed."""


def inputs(size: Size, seed: int) -> Inputs:
    """Return links[mu, x, y, z, t, a, b] without phases, and field[x, y, z, t, colour], sources first if many."""
    named = size.field == "formula"
    links = lattice.formula_links(size.shape, size.eps) if named else lattice.random_links(size.shape, seed)
    fields = [
        lattice.formula_field(size.shape) if named and source == 0 else lattice.random_field(size.shape, seed, source)
        for source in range(size.sources)
    ]
    return {"links": links, "field": fields[0] if size.sources == 1 else np.stack(fields)}


def reference(size: Size, links: Array, field: Array) -> dict[str, Array]:
    """Return D chi on the whole lattice, or at its even sites, of each source."""
    out = hopping(_wilson.phased(links, size.boundary), field, np.arange(size.shape[0]))
    return {"out": out if size.parity == "full" else out[..., _wilson.written(size), :]}


def hopping(links: Array, field: Array, xs: Array) -> Array:
    """Return D chi on a periodic lattice, written as its definition reads; `xs` are the x of its planes."""
    x = xs[:, None, None, None]
    y, z = (np.arange(extent).reshape(shape) for extent, shape in zip(field.shape[-4:-2], ((-1, 1, 1), (-1, 1)), strict=True))
    total = np.zeros_like(field)
    for mu, eta in enumerate(((-1) ** (0 * x), (-1) ** x, (-1) ** (x + y), (-1) ** (x + y + z))):
        u, axis = links[mu], mu - 5  # from the end: sources may come first
        ahead = (u @ np.roll(field, -1, axis=axis)[..., None])[..., 0]
        behind = np.roll((u.conj().swapaxes(-1, -2) @ field[..., None])[..., 0], 1, axis=axis)
        total += 0.5 * eta[..., None] * (ahead - behind)
    return total


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Check every component of every site written, slab by slab with a plane more on either side, to keep the copies small."""
    extent, sites, mask = size.shape[0], np.arange(size.sites).reshape(size.shape), _wilson.written(size)
    places = sites // (size.sites // size.written)  # of two neighbours along t one is even
    got, want = [], []
    for first in range(0, extent, _SLAB):
        inner = slice(first, min(first + _SLAB, extent))
        xs = np.arange(inner.start - 1, inner.stop + 1) % extent
        local = (len(xs), *size.shape[1:])
        mine = (np.arange(4)[:, None] * size.sites + sites[xs].ravel())[..., None] * 9 + np.arange(9)
        links = _wilson.phased(np.asarray(inputs["links"][mine]).reshape(4, *local, 3, 3), size.boundary, xs == extent - 1)
        fields = np.asarray(inputs["field"][_colours(sites[xs], size.sources, size.sites)])
        result = hopping(links, fields.reshape(size.sources, *local, 3), xs)[:, 1:-1]
        want.append(result[:, mask[inner]].ravel())
        got.append(np.asarray(outputs["out"][_colours(places[inner][mask[inner]], size.sources, size.written)]).ravel())
    return np.concatenate(got), np.concatenate(want)


def _colours(sites: Array, sources: int, each: int) -> Array:
    """Return flat indices of all components at these sites, of each source; a source has `each` sites."""
    return (np.arange(sources)[:, None, None] * each + sites.reshape(-1, 1)) * 3 + np.arange(3)


def work(size: Size, item_b: int) -> Work:
    """Count 570 FLOP a site: 8 colour products of 66, 7 accumulations of 6.

    Bytes: 72 reals of links, 6 in and 6 out of each source per site, as if every neighbour were still in cache; an even site
    needs the links of both its ends, 144. Resident: the inputs, `out`, and links packed for both directions.
    """
    links, fields = 72 * size.sites, 6 * size.sources * size.written
    return Work(
        flop=570 * size.sources * size.written,
        bytes=item_b * (links + 2 * fields),
        memory_b=item_b * (links + 6 * size.sources * size.sites + 144 * size.written + fields),
        events=size.sources * size.written,
        event="site",
    )


WORKLOAD = Workload(
    version=1,
    title="Staggered hopping term, SU(3)",
    inputs=inputs,
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
        Impl("numpy", "lattice.staggered:blocked", "numpy"),
        Impl("torch", "lattice.staggered_torch:gathered", "torch", devices=("cpu", "gpu")),
        Impl("cupy", "lattice.staggered_cupy:gathered", "cupy", devices=("gpu",)),
        Impl("native", "lattice.traced:staggered", "native"),
        Impl("native-12", "lattice.traced:staggered_12", "native", traffic=0.74),
        Impl("native-8", "lattice.traced:staggered_8", "native", tolerance=_wilson.EIGHT, traffic=0.54),
        Impl("numba", "lattice.traced:staggered", "numba"),
        Impl("rtc", "lattice.traced:staggered", "cupy", devices=("gpu",)),
        Impl("rtc-12", "lattice.traced:staggered_12", "cupy", devices=("gpu",), traffic=0.74),
        Impl("rtc-8", "lattice.traced:staggered_8", "cupy", devices=("gpu",), tolerance=_wilson.EIGHT, traffic=0.54),
    ),
    notes=(
        "One-hop (naive) staggered term with eta ordered x, y, z, t and a factor 1/2; 18-real links.",
        "570 FLOP per site, 8 products of 66 and 7 sums of 6, whatever an implementation does.",
        "Bytes: 84 reals per site, every link and field moved once (perfect reuse). Without reuse of neighbours 198 reals.",
        "Many sources: 72 + 12 n reals per site with perfect reuse, 144 + 54 n without reuse of neighbours.",
        "Periodic in space, antiperiodic in time.",
        "-eo: the even half, which reads odd sites only; per even site 144 + 12 n reals, for its links serve no other even site.",
        "-rhs: n sources at once, each link read once for all of them; FLOP, events and rates count every source.",
        "XS and S against the whole oracle; M and L at every site too, slab by slab, so that one wrong element fails.",
        "An implementation keeps links and field in a layout of its own: packing is build time, not timed.",
    ),
)
