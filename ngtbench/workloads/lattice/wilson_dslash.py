"""Wilson hopping term on SU(3) links: the kernel that lattice QCD spends its time in.

D psi(x) = sum_mu [(1 - g_mu) U_mu(x) psi(x+mu) + (1 + g_mu) U_mu(x-mu)^+ psi(x-mu)], DeGrand-Rossi basis, U_mu(x) from x+mu
to x; a fermion that crosses an edge takes the boundary phase, a factor on U_mu at the last site of direction mu.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Workload
from ngtbench.workloads.lattice import _wilson


@dataclass(frozen=True)
class Size(_wilson.Lattice):
    """A lattice, the phases fermions take at its edges, and which sites of how many sources are computed."""


def reference(size: Size, links: Array, spinor: Array) -> dict[str, Array]:
    """Return D psi on the whole lattice, or at its even sites, of each source."""
    return {"out": _wilson.chosen(size, _wilson.hopping(_wilson.phased(links, size.boundary), spinor))}


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Check every component of every site, slab by slab."""

    def operator(links: Array, spinor: Array, last: Any) -> Array:
        return _wilson.hopping(_wilson.phased(links, size.boundary, last), spinor)

    return _wilson.spot(size, inputs, outputs, operator)


def work(size: Size, item_b: int) -> Work:
    """Count 1320 FLOP a site: 16 colour products of 66, 8 projections of 12, 7 accumulations of 24.

    Bytes: 72 reals of links, 24 in and 24 out of each source per site, as if every neighbour were still in cache; an even site
    needs the links of both its ends, 144. Resident: the inputs, `out`, and links packed for both directions.
    """
    links = 72 * size.sites
    read = links + 24 * size.sources * size.written
    out = 24 * size.sources * size.written
    packed = 144 * size.written
    return Work(
        flop=1320 * size.sources * size.written,
        bytes=item_b * (read + out),
        memory_b=item_b * (links + 24 * size.sources * size.sites + packed + out),
        events=size.sources * size.written,
        event="site",
    )


# 16 bits a number: links, psi and the result are each off by at most 1/65534 of 1, of the largest component of a site, of the
# same, evenly spread. Psi's components are at most 1.7 rms: the error of a component is some 2e-5 rms, 5 times that the largest
# of many; 1.1e-4 was seen. A bit less would be 2.1e-4.
_HALF = (("float32", 1.8e-4),)

WORKLOAD = Workload(
    version=1,
    title="Wilson hopping term, SU(3)",
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
        "S-rhs4": Size((8, 8, 8, 8), sources=4),
        "S-rhs12": Size((8, 8, 8, 8), sources=12),
        "S-16": Size((16, 16, 16, 16)),
        "S-16eo": Size((16, 16, 16, 16), parity="even"),
        "S-16rhs12": Size((16, 16, 16, 16), sources=12),
        "M-eo": Size((16, 16, 16, 32), parity="even"),
        "M-rhs4": Size((16, 16, 16, 32), sources=4),
        "M-rhs12": Size((16, 16, 16, 32), sources=12),
    },
    tolerance={"float64": 1e-12, "float32": 3e-6},
    impls=(
        Impl("numpy", "lattice.wilson:projected", "numpy"),
        Impl("torch", "lattice.wilson_torch:projected", "torch", devices=("cpu", "gpu")),
        Impl("cupy", "lattice.wilson_cupy:projected", "cupy", devices=("gpu",)),
        Impl("native", "lattice.traced:wilson", "native"),
        Impl("native-12", "lattice.traced:wilson_12", "native", traffic=0.76),
        Impl("native-8", "lattice.traced:wilson_8", "native", tolerance=_wilson.EIGHT, traffic=0.59),
        Impl("native-half", "lattice.traced:wilson_half", "native", dtypes=("float32",), tolerance=_HALF, traffic=0.5),
        Impl("numba", "lattice.traced:wilson", "numba"),
        Impl("rtc", "lattice.traced:wilson", "cupy", devices=("gpu",)),
        Impl("rtc-12", "lattice.traced:wilson_12", "cupy", devices=("gpu",), traffic=0.76),
        Impl("rtc-8", "lattice.traced:wilson_8", "cupy", devices=("gpu",), tolerance=_wilson.EIGHT, traffic=0.59),
        Impl("rtc-half", "lattice.traced:wilson_half", "cupy", ("gpu",), ("float32",), tolerance=_HALF, traffic=0.5),
    ),
    notes=(
        "1320 FLOP per site by the projected algorithm, whatever an implementation does.",
        "Bytes: 120 reals per site, every link and spinor moved once (perfect reuse). Without reuse of neighbours 360 reals.",
        "Many sources: 72 + 48 n reals per site with perfect reuse, 144 + 216 n without reuse of neighbours.",
        "Periodic in space, antiperiodic in time; 18-real links. Grid's Dhop is -1/2 of this D.",
        "-eo: the even half, which reads odd sites only; per even site 144 + 48 n reals, for its links serve no other even site.",
        "-rhs: n sources at once, each link read once for all of them; FLOP, events and rates count every source.",
        "XS and S against the whole oracle; M and L at every site too, slab by slab, so that one wrong element fails.",
        "-12: two rows of a link are kept; the third, rebuilt, is off by 4 eps at most; 24 such random terms: 20 eps of the rms.",
        "-8: tan(arg a1 / 2), tan(arg c1 / 2), a2, a3, b1 of rows a, b, c; tolerance: see lattice/_wilson.py.",
        "-12 and -8: rebuilding is not counted: 42 and 95 FLOP a link, and a factor for the boundary in two hops.",
        "An implementation keeps links and spinor in a layout of its own: packing is build time, not timed.",
    ),
)
