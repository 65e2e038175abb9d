"""The public operators: on traced kernels where they can be compiled, in array operations where not."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ngtbench.codegen.engine import available, engine, threads
from ngtbench.codegen.kernel import Kernel
from ngtbench.errors import Unavailable
from ngtbench.kernels.lattice import hopping, layout, staggered, staggering, wilson
from ngtbench.kernels.lattice.check import check_boundary, check_field
from ngtbench.kernels.lattice.compiled import lattice
from ngtbench.model.workload import Array


def wilson_dslash(links: Array, spinor: Array, *, boundary: Sequence[complex] = (1, 1, 1, -1)) -> Array:
    """Return D psi(x) = sum_mu [(1 - g_mu) U_mu(x) psi(x+mu) + (1 + g_mu) U_mu(x-mu)^+ psi(x-mu)].

    links[mu, x, y, z, t, a, b] transport from x+mu to x, spinor[x, y, z, t, spin, colour], DeGrand-Rossi basis; both
    complex128, or both complex64, and so is the result. `boundary` is the phase of a fermion crossing each edge, a factor on
    U_mu at the last site of direction mu. The Wilson matrix is 1 - kappa D.
    Raises BadInput for another shape, dtype or boundary.
    """
    check_field("wilson_dslash", links, spinor)
    check_boundary("wilson_dslash", boundary)
    done = applied(hopping.WILSON, lambda: layout.links(links, boundary, 18), spinor)
    return wilson.hopping_numpy(links, spinor, boundary) if done is None else done


def staggered_dslash(links: Array, field: Array, *, boundary: Sequence[complex] = (1, 1, 1, -1)) -> Array:
    """Return D_s chi(x) = 1/2 sum_mu eta_mu(x) [U_mu(x) chi(x+mu) - U_mu(x-mu)^+ chi(x-mu)].

    links[mu, x, y, z, t, a, b] transport from x+mu to x, field[x, y, z, t, colour]; both complex128, or both complex64, and so
    is the result. eta = 1, (-1)^x, (-1)^(x+y), (-1)^(x+y+z); `boundary` as in `wilson_dslash`. The matrix is m + D_s.
    Raises BadInput for another shape, dtype or boundary.
    """
    check_field("staggered_dslash", links, field, "field", (3,))
    check_boundary("staggered_dslash", boundary)
    done = applied(staggering.STAGGERED[18], lambda: layout.staggered_links(links, boundary, 18), field)
    return staggered.staggered_numpy(links, field, boundary) if done is None else done


def applied(kernel: Kernel, fields: Callable[[], Mapping[str, Array]], numbers: Array) -> Array | None:
    """Return what a kernel writes for one source of complex numbers; None where it can be compiled in no way."""
    components = next(field.components for field in kernel.fields if field.name == "psi")
    dtype = numbers.real.dtype.name
    for backend in available():
        try:
            on = lattice(numbers.shape[:4], engine(backend, dtype, threads()))
            out = on.empty(1, components)
            packed = {name: on.put(reals) for name, reals in fields().items()}
            on.bind(kernel, {**packed, "psi": on.spinors(np.ascontiguousarray(numbers), components), "out": out}, "all", {})()
        except Unavailable:
            continue
        result = np.empty(numbers.shape, numbers.dtype)
        on.numbers(out, "all", result)
        return result
    return None
