"""The even-odd solvers in CuPy: the text of `solve`, hopping by gathers."""

from collections.abc import Callable, Sequence

import cupy as cp

from ngtbench.kernels.lattice.schur import Hop, Library
from ngtbench.kernels.lattice.solve import build
from ngtbench.kernels.lattice.wilson import Parity
from ngtbench.kernels.lattice.wilson_cupy import Hopping
from ngtbench.model.workload import Setup, Trial, Watch


def cg(setup: Setup, links: cp.ndarray, spinor: cp.ndarray) -> Callable[[int, Watch], Trial]:
    """Solve by CG in the precision of the case."""
    return build(setup, links, spinor, _library(), "cg")


def cg_mixed(setup: Setup, links: cp.ndarray, spinor: cp.ndarray) -> Callable[[int, Watch], Trial]:
    """Solve by CG in float32 with reliable updates in float64."""
    return build(setup, links, spinor, _library(), "cg-mixed")


def _library() -> Library:
    return Library(cp, cp.asarray, _hop)


def _hop(links: cp.ndarray, boundary: Sequence[complex], parity: Parity) -> Hop:
    hopping = Hopping(links, tuple(boundary), parity)

    def hop(psi: cp.ndarray, out: cp.ndarray) -> None:
        out.fill(0)
        hopping.add(psi.transpose(1, 2, 0, 3), out.transpose(1, 2, 0, 3))  # it keeps sources behind spin and colour

    return hop
