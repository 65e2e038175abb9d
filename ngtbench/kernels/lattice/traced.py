"""Lattice operators from their traced bodies, for the processor, for numba and for GPUs: the back end decides.

Links are kept in 18 reals with boundary phases multiplied in, or in 12 or 8.
"""

from ngtbench.codegen.kernel import Kernel
from ngtbench.kernels.lattice import clover as array_clover
from ngtbench.kernels.lattice import hopping, layout, staggering
from ngtbench.kernels.lattice.compiled import lattice_of, operator, said, shape_of
from ngtbench.model.workload import Array, Arrays, Run, Setup


def wilson(setup: Setup, links: Array, spinor: Array) -> Run:
    """Apply D, links in 18 reals."""
    return _wilson(setup, hopping.WILSON, links, spinor, 18)


def wilson_12(setup: Setup, links: Array, spinor: Array) -> Run:
    """Apply D, links in 12 reals."""
    return _wilson(setup, hopping.WILSON_12, links, spinor, 12)


def wilson_8(setup: Setup, links: Array, spinor: Array) -> Run:
    """Apply D, links in 8 reals."""
    return _wilson(setup, hopping.WILSON_8, links, spinor, 8)


def wilson_half(setup: Setup, links: Array, spinor: Array) -> Run:
    """Apply D, links and spinors in whole numbers of 16 bits with a scale a site: half the bytes of float32."""
    size, get = setup.size, setup.backend.get
    on, part = lattice_of(setup)
    psi, scale = layout.whole(layout.reals(get(spinor), 24).reshape(size.sources, -1, 24))
    fields = {"links": on.put(layout.units(layout.links(get(links), size.boundary, 18)["links"]))}
    fields |= {"psi": on.put(psi), "scale": on.put(scale)}
    out, kept = on.empty(size.sources, 24, part, "int16"), on.empty(size.sources, 1, part)
    start = on.grid.range(part).start
    apply = on.bind(hopping.WILSON_HALF, {**fields, "out": out, "kept": kept}, part, {"out": start, "kept": start})
    result = {"out": layout.blocked(on.grid, out, shape_of(size, 24), part, kept)}
    setup.say(said(on))

    def run() -> Arrays:
        apply()
        return result

    return run


def clover(setup: Setup, links: Array, spinor: Array) -> Run:
    """Apply 1 + 2 kappa c_sw C - kappa D, links in 18 reals and 72 of the term."""
    return _clover(setup, links, spinor, 18)


def clover_12(setup: Setup, links: Array, spinor: Array) -> Run:
    """Apply the clover operator, links in 12 reals."""
    return _clover(setup, links, spinor, 12)


def clover_8(setup: Setup, links: Array, spinor: Array) -> Run:
    """Apply the clover operator, links in 8 reals."""
    return _clover(setup, links, spinor, 8)


def _clover(setup: Setup, links: Array, spinor: Array, kept: int) -> Run:
    size, host = setup.size, setup.backend.get(links)

    def fields() -> dict[str, Array]:
        diagonal = array_clover.matrix_blocks(host, size.kappa, size.csw)
        return layout.links(host, size.boundary, kept) | {"term": layout.term(diagonal)}

    return operator(setup, hopping.CLOVER[kept], fields, spinor, (-size.kappa,))


def staggered(setup: Setup, links: Array, field: Array) -> Run:
    """Apply D_s, links in 18 reals, eta / 2 multiplied in."""
    return _staggered(setup, links, field, 18)


def staggered_12(setup: Setup, links: Array, field: Array) -> Run:
    """Apply D_s, links in 12 reals."""
    return _staggered(setup, links, field, 12)


def staggered_8(setup: Setup, links: Array, field: Array) -> Run:
    """Apply D_s, links in 8 reals."""
    return _staggered(setup, links, field, 8)


def _wilson(setup: Setup, kernel: Kernel, links: Array, spinor: Array, kept: int) -> Run:
    host = setup.backend.get(links)
    return operator(setup, kernel, lambda: layout.links(host, setup.size.boundary, kept), spinor)


def _staggered(setup: Setup, links: Array, field: Array, kept: int) -> Run:
    host, kernel = setup.backend.get(links), staggering.STAGGERED[kept]
    return operator(setup, kernel, lambda: layout.staggered_links(host, setup.size.boundary, kept), field)
